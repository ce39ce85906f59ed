"""Calibration: reliability bins and temperature scaling.

All logits are divided by one temperature. This does not change the predicted classes. Source: Guo
et al., On Calibration of Modern Neural Networks (2017).
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import optimize, stats
from scipy.special import expit

from renet.evaluation import confidence_intervals
from renet.evaluation.tables import is_small
from renet.metadata.subjects import effective_number

BINS = 10  # most bins of the confidence
FEWEST_OF_BIN = 25  # faces
TEMPERATURE_BOUNDS = (0.05, 20.0)
LARGEST = 700.0  # log-odds in place of infinity, if a probability is rounded to 0
WIDEST = 2  # an interval that contains 1 means "no error found" if high / low is at most this


def reliability_bins(confidence: np.ndarray, predictions: pd.DataFrame) -> pd.DataFrame:
    """Return a table of the bins of the confidence: accuracy, and its interval (`low`, `high`).

    The bins have equal numbers of faces, except that equal confidences are in the same bin. The
    table is empty if there are fewer than 2 * FEWEST_OF_BIN faces.
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
    """Return absolute log-odds at temperature 1, (n,); infinite if a class has probability 0."""
    # A probability near 1 is rounded, but its complement, in the other column, is precise.
    with np.errstate(divide="ignore"):
        logarithms = np.log(predictions[["p_female", "p_male"]].to_numpy(float))
    return np.abs(logarithms[:, 1] - logarithms[:, 0])


def temperature_scaling(validation: pd.DataFrame) -> dict:
    """Return section `calibration` of metrics.json; the temperature is 1 without a reliable fit."""
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
    """Return the record `confidences` by the temperature's interval, or by None without a fit."""
    low, high = interval or TEMPERATURE_BOUNDS
    if low > 1 or high < 1:
        return "too_high" if low > 1 else "too_low"
    return "inconclusive" if high > WIDEST * low else "no_error_found"


def fit_temperature(predictions: pd.DataFrame, people: float) -> tuple[float, list[float]] | None:
    """Return the temperature of the lowest log loss, and its 95 % profile likelihood interval.

    Return None if the search ends at a limit. As photos of one person are not independent, the
    scores' design effect divides the likelihood ratio (Rotnitzky and Jewell, Biometrika 77, 1990).
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
    """Return the zero of a function between `inside` and `bound`; `bound` if there is no zero."""
    if function(bound) <= 0:
        return bound
    return float(optimize.brentq(function, *sorted((inside, bound))))
