"""Tests of the slices: a lower accuracy than the whole set, and a difference between the genders.

Among many slices some differ by chance. Both families of tests are corrected for their number, at
the family-wise error rate `ALPHA`.
"""

import numpy as np
import pandas as pd
from scipy import stats

from renet.evaluation.confidence_intervals import proportion
from renet.evaluation.tables import ALPHA, NOT_COMPARED, SMALL_SLICE

FEWEST_OF_CLASS = 10  # faces of each gender in a slice whose recalls are compared


def weaker(table: pd.DataFrame, predictions: pd.DataFrame, slices: pd.DataFrame) -> np.ndarray:
    """Test whether the accuracy of each slice is below that of the whole set.

    One-sided and exact: the beta distribution of Clopper and Pearson with the effective sample size
    for photos of one person (Korn and Graubard, Survey Methodology 24, 1998). The accuracy of the
    whole set is taken as known, which is conservative, because the slice is part of the set. Slices
    of fewer than `SMALL_SLICE` faces and those that hold the whole set are not tested. Holm's
    procedure (Scandinavian Journal of Statistics 6, 1979) corrects for the number of tests.

    Returns:
        (rows of the table, 2): the upper bound of the slice's accuracy at Holm's level, which is
        below the accuracy of the whole set where the slice is weaker, and the adjusted p-value;
        NaN without a test.
    """
    tested = ((table.n >= SMALL_SLICE) & (table.n < len(predictions))).to_numpy()
    size = np.array([
        proportion(part.correct, part.subject).effective_size()
        for row in table[tested].itertuples()
        for part in [predictions[slices[row.slice] == row.value]]
    ])  # fmt: skip
    correct = size * table.accuracy[tested].to_numpy()
    accuracy, all_correct = stats.beta(correct + 1, size - correct), correct >= size
    # The binomial probability of at most so many correct; neither number need be whole.
    p_values = np.where(all_correct, 1.0, accuracy.sf(predictions.correct.mean()))
    adjusted, level = holm(p_values)
    bound = np.where(all_correct, 1.0, accuracy.ppf(1 - level))
    tests = np.full((len(table), 2), np.nan)
    tests[tested] = np.stack([bound, adjusted], axis=1)
    return tests


def gaps(table: pd.DataFrame) -> np.ndarray:
    """Test whether the recalls of the genders differ in each slice: Holm's p-values.

    One family of tests: the slices that describe the person or the photo's origin (all but
    `NOT_COMPARED`), with at least `FEWEST_OF_CLASS` faces of each gender, but not those that hold
    the whole set. NaN for the others.
    """
    is_part = table.n < table.groupby("slice").n.transform("sum")
    fewest = table[["n_female", "n_male"]].min(axis=1)
    tested = is_part & ~table.slice.isin(NOT_COMPARED) & (fewest >= FEWEST_OF_CLASS)
    adjusted = np.full(len(table), np.nan)
    adjusted[tested.to_numpy()], _ = holm(table.gap_p[tested].to_numpy(float))
    return adjusted


def holm(p_values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Holm's adjusted p-values (tests,), and the level at which each test is made (tests,).

    The level rises from one rejected test to the next; from the first test that is not rejected on,
    it stays the same.
    """
    order = np.argsort(p_values, kind="stable")
    divisors = np.arange(len(p_values), 0, -1)
    stepped = np.minimum(1, np.maximum.accumulate(divisors * p_values[order]))
    rejected = int((stepped <= ALPHA).sum())
    levels = ALPHA / np.maximum(divisors, len(p_values) - rejected)
    adjusted, level = np.empty((2, len(p_values)))
    adjusted[order], level[order] = stepped, levels
    return adjusted, level
