"""A table of the user's own photos in place of a .mat file: a CSV with one line for each photo.

Columns: `path` (in the folder or tar of photos), `gender`, and optionally `subject` (who it is),
`age` (in years), `year` (of the photo), `x1`, `y1`, `x2`, `y2` (the face in the photo, in pixels
counted from 1, both ends included), and `subset` (train, validation or test). An empty field means
unknown. See `renet.common.user_tables` for the format.
"""

import logging
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from renet.common import user_tables
from renet.common.errors import InputError
from renet.common.imdb_wiki import BOX_COLUMNS
from renet.common.photo_formats import FORMATS, SUFFIXES
from renet.metadata.subjects import normalised_name, of_photos
from renet.metadata.tables import SUBSETS

REQUIRED, OPTIONAL = ["path", "gender"], ["subject", "age", "year", *BOX_COLUMNS, "subset"]
LARGEST = 10**9  # larger than any age or coordinate
DECIMAL_COMMA = r"^(-?\d+),(\d{1,2})$"


def read(table_file: str | Path, *, whole: bool = False) -> pd.DataFrame:
    """Read a table of photos.

    Args:
        whole: whether faces are to be cropped by their boxes, so that a photo can have several.

    Returns:
        The columns of `REQUIRED` and `OPTIONAL`, in the file's order, and `repeated`: whether an
        earlier row describes the same face. Gender is 0, 1 or NaN; an empty field or absent column
        is "" for text and NaN for numbers.

    Raises:
        InputError: the file is not a CSV in UTF-8 with these columns, has an invalid field, or
            contradicts itself.
    """
    written = user_tables.read(table_file, REQUIRED, OPTIONAL)
    if written.empty:
        raise InputError(f"{table_file} has no line below its header.")
    given = (written[BOX_COLUMNS] != "").any()
    if given.any() and not given.all():
        raise InputError(
            f"{table_file} has only {', '.join(given.index[given])} of a box; give all four."
        )
    table = written.assign(
        path=_paths(written.path, table_file),
        gender=user_tables.genders(written.gender, table_file),
        **{name: _numbers(written[name], table_file) for name in ["age", "year", *BOX_COLUMNS]},
    )
    is_year = table.year.isna() | (table.year.between(1, 9999) & (table.year % 1 == 0))
    fault = "is no year; write a whole number such as 1998, or leave it empty"
    user_tables.refuse(~is_year, written.year, fault, table_file)
    is_subset = written.subset.isin(SUBSETS) | (written.subset == "").all()
    fault = f"is no subset; write {', '.join(SUBSETS)} in each line, or leave the column out"
    user_tables.refuse(~is_subset, written.subset, fault, table_file)
    repeated = _repeated(table, written, table_file, whole=whole)
    if (table.subject == "").all():
        logging.warning(
            "%s names no subject: each photo counts as a person of its own, and a person can be in "
            "both the training and the test set. Add a column subject, unless each person has one "
            "photo.",
            table_file,
        )
    return table.assign(repeated=repeated).reset_index(drop=True)


def _paths(written: pd.Series, table_file: str | Path) -> pd.Series:
    """The paths as in the archive's index: with slashes, without a leading `./`."""
    user_tables.refuse(written == "", written, "is an empty path; name a photo", table_file)
    paths = written.map(lambda path: str(PurePosixPath(path.replace("\\", "/"))))
    if changed := int((paths != written).sum()):
        logging.info("%s: %d paths were read with / for \\ or without ./.", table_file, changed)
    suffixes = paths.map(lambda path: PurePosixPath(path).suffix.lower())
    fault = f"is in a format that is not accepted; convert it to one of {', '.join(FORMATS)}"
    user_tables.refuse(~suffixes.isin([*SUFFIXES, ""]), written, fault, table_file)
    return paths


def _numbers(written: pd.Series, table_file: str | Path) -> pd.Series:
    """A column of numbers, NaN where a field is empty.

    A comma before one or two digits is a decimal comma; before three it could separate thousands.
    """
    texts = written.str.replace(DECIMAL_COMMA, r"\1.\2", regex=True)
    numbers = pd.to_numeric(texts, errors="coerce").astype(np.float64)
    invalid = ~(numbers.abs() < LARGEST) & (written != "")
    fault = f"is not a number that {written.name} can be; correct it or leave it empty"
    user_tables.refuse(invalid, written, fault, table_file)
    if changed := int((texts != written).sum()):
        logging.info("%s: %d values of %s have a decimal comma.", table_file, changed, written.name)
    return numbers


def _repeated(
    table: pd.DataFrame, written: pd.DataFrame, table_file: str | Path, *, whole: bool
) -> pd.Series:
    """Whether an earlier row describes the same face: the same path and, if `whole`, box.

    Args:
        written: the table as it is written, for the message.

    Raises:
        InputError: the rows of a face differ in gender, subject, age, year or subset.
    """
    face = ["path", *(BOX_COLUMNS if whole else [])]
    number = table.groupby(face, dropna=False, sort=False).ngroup()
    first = table.index.to_series().groupby(number).transform("first")
    for name in ("gender", "subject", "age", "year", "subset"):
        values = table[name].fillna(-1)
        differs = values != values[first].to_numpy()
        if differs.any():
            line = differs.idxmax()
            raise InputError(
                f'{table_file}, line {line}: {name} is "{written[name][line]}", and on line '
                f'{first[line]} "{written[name][first[line]]}" for the same photo '
                f"{table.path[line]}; keep one of the lines."
            )
    repeated = first != table.index
    if repeated.any():
        line = repeated.idxmax()
        logging.warning(
            "%s: %d lines repeat an earlier one and are dropped; the first is line %d, %s.",
            table_file, repeated.sum(), line, table.path[line],
        )  # fmt: skip
    return repeated


def describe(rows: pd.DataFrame, source: str) -> pd.DataFrame:
    """The columns of metadata.csv that describe rows as from `read`.

    The id is the path, with the box where a photo has several faces: it stays the same when lines
    are added. A photo whose subject is not named is a subject of its own.
    """
    box = rows[BOX_COLUMNS].apply(lambda edges: "#" + "_".join(map("{:g}".format, edges)), axis=1)
    has_several = rows.path[~rows.repeated].value_counts().reindex(rows.path).to_numpy() > 1
    named = rows.subject.map(normalised_name)
    return rows.assign(
        id=f"{source}:" + rows.path + box.where(has_several, ""),
        source=source,
        name=rows.subject,
        subject=named.where(named != "", of_photos(source, rows.path)),
        age=np.floor(rows.age),  # whole years, as in the data set
        dob="",
        photo_taken=rows.year,
        face_score=np.nan,
        second_face_score=np.nan,
    )
