"""Read the rows of IMDB-WIKI's .mat files, and compute the age and subject of each row."""

from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np
import pandas as pd
import scipy.io

from renet.archives import receipts, tar_index
from renet.common.errors import InputError
from renet.common.imdb_wiki import BOX_COLUMNS, IMDB
from renet.common.table import printable
from renet.metadata.subjects import normalised_name, photo_subjects

UNIX_EPOCH_ORDINAL = 719_163  # date(1970, 1, 1).toordinal()
MATLAB_ORDINAL_SHIFT = 366  # MATLAB counts days from the year 0, Python from the year 1
# Larger numbers are damage and become NaN.
LARGEST = {"dob": 10**7, "photo_taken": 10**4, "celeb_id": 10**9, "gender": 1}
PAGE_NUMBER = r"/(\d+)_"  # at the start of a WIKI photo's file name


def read(stream: IO[bytes], database: str, name: str) -> pd.DataFrame:
    """Read the rows of `wiki.mat` or `imdb.mat`, in the file's order; `name` is the file in errors.

    Columns: `path, name, celeb_id, gender, dob, photo_taken, face_score, second_face_score, x1, y1,
    x2, y2`. Numbers are float64; dob is MATLAB's serial day number.
    """
    fields = _load_fields(stream, database, name)
    try:
        return _to_table(fields, database)
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(
            f"{name} lacks a field of IMDB-WIKI's metadata, or entries of a field ({error}); check "
            "`database` of the source in the config."
        ) from error


def read_from_archives(
    database: str, members: Path, receipt_files: list[Path]
) -> tuple[PurePosixPath, pd.DataFrame]:
    """Read a .mat file in the archives; return its folder in the archive, and its rows."""
    file, member = tar_index.find_metadata(members, database)
    with Path(receipts.read(receipt_files[file]).path).open("rb") as tar:
        stream = BytesIO(tar_index.read_member(tar, member.offset, member.size))
    rows = read(stream, database, f"{member.name} in {tar.name}")
    return PurePosixPath(member.name).parent, rows


def _load_fields(stream: IO[bytes], database: str, name: str) -> dict[str, np.ndarray]:
    try:
        # A squeezed cell with a text is a `str`, which takes less than half the memory of an array.
        options = {"variable_names": [database], "mat_dtype": True, "squeeze_me": True}
        struct = scipy.io.loadmat(stream, **options)[database].reshape(1)[0]
        return {name: struct[name] for name in struct.dtype.names}
    except MemoryError:
        raise  # an error of the machine, not of the file
    except Exception as error:  # scipy raises any exception on damaged bytes
        raise InputError(
            f"{name} is not a MATLAB v5 file with a struct named {database} "
            f"({type(error).__name__}: {error}); check the file, and `database` of the source in "
            "the config."
        ) from error


def _to_table(fields: dict[str, np.ndarray], database: str) -> pd.DataFrame:
    # Each field is released once it is converted; pandas refuses fields of different lengths.
    boxes = np.array(_cells(fields.pop("face_location")), dtype=np.float64)
    table = pd.DataFrame(boxes.reshape(-1, 4), columns=BOX_COLUMNS)
    if table.empty:
        raise ValueError("it has no row")
    for column, field in (("path", "full_path"), ("name", "name")):
        table[column] = [_text(cell) for cell in _cells(fields.pop(field))]
    if database != IMDB:  # only IMDB's celeb_id identifies people
        fields["celeb_id"] = np.full(len(table), np.nan)
    for name in ("celeb_id", "gender", "dob", "photo_taken", "face_score", "second_face_score"):
        # In float64, because scipy's compact unsigned types wrap around in arithmetic.
        table[name] = np.ravel(fields[name]).astype(np.float64)
    table["dob"] = np.floor(table["dob"])  # drop the time of day
    for name, bound in LARGEST.items():
        is_known = table[name].between(0, bound) & (table[name] == np.floor(table[name]))
        table[name] = table[name].where(is_known)
    return table


def _cells(field: Any) -> list:
    """Return a cell array as a list; scipy squeezes an array of one cell to the cell itself."""
    is_array = isinstance(field, np.ndarray) and field.dtype == object
    return np.ravel(field).tolist() if is_array else [field]


def _text(cell: Any) -> str:
    """Return the text of a cell, empty for an empty array: 124 names of WIKI are such arrays."""
    return printable(str(np.ravel(cell)[0])) if np.size(cell) else ""


def describe(rows: pd.DataFrame, source: str, database: str) -> pd.DataFrame:
    """Add the columns of metadata.csv to rows from `read`."""
    births = birth_dates(rows.dob.to_numpy())
    return rows.assign(
        id=[f"{source}:{number}" for number in range(len(rows))],
        subset="",
        not_labelled=False,
        repeated=False,
        source=source,
        subject=subjects(rows, database),
        age=ages(rows.dob.to_numpy(), rows.photo_taken.to_numpy()),
        dob=np.where(np.isnat(births), "", births.astype(str)),
    )


def birth_dates(dob: np.ndarray) -> np.ndarray:
    """Convert MATLAB's serial days to dates (datetime64[D]), and NaN to NaT."""
    known = np.isfinite(dob)
    # Days before the year 1 become its first day, as in the data set's own scripts.
    ordinal = np.maximum(np.where(known, dob, 0).astype(np.int64) - MATLAB_ORDINAL_SHIFT, 1)
    dates = (ordinal - UNIX_EPOCH_ORDINAL).astype("datetime64[D]")
    return np.where(known, dates, np.datetime64("NaT"))


def ages(dob: np.ndarray, photo_taken: np.ndarray) -> np.ndarray:
    """Return ages in whole years in the middle of the photo's year, by the data set's formula."""
    born = pd.DatetimeIndex(birth_dates(dob).astype("datetime64[s]"))  # covers all years
    return (photo_taken - born.year - (born.month >= 7)).to_numpy()


def subjects(rows: pd.DataFrame, database: str) -> pd.Series:
    """Return each photo's subject: the name, because a person can be in both IMDB and WIKI.

    Without a name, the subject is IMDB's celeb_id or WIKI's page number; else the photo's path.
    """
    names = rows["name"].map(normalised_name)
    page = rows.path.str.extract(PAGE_NUMBER, expand=False)
    celeb = rows.celeb_id.astype("Int64").astype("string")
    identity = f"{database}:" + celeb.fillna(page.astype("string"))
    return names.where(names != "", identity.fillna(photo_subjects(database, rows.path)))
