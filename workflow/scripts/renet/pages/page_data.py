"""Data as scripts of the pages, since a page that is opened from a disk cannot load JSON."""

import json
from pathlib import Path

import pandas as pd

from renet.common import files


def write_table(path: Path, name: str, columns: dict[str, pd.Series], **more: object) -> None:
    """Write `window.<name> = {…}`: columns as arrays, a missing value as null, and more values."""
    values = {
        column: series.astype(object).where(series.notna(), None).tolist()
        for column, series in columns.items()
    }
    files.write_text(path, f"window.{name} = {_json(values | more)};\n")


def write_entry(path: Path, name: str, key: str, value: dict) -> None:
    """Write `window.<name>[key] = {…}`, so that a page can load several such scripts."""
    files.write_text(path, f"(window.{name} ??= {{}})[{_json(key)}] = {_json(value)};\n")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
