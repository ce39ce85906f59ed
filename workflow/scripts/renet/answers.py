"""The tables that an evaluation reads back: answers of a network, and the split."""

from pathlib import Path

import pandas as pd

from renet.errors import InputError

TEXT = ("id", "path", "source", "subject", "subset", "digest")
AS_TEXT = dict.fromkeys(TEXT, str)  # types for pandas: a person called 007 is not the person 7


def read(path: str | Path, needed: tuple[str, ...] = ()) -> pd.DataFrame:
    """Read split.csv, an inference table or a part of one.

    Text stays text, whatever it looks like: a person called "NA" is a person. An age that is empty
    is NaN.

    Args:
        needed: columns that it must have; it must have a row, then, too.

    Raises:
        InputError: the file is missing, or lacks one of these columns or a row.
    """
    try:
        header = pd.read_csv(path, nrows=0).columns
        table = pd.read_csv(
            path,
            dtype=AS_TEXT,
            keep_default_na=False,
            na_values={name: ["", "nan"] for name in header if name not in TEXT},
        )
    except FileNotFoundError as error:
        raise InputError(f"The table {path} does not exist.") from error
    missing = [name for name in needed if name not in header]
    if needed and (missing or table.empty):
        lack = f"lacks the columns {', '.join(missing)}" if missing else "has no row"
        raise InputError(f"{path} {lack}; it is not a table of this workflow's infer or shuffle.")
    return table
