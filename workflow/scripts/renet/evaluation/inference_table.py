"""Inference tables: the predictions of a network for a file of faces."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from renet.common.imdb_wiki import PROBABILITIES
from renet.common.table import Table
from renet.dataset.tables import SPLIT

# Columns of the table beside the HDF5 file.
SAMPLE = {
    name: SPLIT.columns[name] for name in ("id", "path", "source", "subject", "subset", "target")
}
ATTRIBUTES = {
    name: SPLIT.columns[name]
    for name in ("age", "year", "face_score", "crop_width", "crop_height", "grey")
}

# inference.csv: one row for each face of an HDF5 file, in the order of the file.
INFERENCE = Table({**SAMPLE, **PROBABILITIES, "predicted": int, "correct": int, **ATTRIBUTES})

# <fold>-of-<folds>.csv of a run or of the label audit: the predictions for one fold. Together, the
# folds of a run are one set, with `OUT_OF_FOLD` in the column `subset` of the inference table.
FOLD = Table({"id": str, **PROBABILITIES})
OUT_OF_FOLD = "out_of_fold"


def build(samples: pd.DataFrame, probabilities: np.ndarray) -> pd.DataFrame:
    """Return the table `INFERENCE` of samples, given their probabilities, (N, 2)."""
    predicted = probabilities.argmax(axis=1)  # of equal probabilities, the first class, as in neon
    predictions = samples.assign(
        p_female=probabilities[:, 0],
        p_male=probabilities[:, 1],
        predicted=predicted,
        correct=(predicted == samples.target).astype(int),
    )
    return predictions[list(INFERENCE.columns)]


def out_of_fold(samples: pd.DataFrame, folds: Iterable[Path]) -> np.ndarray:
    """Read the probabilities, (N, 2), of the samples from the tables `FOLD` of all folds."""
    return pd.concat(map(FOLD.read, folds)).set_index("id").loc[samples.id].to_numpy()
