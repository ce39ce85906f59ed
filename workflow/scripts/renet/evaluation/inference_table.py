"""Inference tables: the predictions of a network for a file of faces."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from renet.common import files
from renet.evaluation.tables import FOLD, INFERENCE


def build(samples: pd.DataFrame, probabilities: np.ndarray) -> pd.DataFrame:
    """The table `INFERENCE` of samples with these probabilities, (N, 2)."""
    predicted = probabilities.argmax(axis=1)  # the lower class if both are equal, as in neon
    predictions = samples.assign(
        p_female=probabilities[:, 0],
        p_male=probabilities[:, 1],
        predicted=predicted,
        correct=(predicted == samples.target).astype(int),
    )
    return predictions[list(INFERENCE.columns)]


def out_of_fold(samples: pd.DataFrame, folds: Iterable[Path]) -> np.ndarray:
    """The probabilities (N, 2) of samples from the tables `FOLD` that name each of them once."""
    return pd.concat(map(FOLD.read, folds)).set_index("id").loc[samples.id].to_numpy()


def write_course_format(path: Path, probabilities: np.ndarray, targets: np.ndarray) -> None:
    """Write the text file of the course's `save_inference` (section 3.2.7), with correct targets.

    The course's code reads the targets from an iterator that wraps round: unless the batch size
    divides the number of samples, they are those of other samples.
    """
    lines = ["inference, target"]
    lines += [
        f"[{', '.join(map(str, row))}], {target}"
        for row, target in zip(probabilities.astype(np.float32).tolist(), targets, strict=True)
    ]
    files.write_text(path, "\n".join(lines) + "\n")
