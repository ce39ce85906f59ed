"""95 % confidence intervals: Wilson's for a fraction, and a bootstrap over subjects.

Photos of one person are not independent: if one is classified correctly, the others are likely to
be, too. Wilson's interval takes photos as independent and is too narrow where people repeat. The
bootstrap draws whole people.
"""

from collections.abc import Callable

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
    subject_of_sample, names = subjects.factorize()
    count = len(names)
    random = np.random.default_rng(SEED)
    resampled = []
    for _ in range(RESAMPLES):
        draws = np.bincount(random.integers(count, size=count), minlength=count)
        resampled.append(metrics(draws[subject_of_sample].astype(float)))
    values = np.array(resampled)
    defined = np.isfinite(values).mean(axis=0) >= 0.5
    bounds = np.full((values.shape[1], 2), np.nan)
    tail = (1 - CONFIDENCE) / 2
    bounds[defined] = np.nanquantile(values[:, defined], [tail, 1 - tail], axis=0).T
    return bounds
