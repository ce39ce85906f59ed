"""The .mat files of IMDB-WIKI, row by row: what they say, and which rows can be used."""

import io
import unicodedata
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import scipy.io

from renet.common import drop_reasons
from renet.common.errors import InputError
from renet.common.imdb_wiki import BOX_COLUMNS
from renet.common.text import printable
from renet.metadata import isolation

COLUMNS = [
    "row", "path", "source", "subject", "name", "gender", "age", "dob", "photo_taken",
    "face_score", "second_face_score", *BOX_COLUMNS, "status", "reason",
]  # fmt: skip

UNIX_EPOCH_ORDINAL = 719_163  # date(1970, 1, 1).toordinal()
MATLAB_ORDINAL_SHIFT = 366  # MATLAB counts days from the year 0, Python from the year 1
MAX_DAY, MAX_YEAR, MAX_ID = 10**7, 10**4, 10**9  # beyond them numbers cannot mean what they should
PAGE_NUMBER = r"/(\d+)_"  # begins the name of a WIKI photo


def read_mat(mat: BinaryIO | bytes | str | Path, database: str) -> pd.DataFrame:
    """Read `wiki.mat` or `imdb.mat`: one row for each photo, in the file's order.

    Args:
        mat: the file, open or as its bytes or its path.
        database: name of the struct in it, `wiki` or `imdb`.

    Returns:
        The columns `path, name, celeb_id, gender, dob, photo_taken, face_score, second_face_score,
        x1, y1, x2, y2`; numbers are float64 as MATLAB means them (scipy's compact unsigned types
        would wrap around in arithmetic), dob is MATLAB's serial day.

    Raises:
        InputError: the file is no MATLAB v5 file with that struct and these fields.
    """
    where = mat if isinstance(mat, str | Path) else f"{database}.mat"
    try:
        # scipy's reader is in C, and some damaged files end the process that it runs in.
        return isolation.in_child(_read, mat, database, where)
    except isolation.ChildCrashed as error:
        raise InputError(
            f"{where} is damaged in a way that no reader survives ({error}); fetch it again."
        ) from error


def _read(mat: BinaryIO | bytes | str | Path, database: str, where: str | Path) -> pd.DataFrame:
    fields = _load_fields(mat, database, where)
    try:
        # Each field goes as soon as it is read: MATLAB's cells take a kilobyte a row.
        boxes = [np.ravel(box) for box in fields.pop("face_location")]
        boxes = np.array(boxes, dtype=np.float64).reshape(-1, 4)
        table = pd.DataFrame(boxes, columns=BOX_COLUMNS)
        for name, field in (("path", "full_path"), ("name", "name")):
            table[name] = [_text(cell) for cell in fields.pop(field)]
        table["celeb_id"] = fields.get("celeb_id", np.full(len(boxes), np.nan))
        for name in ("gender", "dob", "photo_taken", "face_score", "second_face_score"):
            table[name] = fields[name].astype(np.float64)
        table["dob"] = np.floor(table["dob"])  # the time of day is none of our business
        largest = {"dob": MAX_DAY, "photo_taken": MAX_YEAR, "celeb_id": MAX_ID, "gender": 1}
        for name, bound in largest.items():
            table[name] = _whole_numbers(table[name], bound)
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(
            f"{where} does not have the fields of IMDB-WIKI's metadata, each with one entry a "
            f"photo ({error}); check the source's database in the config."
        ) from error
    return table


def _load_fields(
    mat: BinaryIO | bytes | str | Path, database: str, where: str | Path
) -> dict[str, np.ndarray]:
    """The fields of the struct, flat."""
    stream = io.BytesIO(mat) if isinstance(mat, bytes) else mat
    try:
        content = scipy.io.loadmat(stream, variable_names=[database], mat_dtype=True)
        struct = content[database][0, 0]
        return {name: np.ravel(struct[name]) for name in struct.dtype.names}
    except FileNotFoundError as error:
        raise InputError(f"{where} does not exist.") from error
    except NotImplementedError as error:
        raise InputError(
            f"{where} is a MATLAB v7.3 file, which is HDF5, and IMDB-WIKI's are of v5; write it "
            "again in MATLAB with save -v7."
        ) from error
    except Exception as error:  # a decoder of foreign bytes raises anything
        raise InputError(
            f"{where} is not a MATLAB v5 file with a struct named {database} "
            f"({type(error).__name__}: {error}); check the file and the source's database in the "
            "config."
        ) from error


def _whole_numbers(numbers: pd.Series, largest: int) -> pd.Series:
    """NaN, which is not known, in place of what is no whole number from 0 to `largest`."""
    return numbers.where(numbers.between(0, largest) & (numbers == np.floor(numbers)))


def _text(cell: np.ndarray) -> str:
    """The text of a MATLAB cell; 124 of WIKI's names are empty arrays."""
    return printable(str(np.ravel(cell)[0])) if np.size(cell) else ""


def birth_dates(dob: np.ndarray) -> np.ndarray:
    """MATLAB serial days as dates (datetime64[D]); NaN gives NaT.

    A day before the year 1 counts as its first day, as the field's scripts have it.
    """
    known = np.isfinite(dob)
    ordinal = np.maximum(np.where(known, dob, 0).astype(np.int64) - MATLAB_ORDINAL_SHIFT, 1)
    dates = (ordinal - UNIX_EPOCH_ORDINAL).astype("datetime64[D]")
    return np.where(known, dates, np.datetime64("NaT"))


def ages(dob: np.ndarray, photo_taken: np.ndarray) -> np.ndarray:
    """Age in whole years on the photo, taking it to be made in the middle of its year.

    As published with the data set: one year less for whoever was born in July or later.
    """
    born = birth_dates(dob)
    year = born.astype("datetime64[Y]").astype(np.float64) + 1970
    month = (born.astype("datetime64[M]") - born.astype("datetime64[Y]")).astype(np.float64) + 1
    age = photo_taken - year - (month >= 7)
    return np.where(np.isnat(born), np.nan, age)


def subjects(table: pd.DataFrame, database: str) -> pd.Series:
    """Who is on each photo: the normalised name, since a person can be in both data sets.

    Without a name, IMDB's celeb_id or the page number that starts a WIKI file name stands in.
    """
    names = table["name"].map(normalised_name)
    page = table.path.str.extract(PAGE_NUMBER, expand=False)
    celeb = table.celeb_id.astype("Int64").astype("string")
    identity = celeb.fillna(page.astype("string")).fillna(table.path)
    return names.where(names != "", f"{database}:" + identity)


def normalised_name(name: str) -> str:
    """A name without accents, case, punctuation and doubled spaces: `Dürer,  A.` is `durer a`."""
    decomposed = unicodedata.normalize("NFKD", name)
    letters = "".join(
        character if character.isalnum() else " "
        for character in decomposed
        if not unicodedata.combining(character)
    )
    return " ".join(letters.casefold().split())


def judge(
    table: pd.DataFrame,
    held: np.ndarray | None,
    *,
    min_face_score: float,
    allow_second_face: bool,
    min_age: float,
    max_age: float,
) -> pd.Series:
    """Why each row is dropped: the first of `OF_METADATA` that holds, "" where none does.

    Args:
        table: as from `read_mat`, with a column `age`.
        held: whether the archives hold each row's photo; None skips `missing_file`.
    """
    return first_reason(
        {
            drop_reasons.MISSING_FILE: np.zeros(len(table), bool) if held is None else ~held,
            # NaN is neither: a public pipeline that took it for "not 1" made 2,643 men women.
            drop_reasons.GENDER_UNKNOWN: ~table.gender.isin([0, 1]),
            drop_reasons.NO_FACE: ~np.isfinite(table.face_score),
            drop_reasons.SECOND_FACE: table.second_face_score.notna() & (not allow_second_face),
            drop_reasons.AGE_OUT_OF_RANGE: ~table.age.between(min_age, max_age),
            drop_reasons.LOW_FACE_SCORE: ~(table.face_score >= min_face_score),
        },
        table.index,
    )


def first_reason(rules: dict[str, np.ndarray | pd.Series], index: pd.Index) -> pd.Series:
    """The first of the reasons, in the order of `rules`, that holds for each row; else ""."""
    return pd.Series(np.select(list(rules.values()), list(rules), default=""), index=index)


def describe(
    table: pd.DataFrame, source: str, database: str, held: np.ndarray | None, rules: dict
) -> pd.DataFrame:
    """The table metadata.csv: every row of the .mat, kept or with its one reason (`COLUMNS`).

    Args:
        table: as from `read_mat`.
        source: name of the source in the config.
        database: `wiki` or `imdb`.
        held: as in `judge`.
        rules: the keyword arguments of `judge`, the config's section `filter`.
    """
    described = table.assign(
        source=source,
        subject=subjects(table, database),
        age=ages(table.dob.to_numpy(), table.photo_taken.to_numpy()),
        dob=birth_dates(table.dob.to_numpy()).astype(str),
    )
    return finish(described, judge(described, held, **rules))


def finish(described: pd.DataFrame, reason: pd.Series) -> pd.DataFrame:
    """Number the rows of a source, and put their reasons and the columns in order (`COLUMNS`)."""
    described = described.assign(
        row=np.arange(len(described)),
        reason=reason,
        status=np.where(reason == "", drop_reasons.KEPT, drop_reasons.DROPPED),
    )
    whole_numbers = ["gender", "age", "photo_taken"]
    described[whole_numbers] = described[whole_numbers].astype("Int64")
    return described[COLUMNS]


def funnel(found: pd.Series, order: list[str], first_step: str = "rows") -> pd.DataFrame:
    """How many rows each reason takes, one after the other.

    Returns:
        The columns `step`, `dropped` and `remaining`; the first line is all rows.
    """
    dropped = found.value_counts().reindex(order, fill_value=0)
    remaining = len(found) - dropped.cumsum()
    steps = pd.DataFrame({"step": order, "dropped": dropped.to_numpy(), "remaining": remaining})
    start = pd.DataFrame({"step": [first_step], "dropped": [0], "remaining": [len(found)]})
    return pd.concat([start, steps], ignore_index=True)


def read_metadata(metadata_file: str | Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Read metadata.csv back; names and paths stay text, whatever they look like."""
    text = ["path", "source", "subject", "name", "dob", "status", "reason"]
    return pd.read_csv(
        metadata_file,
        usecols=columns,
        dtype={name: str for name in text if columns is None or name in columns},
        keep_default_na=False,
        na_values={name: ["", "nan"] for name in COLUMNS if name not in text},
    )
