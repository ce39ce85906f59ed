"""Parts of a data set for a training that holds some faces out: a fold, or a learning curve."""

from enum import IntEnum

import numpy as np
import pandas as pd

from renet.dataset import splits


class Part(IntEnum):
    """Use of a face in a training."""

    TRAINING, VALIDATION, HELD_OUT, UNUSED = range(4)


def without_fold(samples: pd.DataFrame, fold: int, folds: int, seed: int, by: str) -> np.ndarray:
    """Return each face's `Part`, (faces,): `fold` is held out; others on its photos are unused."""
    is_held_out = splits.folds(samples, folds, seed, by) == fold
    part = np.where(is_held_out, Part.HELD_OUT, Part.TRAINING)
    return _without_shared_photos(samples, part, Part.HELD_OUT)


def training_parts(samples: pd.DataFrame, fraction: float, seed: int, by: str) -> np.ndarray:
    """Return each face's `Part`, (faces,): train on `fraction` of training, hold out validation."""
    part = np.where(samples.subset == "validation", Part.HELD_OUT, Part.UNUSED)
    rest = np.flatnonzero(part == Part.UNUSED)
    part[rest[splits.nested(samples.iloc[rest], fraction, seed, by)]] = Part.TRAINING
    return part


def with_validation(
    samples: pd.DataFrame, part: np.ndarray, fraction: float, seed: int, by: str
) -> np.ndarray:
    """Move a fraction of the training faces to validation; return the changed parts, (faces,)."""
    rest = np.flatnonzero(part == Part.TRAINING)
    is_chosen = splits.parts(samples.iloc[rest], [fraction, 1 - fraction], seed, by) == 0
    part[rest[is_chosen]] = Part.VALIDATION
    return _without_shared_photos(samples, part, Part.VALIDATION)


def _without_shared_photos(samples: pd.DataFrame, part: np.ndarray, other: Part) -> np.ndarray:
    """Set training faces to UNUSED if the part `other` has their photo, or a copy of the photo."""
    photo = splits.linked(samples, "image")
    is_shared = (part == Part.TRAINING) & np.isin(photo, photo[part == other])
    return np.where(is_shared, Part.UNUSED, part)
