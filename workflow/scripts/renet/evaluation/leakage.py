"""Leakage between the subsets: people, photos and pixels in more than one subset."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from renet.common.errors import InputError
from renet.config.split import SplitSettings
from renet.dataset import near_duplicates, splits


def check(
    samples: pd.DataFrame,
    settings: SplitSettings,
    file: Path,
    trained_on: Sequence[str] = ("train",),
) -> dict:
    """Return section `leakage` of metrics.json; raise an InputError for forbidden leaks."""
    if settings.near_duplicates:
        samples = samples.assign(copies=near_duplicates.groups(samples.phash))
    shared = splits.in_two_subsets(samples, samples.subset)
    if not settings.allow_leaks and (leaks := splits.leaks(shared, settings.by)):
        raise InputError(
            f"{file} has the same {leaks} in more than one subset, so that the metrics of the test "
            "set would be too high; delete the file and run the workflow again."
        )
    tested = samples.subject[samples.subset == "test"]
    trained = samples.subject[samples.subset.isin(trained_on)]
    return {
        "split_by": settings.by,
        "in_two_subsets": shared,
        "test_samples_of_training_subjects": int(tested.isin(trained).sum()),
    }


def count_known(
    samples: pd.DataFrame, hashes: Path, allowed: Sequence[str], run: Path
) -> dict[str, int]:
    """Count each subset's faces with a near-duplicate that the initial weights were trained on.

    Log a warning if a subset that is not in `allowed` has such faces.
    """
    known = np.load(hashes).T  # stored as (words, faces) uint64
    is_known = pd.Series(near_duplicates.is_known(samples.phash, known), samples.index)
    counts = is_known.groupby(samples.subset).sum().to_dict()
    if sum(counts.values()) > sum(counts.get(subset, 0) for subset in allowed):
        listed = ", ".join(f"{count:,} of {subset}" for subset, count in counts.items())
        fault = "%s: the initial weights were trained on faces of these subsets: %s."
        logging.warning(fault, run, listed)
    return counts
