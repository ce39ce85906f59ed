"""Inference tables: the predictions of a network for a file of faces, one row a face."""

from pathlib import Path

import numpy as np
import pandas as pd

from renet.common import files
from renet.common.errors import InputError

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


def build(samples: pd.DataFrame, probabilities: np.ndarray) -> pd.DataFrame:
    """The inference table of a file of faces, in its order.

    Equal probabilities count for the lower class, as in neon.

    Args:
        samples: the table beside the HDF5 file.
        probabilities: (N, 2), of female and male.

    Returns:
        `id, path, source, subject, subset, target, p_female, p_male, predicted, correct, age, year,
        face_score, crop_width, crop_height, grey`.
    """
    predicted = probabilities.argmax(axis=1)
    predictions = samples[["id", "path", "source", "subject", "subset", "target"]].assign(
        p_female=probabilities[:, 0],
        p_male=probabilities[:, 1],
        predicted=predicted,
        correct=(predicted == samples.target).astype(int),
    )
    attributes = ["age", "year", "face_score", "crop_width", "crop_height", "grey"]
    return pd.concat([predictions, samples[attributes]], axis=1)


def write_course_format(path: Path, probabilities: np.ndarray, targets: np.ndarray) -> None:
    """Write the text file of the course's `save_inference` (section 3.2.7), with correct targets.

    The course's code reads the targets from an iterator that wraps round: unless the batch size
    divides the number of samples, its outputs stand beside the targets of other samples.
    """
    lines = ["inference, target"]
    lines += [
        f"[{', '.join(map(str, row))}], {target}"
        for row, target in zip(probabilities.astype(np.float32).tolist(), targets, strict=True)
    ]
    files.write_text(path, "\n".join(lines) + "\n")
