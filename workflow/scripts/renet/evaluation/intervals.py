"""How sure a figure is: Wilson's interval of a share, and a bootstrap that draws whole people.

Photos of one person are not independent: who is recognised once is likely to be so again. An
interval that counts photos (Wilson's) is too narrow then; one that draws people is not.
"""

from collections.abc import Callable

import numpy as np
from scipy.stats import binomtest

CONFIDENCE = 0.95
RESAMPLES = 1000
SEED = 1  # of the draws: the same answers always give the same interval


def wilson(right: int, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share, `right` of `count` independent trials (Wilson, 1927).

    With no trial it is (0, 1): nothing is known.
    """
    if count == 0:
        return 0.0, 1.0
    found = binomtest(int(right), int(count)).proportion_ci(CONFIDENCE, method="wilson")
    return float(found.low), float(found.high)


def by_subject(
    subjects: np.ndarray,
    figures: Callable[[np.ndarray], np.ndarray],
    resamples: int = RESAMPLES,
) -> np.ndarray:
    """95 % percentile intervals of figures, from a bootstrap over subjects (a cluster bootstrap).

    Each draw takes as many subjects as there are, with replacement, and all samples of each.

    Args:
        subjects: (samples,) int, number of each sample's subject, from 0.
        figures: takes the samples' weights (samples,) float64, how often each was drawn, and
            returns the figures (k,); NaN where a draw does not define one.
        resamples: number of draws.

    Returns:
        (k, 2): low and high; NaN for a figure that fewer than half of the draws define.
    """
    count = int(subjects.max()) + 1
    random = np.random.default_rng(SEED)
    drawn = []
    for _ in range(resamples):
        weights = np.bincount(random.integers(count, size=count), minlength=count)
        drawn.append(figures(weights[subjects].astype(float)))
    values = np.array(drawn)
    defined = np.isfinite(values).mean(axis=0) >= 0.5
    found = np.full((values.shape[1], 2), np.nan)
    tail = (1 - CONFIDENCE) / 2
    found[defined] = np.nanquantile(values[:, defined], [tail, 1 - tail], axis=0).T
    return found
