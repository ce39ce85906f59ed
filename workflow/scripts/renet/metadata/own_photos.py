"""A table of the user's own photos in place of a .mat file: a CSV with one line for each photo.

Columns: `path` (in the folder or tar of photos), `gender`, and optionally `subject` (who it is),
`age` (in years), and `x1`, `y1`, `x2`, `y2` (the face in the photo, in pixels counted from 1, both
ends included). An empty field means unknown.
"""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from renet.common.errors import InputError
from renet.common.imdb_wiki import BOX_COLUMNS
from renet.common.tables import printable
from renet.metadata.mat_file import normalised_name

REQUIRED, OPTIONAL = ["path", "gender"], ["subject", "age", *BOX_COLUMNS]
LARGEST = 10**9  # larger than any age or coordinate
GENDERS = {"0": 0, "female": 0, "f": 0, "1": 1, "male": 1, "m": 1, "": np.nan}


def read(table_file: str | Path) -> pd.DataFrame:
    """Read a table of photos.

    Returns:
        The columns of `REQUIRED` and `OPTIONAL`, in the file's order. Gender is 0, 1 or NaN; an
        empty field or absent column is "" for text and NaN for numbers.

    Raises:
        InputError: the file is not a CSV in UTF-8 with these columns, or has an invalid field.
    """
    try:
        with warnings.catch_warnings(action="error", category=pd.errors.ParserWarning):
            # Blank lines are read for the numbers of lines in messages.
            options = {"dtype": str, "keep_default_na": False, "encoding": "utf-8-sig"}
            table = pd.read_csv(table_file, index_col=False, skip_blank_lines=False, **options)
    except FileNotFoundError as error:
        raise InputError(f"The table {table_file} does not exist; check `table`.") from error
    except (ValueError, OSError, pd.errors.ParserWarning) as error:  # also bytes that are not UTF-8
        raise InputError(
            f"{table_file} is not a CSV in UTF-8 with as many fields a line as in its header "
            f"({error}); correct it."
        ) from error
    _check_columns(table, table_file)
    table = table[(table.fillna("") != "").any(axis=1)]
    if table.empty:
        raise InputError(f"{table_file} has no line below its header.")
    table = table.reindex(columns=[*REQUIRED, *OPTIONAL], fill_value="")
    table = table.apply(lambda column: column.str.strip().map(printable))
    _refuse(table.path == "", "the path is empty", table_file)
    _refuse(table.path.duplicated(), "the path is also on an earlier line", table_file)
    gender = table.gender.str.lower().map(GENDERS)
    unknown = gender.isna() & (table.gender != "")
    _refuse(unknown, f"the gender is none of {', '.join(filter(None, GENDERS))}", table_file)
    table = table.assign(gender=gender.astype(np.float64))
    for name in ["age", *BOX_COLUMNS]:
        numbers = pd.to_numeric(table[name], errors="coerce").astype(np.float64)
        invalid = ~(numbers.abs() < LARGEST) & (table[name] != "")
        _refuse(invalid, f"{name} is not a number, or too large a one", table_file)
        table[name] = numbers
    return table.reset_index(drop=True)


def _check_columns(table: pd.DataFrame, table_file: str | Path) -> None:
    if not set(REQUIRED) <= set(table) <= {*REQUIRED, *OPTIONAL}:
        raise InputError(
            f"{table_file} has the columns {', '.join(table)}; {', '.join(REQUIRED)} are needed, "
            f"{', '.join(OPTIONAL)} are optional, and there are no others."
        )
    given = [name for name in BOX_COLUMNS if name in table]
    if given and given != BOX_COLUMNS:
        raise InputError(f"{table_file} has only {', '.join(given)} of a box; give all four.")


def _refuse(invalid: pd.Series, fault: str, table_file: str | Path) -> None:
    """Raise an error that names the first invalid line."""
    if invalid.any():
        line = invalid.idxmax() + 2  # the header is line 1
        raise InputError(
            f"{table_file}, line {line}: {fault} ({invalid.sum()} such lines); correct the table."
        )


def describe(rows: pd.DataFrame, source: str) -> pd.DataFrame:
    """The columns of metadata.csv that describe rows as from `read`.

    A photo whose subject is not named is a subject of its own.
    """
    named = rows.subject.map(normalised_name)
    return rows.assign(
        source=source,
        name=rows.subject,
        subject=named.where(named != "", f"{source}:" + rows.path),
        age=np.floor(rows.age),  # whole years, as in the data set
        dob="",
        photo_taken=np.nan,
        face_score=np.nan,
        second_face_score=np.nan,
    )
