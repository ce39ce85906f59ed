"""Slices that are significantly weaker: a test for each, corrected for their number.

Among many slices some have a low accuracy by chance. A slice counts as weaker if a one-sided test
is significant at the family-wise error rate `ALPHA`.
"""

import numpy as np
import pandas as pd
from scipy import stats

from renet.evaluation.tables import ALPHA, SMALL_SLICE

QUANTILE = 0.975  # of the degrees of freedom's correction, as published


def test(table: pd.DataFrame, predictions: pd.DataFrame, slices: pd.DataFrame) -> np.ndarray:
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
        effective_size(predictions[slices[row.slice] == row.value])
        for row in table[tested].itertuples()
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


def effective_size(samples: pd.DataFrame) -> float:
    """The number of independent samples with as much information on the accuracy as these.

    The size divided by the design effect, the ratio of the variance with whole subjects as the
    units to that of independent samples, at least 1; corrected for the degrees of freedom, which
    are the subjects less one. Without a wrong or without a correct prediction both variances are 0,
    and the design effect is that of subjects whose photos are all predicted alike.
    """
    of_subject = (samples.correct - samples.correct.mean()).groupby(samples.subject).sum()
    count, subjects = len(samples), len(of_subject)
    if subjects == 1:
        return 1.0
    accuracy = samples.correct.mean()
    independent = accuracy * (1 - accuracy) / (count - 1)
    clustered = subjects / (subjects - 1) * (of_subject**2).sum() / count**2
    effect = max(1.0, clustered / independent) if independent else count / subjects
    freedom = stats.t.ppf(QUANTILE, count - 1) / stats.t.ppf(QUANTILE, subjects - 1)
    return float(count / effect * freedom**2)


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


def summarise(table: pd.DataFrame) -> dict:
    """The result of the tests in the table slices.csv, for metrics.json.

    `weakest` is the significantly weaker slice of the lowest accuracy, or None.
    """
    weaker = table[table.p_holm <= ALPHA].sort_values("accuracy", kind="stable")
    columns = ["slice", "value", "n", "subjects", "accuracy", "upper_holm", "p_holm"]
    return {
        "minimum": SMALL_SLICE,
        "tested": int(table.p_holm.notna().sum()),
        "weaker": len(weaker),
        "weakest": next(iter(weaker[columns].astype(object).to_dict("records")), None),
    }
