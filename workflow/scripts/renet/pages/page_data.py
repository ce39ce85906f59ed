"""Columns of a table as a script: a page that is opened from a disk cannot load JSON."""

import json
from pathlib import Path

import pandas as pd

from renet.common import files


def write(path: str | Path, name: str, columns: dict[str, pd.Series], **more: object) -> None:
    """Write `window.<name> = {…}` with each column as an array; a missing value becomes null.

    Args:
        columns: of equal length; floats are written in full, so round them first.
        more: further values.
    """
    values = {column: _plain(series) for column, series in columns.items()} | more
    text = json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    files.write_text(path, f"window.{name} = {text};\n")


def _plain(series: pd.Series) -> list:
    """Python's own numbers and strings, which JSON takes; None for a missing value."""
    return series.astype(object).where(series.notna(), None).tolist()
