"""Data for the pages: tables, and scripts in place of JSON, which a page on a disk cannot load."""

import functools
import json
from pathlib import Path

import pandas as pd

from renet.common import files
from renet.common.table import Table
from renet.evaluation.inference_table import INFERENCE

_json = functools.partial(json.dumps, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
EXAMPLES, MISTAKES, HARD_CASES = "examples", "mistakes", "hard_cases"

# gallery.csv and saliency.csv: predictions for the faces of an image; x and y in its pixels.
GALLERY = Table({"gallery": str, "x": int, "y": int, **INFERENCE.columns})
SALIENCY = Table({"y": int, "largest_drop": float, **INFERENCE.columns})

# layers.csv: the layers of a network in their order; operations for one image.
LAYERS = Table({"layer": str, "kind": str, "output": str, "parameters": int, "operations": int})


def write_table(path: Path, name: str, columns: dict[str, pd.Series], **more: object) -> None:
    """Write `window.<name> = {…}`: columns as arrays, missing values as null, and `more` values."""
    values = {
        column: series.astype(object).where(series.notna(), None).tolist()
        for column, series in columns.items()
    }
    files.write_text(path, f"window.{name} = {_json(values | more)};\n")


def write_entry(path: Path, name: str, key: str, value: dict) -> None:
    """Write `window.<name>[key] = {…}`, so that a page can load several such scripts."""
    files.write_text(path, f"(window.{name} ??= {{}})[{_json(key)}] = {_json(value)};\n")
