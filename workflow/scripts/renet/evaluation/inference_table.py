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

# inference.csv: one row for each face of an HDF5 file, in its order.
INFERENCE = Table({**SAMPLE, **PROBABILITIES, "predicted": int, "correct": int, **ATTRIBUTES})

# <fold>-of-<folds>.csv of a run, and of the label audit: the predictions of one fold. All folds are
# one set of the run: `OUT_OF_FOLD` in the column `subset` of its inference table.
FOLD = Table({"id": str, **PROBABILITIES})
OUT_OF_FOLD = "out_of_fold"


def build(samples: pd.DataFrame, probabilities: np.ndarray) -> pd.DataFrame:
    """Table `INFERENCE` of samples with these probabilities, (N, 2)."""
    predicted = probabilities.argmax(axis=1)  # a tie is the lower class, as in neon
    predictions = samples.assign(
        p_female=probabilities[:, 0],
        p_male=probabilities[:, 1],
        predicted=predicted,
        correct=(predicted == samples.target).astype(int),
    )
    return predictions[list(INFERENCE.columns)]


def out_of_fold(samples: pd.DataFrame, folds: Iterable[Path]) -> np.ndarray:
    """Probabilities (N, 2) of samples, each of which is in one of the tables `FOLD`."""
    return pd.concat(map(FOLD.read, folds)).set_index("id").loc[samples.id].to_numpy()
