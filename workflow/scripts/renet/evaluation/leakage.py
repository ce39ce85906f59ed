"""Leakage between the subsets: what faces of more than one of them share."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from renet.common.errors import InputError
from renet.dataset import near_duplicates, splits


def check(
    split: pd.DataFrame,
    by: str,
    split_file: str | None,
    *,
    near: bool = True,
    trained_on: Sequence[str] = ("train",),
) -> dict:
    """Count what is in more than one subset (`splits.shared`), and refuse a split that leaks.

    Args:
        split: split.csv, at least `subset`, `phash` and the columns of `splits.shared`.
        by: `split.by` of the config; people may be in several subsets by `image`.
        split_file: its name, for the error; None if leaks are allowed.
        near: whether near-duplicates stay in one subset, `split.near_duplicates` of the config.
        trained_on: the subsets that the run is trained on.

    Raises:
        InputError: faces that have to stay together are in more than one subset.
    """
    samples = split.assign(copies=near_duplicates.groups(split.phash)) if near else split
    found = splits.in_two_subsets(samples, samples.subset)
    if split_file and (leaks := splits.leaks(found, by)):
        raise InputError(
            f"{split_file} has the same {leaks} in more than one subset, so that the metrics of "
            "the test set would be too high; delete the file to have the split made again."
        )
    test, known = (split.subject[split.subset.isin(names)] for names in (["test"], trained_on))
    return {
        "split_by": by,
        "in_two_subsets": found,
        "test_samples_of_training_subjects": int(test.isin(known).sum()),
    }


def count_known(split: pd.DataFrame, hashes: Path) -> dict[str, int]:
    """Count the faces of each subset of split.csv whose near-duplicates a training had.

    Args:
        hashes: training_hashes.npy of its run, (words, faces) uint64.
    """
    known = [face.tobytes().hex() for face in np.load(hashes).T]
    is_known = pd.Series(near_duplicates.is_known(split.phash, known), split.index)
    return is_known.groupby(split.subset).sum().to_dict()
