"""Calibration: the metrics of probabilities, reliability bins, and temperature scaling.

Guo et al., On Calibration of Modern Neural Networks (2017): the logits are divided by one
temperature, fitted on the validation set. The predicted classes stay the same.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import optimize, stats
from scipy.special import expit, logit
from sklearn import metrics

from renet.evaluation import confidence_intervals

BINS = 10  # of the confidence, from 0.5 to 1
TEMPERATURE_BOUNDS = (0.05, 20.0)
SMALLEST = 1e-12  # probabilities are clipped to it, so that their logits are finite
DRAWS = 1000  # of labels
SEED = 1  # of the draws


def probability_metrics(p_male: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """`loss` (log loss, natural logarithm), `brier` (Brier score) and `ece`, of arrays (n,)."""
    confidence, bin_of_sample = _binned(p_male)
    correct = (p_male > 0.5) == (targets == 1)
    return {
        "loss": float(metrics.log_loss(targets, p_male, labels=[0, 1])),
        "brier": float(metrics.brier_score_loss(targets, p_male, labels=[0, 1])),
        "ece": _calibration_error(confidence - correct, bin_of_sample),
    }


def _calibration_error(excess: np.ndarray, bin_of_sample: np.ndarray) -> float:
    """ECE: the mean difference of confidence and accuracy over bins, weighted by their samples."""
    return float(np.abs(np.bincount(bin_of_sample, excess)).sum() / len(excess))


def error_if_calibrated(p_male: np.ndarray, subjects: pd.Series) -> dict[str, float]:
    """The ECE of the same probabilities if they were perfectly calibrated.

    The ECE of a few samples is above 0 also without a calibration error. Labels are drawn from the
    probabilities, with one random number for all samples of a person, whose labels are the same.

    Returns:
        `mean` over the draws, and `high`, which 95 % of them do not exceed.
    """
    confidence, bin_of_sample = _binned(p_male)
    person, people = pd.factorize(subjects)
    random = np.random.default_rng(SEED)
    errors = []
    for _ in range(DRAWS):
        is_male = random.random(len(people))[person] < p_male
        errors.append(_calibration_error(confidence - (is_male == (p_male > 0.5)), bin_of_sample))
    high = np.quantile(errors, confidence_intervals.CONFIDENCE)
    return {"mean": float(np.mean(errors)), "high": float(high)}


def reliability_bins(p_male: np.ndarray, predictions: pd.DataFrame) -> pd.DataFrame:
    """Accuracy by confidence: one row for each bin of the confidence that has samples.

    Args:
        p_male: of each sample, perhaps at another temperature than in the predictions.
        predictions: an inference table.

    Returns:
        `confidence` is the mean probability of the predicted class; `low` and `high` are the
        interval of `accuracy`.
    """
    confidence, bin_of_sample = _binned(p_male)
    rows = []
    for number in np.unique(bin_of_sample):
        inside = bin_of_sample == number
        of_bin = predictions[inside]
        accuracy = confidence_intervals.proportion(of_bin.correct, of_bin.subject)
        mean = confidence[inside].mean()
        rows.append((accuracy.faces, mean, accuracy.value, *accuracy.interval()))
    return pd.DataFrame(rows, columns=["n", "confidence", "accuracy", "low", "high"])


def _binned(p_male: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The confidence of each sample, and the number of its bin."""
    confidence = np.maximum(p_male, 1 - p_male)
    edges = np.linspace(0.5, 1, BINS + 1)
    return confidence, np.clip(np.searchsorted(edges, confidence, side="right") - 1, 0, BINS - 1)


def temperature_scaling(validation: pd.DataFrame, test: pd.DataFrame) -> dict:
    """Fit a temperature on one inference table and apply it to another.

    `at_bound` is whether the temperature is at a bound of the search and so is not reliable;
    `interval` is as from `_fit_temperature`; `loss`, `brier` and `ece` are those of the test set at
    that temperature.
    """
    temperature, interval = _fit_temperature(validation)
    low, high = TEMPERATURE_BOUNDS
    scaled = apply_temperature(test.p_male.to_numpy(), temperature)
    return {
        "temperature": temperature,
        "interval": interval,
        "fitted_on": validation.subset.iloc[0],
        "at_bound": bool(temperature < low * 1.01 or temperature > high / 1.01),
        **probability_metrics(scaled, test.target.to_numpy()),
    }


def applied_temperature(scaling: dict) -> float:
    """The temperature of new predictions and of the threshold of "unsure".

    It is 1, which changes nothing, where the fitted one is at a bound: after a validation set
    without a mistake, that would make nearly every confidence 1.
    """
    return 1.0 if scaling["at_bound"] else scaling["temperature"]


def _fit_temperature(predictions: pd.DataFrame) -> tuple[float, list[float]]:
    """The temperature of the lowest log loss, and its 95 % profile likelihood interval.

    The lower bound, if all predictions are correct. The likelihood ratio is divided by the design
    effect of its scores, since photos of one person are not independent (Rotnitzky and Jewell,
    Biometrika 77, 1990).
    """
    odds = _log_odds(predictions.p_male.to_numpy()) * np.where(predictions.target == 1, 1, -1)
    bounds = np.log(TEMPERATURE_BOUNDS)

    def loss(exponent: float) -> float:
        return np.logaddexp(0, -odds / np.exp(exponent)).mean()

    best = optimize.minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    scaled = odds / np.exp(best.x)
    scores = pd.Series(scaled * expit(-scaled))
    of_people = scores.groupby(predictions.subject.to_numpy()).sum()
    if len(of_people) == 1 or not scores.any():
        return float(np.exp(best.x)), list(TEMPERATURE_BOUNDS)
    effect = max(1.0, (of_people**2).sum() / (scores**2).sum())
    quantile = stats.t.isf(confidence_intervals.TAIL, len(of_people) - 1)
    highest = best.fun + quantile**2 * effect / (2 * len(odds))
    ends = [_crossing(lambda x: loss(x) - highest, best.x, bound) for bound in bounds]
    return float(np.exp(best.x)), np.exp(ends).tolist()


def _crossing(function: Callable[[float], float], inside: float, bound: float) -> float:
    """Where a function changes its sign between two values, or the bound if it does not."""
    if function(bound) <= 0:
        return bound
    return float(optimize.brentq(function, *sorted((inside, bound))))


def apply_temperature(p_male: np.ndarray, temperature: float) -> np.ndarray:
    """The probabilities at a temperature, (samples,); above 1 they are less extreme."""
    return expit(_log_odds(p_male) / temperature)


def _log_odds(p_male: np.ndarray) -> np.ndarray:
    return logit(np.clip(p_male, SMALLEST, 1 - SMALLEST))
