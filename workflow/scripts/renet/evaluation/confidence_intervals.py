"""95 % confidence intervals: Wilson's for a fraction, and a bootstrap over subjects.

Photos of one person are not independent: if one is classified correctly, the others are likely to
be, too. Wilson's interval takes photos as independent and is too narrow where people repeat. The
bootstrap draws whole people. With zero errors its interval has no width, so that a statement needs
both.
"""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from scipy.stats import binomtest

CONFIDENCE = 0.95
RESAMPLES = 1000
SEED = 1  # of the resamples: the same predictions always give the same interval


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Wilson's interval of `successes / trials` (Wilson, 1927); (0, 1) without a trial."""
    if trials == 0:
        return 0.0, 1.0
    interval = binomtest(int(successes), int(trials)).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def newcombe(first: tuple[int, int], second: tuple[int, int]) -> tuple[float, float]:
    """Interval of the difference of two independent fractions, each (successes, trials).

    From the two Wilson intervals: method 10 of Newcombe, Interval estimation for the difference
    between independent proportions, Statistics in Medicine 17 (1998).
    """
    (low_1, high_1), (low_2, high_2) = wilson(*first), wilson(*second)
    value_1, value_2 = (successes / trials for successes, trials in (first, second))
    difference = value_1 - value_2
    return (
        float(difference - np.hypot(value_1 - low_1, high_2 - value_2)),
        float(difference + np.hypot(high_1 - value_1, value_2 - low_2)),
    )


def basic(estimate: float, percentiles: np.ndarray) -> np.ndarray:
    """The basic bootstrap interval of a metric from 0 to 1, (2,), from the percentile interval.

    For a biased metric. The ECE is too high in a sample, and by about as much again in a resample;
    percentiles keep this bias, and their reflection at the estimate removes it (Davison and
    Hinkley, Bootstrap Methods and their Application, 1997, section 5.2).
    """
    return np.clip(2 * estimate - percentiles[::-1], 0, 1)


def subject_draws(subjects: pd.Series) -> Iterator[np.ndarray]:
    """Yield `RESAMPLES` draws of subjects: how often each sample is drawn, (samples,) float64.

    The same subjects always give the same draws, also for the predictions of several runs.
    """
    subject_of_sample, names = subjects.factorize()
    count = len(names)
    random = np.random.default_rng(SEED)
    for _ in range(RESAMPLES):
        draws = np.bincount(random.integers(count, size=count), minlength=count)
        yield draws[subject_of_sample].astype(float)


def subject_bootstrap(
    subjects: pd.Series, metrics: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Percentile intervals from a bootstrap over subjects (a cluster bootstrap).

    Each resample draws as many subjects as there are, with replacement, with all their samples.

    Args:
        subjects: subject of each sample.
        metrics: takes the samples' weights (samples,) float64, how often each was drawn, and
            returns the metrics (k,), NaN where a resample does not define one.

    Returns:
        (k, 2): low and high; NaN for a metric that fewer than half of the resamples define.
    """
    return percentiles(np.array([metrics(weights) for weights in subject_draws(subjects)]))


def percentiles(values: np.ndarray) -> np.ndarray:
    """The interval of each metric, (k, 2), from its values in resamples, (resamples, k)."""
    defined = np.isfinite(values).mean(axis=0) >= 0.5
    bounds = np.full((values.shape[1], 2), np.nan)
    tail = (1 - CONFIDENCE) / 2
    if defined.any():
        bounds[defined] = np.nanquantile(values[:, defined], [tail, 1 - tail], axis=0).T
    return bounds
