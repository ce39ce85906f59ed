"""Columns of a table as a script: a page that is opened from a disk cannot load JSON."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from renet.common import files


def write(path: str | Path, name: str, columns: dict[str, pd.Series], **more: object) -> None:
    """Write `window.<name> = {…}` with each column as an array; NaN becomes null.

    Args:
        columns: of equal length; floats are written as they are, so round them first.
        more: further plain values.
    """
    values = {column: _plain(series) for column, series in columns.items()} | more
    text = json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    files.write_text(path, f"window.{name} = {text};\n")


def _plain(series: pd.Series) -> list:
    if series.dtype.kind == "f":
        whole = series.dropna() % 1 == 0
        if whole.all():
            series = series.astype("Int64")
    return [None if missing else value for value, missing in _pairs(series)]


def _pairs(series: pd.Series) -> zip:
    numbers = series.astype(object).where(series.notna(), None)
    return zip(numbers.tolist(), np.asarray(series.isna()).tolist(), strict=True)
