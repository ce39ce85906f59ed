"""A table of one's own photos in place of a .mat file: a CSV with a line for each photo.

Columns: `path` (in the folder or tar of photos) and `gender`, and optionally `subject` (who it is),
`age` (in years), and `x1`, `y1`, `x2`, `y2` (the face in the photo, in pixels counted from 1, both
ends included). An empty field is something that is not known.
"""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from renet.common import drop_reasons
from renet.common.errors import InputError
from renet.common.imdb_wiki import BOX_COLUMNS
from renet.common.text import printable
from renet.metadata import mat_file

NEEDED, OPTIONAL = ["path", "gender"], ["subject", "age", *BOX_COLUMNS]
LARGEST = 10**9  # neither an age nor a place in a photo
GENDERS = {"0": 0, "female": 0, "f": 0, "1": 1, "male": 1, "m": 1, "": np.nan}


def read(table_file: str | Path) -> pd.DataFrame:
    """Read a table of photos.

    Returns:
        The columns of `NEEDED` and `OPTIONAL`, in the table's order; gender is 0, 1 or NaN, text is
        "" and a number NaN where the field is empty or the column absent.

    Raises:
        InputError: it is no CSV in UTF-8 with these columns, or a field cannot be understood.
    """
    try:
        with warnings.catch_warnings(action="error", category=pd.errors.ParserWarning):
            table = pd.read_csv(
                table_file,
                dtype=str,
                keep_default_na=False,
                encoding="utf-8-sig",
                index_col=False,
                skip_blank_lines=False,  # so that lines can be named by their numbers
            )
    except FileNotFoundError as error:
        raise InputError(f"The table {table_file} does not exist; check `table`.") from error
    except (ValueError, OSError, pd.errors.ParserWarning) as error:  # also bytes that are not UTF-8
        raise InputError(
            f"{table_file} is not a CSV in UTF-8 with as many fields a line as in its header "
            f"({error}); mend it."
        ) from error
    _check_columns(table, table_file)
    table = table[(table.fillna("") != "").any(axis=1)]
    if table.empty:
        raise InputError(f"{table_file} has no line below its header.")
    table = table.reindex(columns=[*NEEDED, *OPTIONAL], fill_value="")
    table = table.apply(lambda column: column.str.strip().map(printable))
    _refuse(table.path == "", "the path is empty", table_file)
    _refuse(table.path.duplicated(), "the path stands on a line before", table_file)
    gender = table.gender.str.lower().map(GENDERS)
    unknown = gender.isna() & (table.gender != "")
    _refuse(unknown, f"the gender is none of {', '.join(filter(None, GENDERS))}", table_file)
    numbers = {name: _numbers(table[name], table_file) for name in ["age", *BOX_COLUMNS]}
    return table.assign(gender=gender.astype(np.float64), **numbers).reset_index(drop=True)


def _check_columns(table: pd.DataFrame, table_file: str | Path) -> None:
    missing = [name for name in NEEDED if name not in table]
    odd = [name for name in table if name not in NEEDED + OPTIONAL]
    if missing or odd:
        raise InputError(
            f"{table_file} has the columns {', '.join(table)}; {', '.join(NEEDED)} are needed, "
            f"{', '.join(OPTIONAL)} may be there, and no others."
        )
    given = [name for name in BOX_COLUMNS if name in table]
    if given and given != BOX_COLUMNS and sorted(given) != BOX_COLUMNS:
        raise InputError(f"{table_file} has only {', '.join(given)} of a box; give all four.")


def _numbers(column: pd.Series, table_file: str | Path) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce")
    bad = ~(numbers.abs() < LARGEST) & (column != "")
    _refuse(bad, f"{column.name} is no number, or none that could be", table_file)
    return numbers.astype(np.float64)


def _refuse(bad: pd.Series, fault: str, table_file: str | Path) -> None:
    """Name the first line where something is wrong."""
    if bad.any():
        line = bad.idxmax() + 2  # the header is line 1
        raise InputError(
            f"{table_file}, line {line}: {fault} ({bad.sum()} such lines); mend the table."
        )


def describe(
    table: pd.DataFrame,
    source: str,
    held: np.ndarray | None,
    rules: dict,
    whole: bool,
) -> pd.DataFrame:
    """The table metadata.csv of one's own photos, with the columns of `mat_file.COLUMNS`.

    The filter's bounds of the age count where an age is given; its rules on the scores of a face
    detector do not. A photo whose subject is not named is a subject of its own.

    Args:
        table: as from `read`.
        source: name of the source in the config.
        held: whether each row's photo is there; None skips `missing_file`.
        rules: the config's section `filter`.
        whole: whether faces are cut by their boxes; a row without one has no face then.
    """
    named = table.subject.map(mat_file.normalised_name)
    described = table.assign(
        source=source,
        name=table.subject,
        subject=named.where(named != "", f"{source}:" + table.path),
        dob="",
        photo_taken=np.nan,
        face_score=np.nan,
        second_face_score=np.nan,
    )
    boxless = table[BOX_COLUMNS].isna().any(axis=1)
    known_age = table.age.notna()
    # Whole years, as in the data set.
    described["age"] = np.floor(table.age)
    return mat_file.finish(
        described,
        mat_file.first_reason(
            {
                drop_reasons.MISSING_FILE: np.zeros(len(table), bool) if held is None else ~held,
                drop_reasons.GENDER_UNKNOWN: table.gender.isna(),
                drop_reasons.NO_FACE: boxless & whole,
                drop_reasons.AGE_OUT_OF_RANGE: known_age
                & ~table.age.between(rules["min_age"], rules["max_age"]),
            },
            table.index,
        ),
    )
