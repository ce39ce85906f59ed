"""Calibration: reliability bins and temperature scaling.

The logits are divided by one temperature; the predicted classes stay the same. Source: Guo et al.,
On Calibration of Modern Neural Networks (2017).
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import optimize, stats
from scipy.special import expit

from renet.evaluation import confidence_intervals
from renet.evaluation.tables import is_small
from renet.metadata.subjects import effective_number

BINS = 10  # of the confidence, at most
FEWEST_OF_BIN = 25  # faces
TEMPERATURE_BOUNDS = (0.05, 20.0)
LARGEST = 700.0  # log-odds if a probability is rounded to 0
WIDEST = 2  # an interval around 1 means "no error found" if its bounds have at most this ratio


def reliability_bins(confidence: np.ndarray, predictions: pd.DataFrame) -> pd.DataFrame:
    """Accuracy and its interval (`low`, `high`) by bin of confidence, at any temperature.

    The bins have equal numbers of faces, except that equal confidences share a bin. A single bin
    gives an empty table.
    """
    count, rows = min(BINS, len(confidence) // FEWEST_OF_BIN), []
    bin_of_sample = (stats.rankdata(confidence) - 0.5) * count // len(confidence)
    for number in np.unique(bin_of_sample) if count > 1 else ():
        inside = bin_of_sample == number
        of_bin = predictions[inside]
        accuracy = confidence_intervals.proportion(of_bin.correct, of_bin.subject)
        mean = confidence[inside].mean()
        rows.append((accuracy.faces, mean, accuracy.value, *accuracy.interval()))
    return pd.DataFrame(rows, columns=["n", "confidence", "accuracy", "low", "high"])


def log_odds(predictions: pd.DataFrame) -> np.ndarray:
    """Absolute log-odds of the two classes at temperature 1, (n,); infinite if one has 0."""
    # Not from p_male alone, which is rounded near 1; p_female is precise there.
    with np.errstate(divide="ignore"):
        logarithms = np.log(predictions[["p_female", "p_male"]].to_numpy(float))
    return np.abs(logarithms[:, 1] - logarithms[:, 0])


def temperature_scaling(validation: pd.DataFrame) -> dict:
    """Section `calibration` of metrics.json; without a reliable fit, the temperature is 1."""
    people = effective_number(validation.subject)
    too_small = is_small(len(validation), people)
    fitted = None if too_small else fit_temperature(validation, people)
    temperature, interval = fitted or (1.0, None)
    confidences = _confidences(interval)
    reason = "small" if too_small else "unclear" if fitted else "limit"
    unfitted = reason if confidences == "inconclusive" else None
    return {
        "temperature": 1.0 if unfitted else temperature,
        "interval": interval,
        "fitted_on": validation.subset.iloc[0],
        "unfitted": unfitted,
        "confidences": confidences,
    }


def _confidences(interval: list[float] | None) -> str:
    """Whether the confidences are too high or too low, by the interval of the temperature."""
    low, high = interval or TEMPERATURE_BOUNDS
    if low > 1 or high < 1:
        return "too_high" if low > 1 else "too_low"
    return "inconclusive" if high > WIDEST * low else "no_error_found"


def fit_temperature(predictions: pd.DataFrame, people: float) -> tuple[float, list[float]] | None:
    """Temperature of the lowest log loss, and its 95 % profile likelihood interval.

    Photos of one person are not independent: the likelihood ratio is divided by the design effect
    of the scores (Rotnitzky and Jewell, Biometrika 77, 1990). None means a limit of the search.
    """
    odds = np.minimum(log_odds(predictions), LARGEST) * np.where(predictions.correct == 1, 1, -1)
    bounds = np.log(TEMPERATURE_BOUNDS)

    def loss(exponent: float) -> float:
        return np.logaddexp(0, -odds / np.exp(exponent)).mean()

    best = optimize.minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    if np.abs(bounds - best.x).min() < 0.01:
        return None
    scaled = odds / np.exp(best.x)
    scores = pd.Series(scaled * expit(-scaled))
    of_people = scores.groupby(predictions.subject.to_numpy()).sum()
    effect = max(1.0, (of_people**2).sum() / (scores**2).sum())
    quantile = stats.t.isf(confidence_intervals.TAIL, people - 1)
    highest = best.fun + quantile**2 * effect / (2 * len(odds))
    ends = [_crossing(lambda x: loss(x) - highest, best.x, bound) for bound in bounds]
    return float(np.exp(best.x)), np.exp(ends).tolist()


def _crossing(function: Callable[[float], float], inside: float, bound: float) -> float:
    """Value at which a function changes its sign, or the bound if it does not."""
    if function(bound) <= 0:
        return bound
    return float(optimize.brentq(function, *sorted((inside, bound))))
