"""Tests of the slices: a lower accuracy than the whole set, and a difference between the genders.

Among many slices some differ by chance. Both families of tests are corrected for their number, at
the family-wise error rate `renet.evaluation.tables.ALPHA`.
"""

import numpy as np
import pandas as pd
from scipy import stats

from renet.evaluation.confidence_intervals import proportion
from renet.evaluation.tables import FEWEST_OF_CLASS, MAX_PART, NOT_COMPARED, SMALL_SLICE


def weaker(table: pd.DataFrame, predictions: pd.DataFrame, slices: pd.DataFrame) -> np.ndarray:
    """Test whether the accuracy of each slice is below that of the whole set: Holm's p-values.

    One-sided and exact: the beta distribution of Clopper and Pearson with the effective number of
    faces (Korn and Graubard, Survey Methodology 24, 1998). The accuracy of the whole set is taken
    as known, which is conservative, because the slice is part of the set. Slices of fewer than
    `SMALL_SLICE` faces and of more than `MAX_PART` of the set are not tested: NaN.
    """
    tested = table.n.between(SMALL_SLICE, MAX_PART * len(predictions)).to_numpy()
    size = np.array([
        proportion(part.correct, part.subject).effective_size()
        for row in table[tested].itertuples()
        for part in [predictions[slices[row.slice] == row.value]]
    ])  # fmt: skip
    correct = size * table.accuracy[tested].to_numpy()
    with np.errstate(invalid="ignore"):
        # The binomial probability of at most so many correct; neither number need be whole.
        p_values = stats.beta.sf(predictions.correct.mean(), correct + 1, size - correct)
    adjusted = np.full(len(table), np.nan)
    adjusted[tested] = holm(np.where(correct >= size, 1.0, p_values))
    return adjusted


def gaps(table: pd.DataFrame, faces: int) -> np.ndarray:
    """Test whether the recalls of the genders differ in each slice: Holm's p-values.

    One family of tests: the slices that describe the person or the photo's origin (all but
    `NOT_COMPARED`), with at least `SMALL_SLICE` faces and `FEWEST_OF_CLASS` of each gender, and at
    most `MAX_PART` of the set of `faces`. NaN for the others.
    """
    is_part = table.n.between(SMALL_SLICE, MAX_PART * faces)
    fewest = table[["n_female", "n_male"]].min(axis=1)
    tested = is_part & ~table.slice.isin(NOT_COMPARED) & (fewest >= FEWEST_OF_CLASS)
    adjusted = np.full(len(table), np.nan)
    adjusted[tested.to_numpy()] = holm(table.gap_p[tested].to_numpy(float))
    return adjusted


def holm(p_values: np.ndarray) -> np.ndarray:
    """The adjusted p-values of Holm's procedure (Scandinavian Journal of Statistics 6, 1979)."""
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(len(p_values))
    divisors = np.arange(len(p_values), 0, -1)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(divisors * p_values[order]))
    return adjusted
