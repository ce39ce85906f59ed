"""Calibration: the metrics of probabilities, reliability bins, and temperature scaling.

Guo et al., On Calibration of Modern Neural Networks (2017): the logits are divided by one
temperature, fitted on the validation set. The predicted classes stay the same.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit
from sklearn import metrics

from renet.evaluation import confidence_intervals

BINS = 10  # of the confidence, from 0.5 to 1
TEMPERATURE_BOUNDS = (0.05, 20.0)
SMALLEST = 1e-12  # probabilities are clipped to it, so that their logits are finite


def probability_metrics(p_male: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """`loss` (log loss, natural logarithm), `brier` (Brier score) and `ece`, of arrays (n,)."""
    return {
        "loss": float(metrics.log_loss(targets, p_male, labels=[0, 1])),
        "brier": float(metrics.brier_score_loss(targets, p_male, labels=[0, 1])),
        "ece": expected_calibration_error(reliability_bins(p_male, targets)),
    }


def reliability_bins(p_male: np.ndarray, targets: np.ndarray) -> pd.DataFrame:
    """Accuracy by confidence: one row for each bin of the confidence that has samples.

    `confidence` is the mean probability of the predicted class; `accuracy_low` and `accuracy_high`
    are Wilson's interval.
    """
    confidence, correct, bin_of_sample = _binned(p_male, targets)
    rows = []
    for number in np.unique(bin_of_sample):
        inside = bin_of_sample == number
        interval = confidence_intervals.wilson(correct[inside].sum(), inside.sum())
        rows.append((inside.sum(), confidence[inside].mean(), correct[inside].mean(), *interval))
    columns = ["n", "confidence", "accuracy", "accuracy_low", "accuracy_high"]
    return pd.DataFrame(rows, columns=columns)


def _binned(p_male: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each sample: confidence, whether the prediction is correct, and number of the bin."""
    confidence = np.maximum(p_male, 1 - p_male)
    correct = (p_male > 0.5) == (targets == 1)
    edges = np.linspace(0.5, 1, BINS + 1)
    bin_of_sample = np.clip(np.searchsorted(edges, confidence, side="right") - 1, 0, BINS - 1)
    return confidence, correct, bin_of_sample


def expected_calibration_error(bins: pd.DataFrame) -> float:
    """ECE: the mean difference of confidence and accuracy over bins, weighted by their samples."""
    return float((bins.n * (bins.confidence - bins.accuracy).abs()).sum() / bins.n.sum())


def weighted_calibration_error(
    p_male: np.ndarray, targets: np.ndarray
) -> Callable[[np.ndarray], float]:
    """A function of the samples' weights (samples,), for the ECE of the weighted samples."""
    confidence, correct, bin_of_sample = _binned(p_male, targets)
    excess = confidence - correct

    def compute(weights: np.ndarray) -> float:
        excess_of_bin = np.bincount(bin_of_sample, weights * excess, minlength=BINS)
        return np.abs(excess_of_bin).sum() / weights.sum()

    return compute


def temperature_scaling(validation: pd.DataFrame, test: pd.DataFrame) -> dict:
    """Fit a temperature on one inference table and apply it to another.

    `at_bound` is whether the temperature is at a bound of the search and so is not reliable;
    `loss`, `brier` and `ece` are those of the test set at that temperature.
    """
    temperature = _fit_temperature(validation.p_male.to_numpy(), validation.target.to_numpy())
    low, high = TEMPERATURE_BOUNDS
    scaled = apply_temperature(test.p_male.to_numpy(), temperature)
    return {
        "temperature": temperature,
        "fitted_on": "validation",
        "at_bound": bool(temperature < low * 1.01 or temperature > high / 1.01),
        **probability_metrics(scaled, test.target.to_numpy()),
    }


def applied_temperature(scaling: dict) -> float:
    """The temperature of new predictions and of the threshold of "unsure".

    It is 1, which changes nothing, where the fitted one is at a bound: after a validation set
    without a mistake, that would make nearly every confidence 1.

    Args:
        scaling: as from `temperature_scaling`.
    """
    return 1.0 if scaling["at_bound"] else scaling["temperature"]


def _fit_temperature(p_male: np.ndarray, targets: np.ndarray) -> float:
    """The temperature of the lowest log loss: the lower bound, if all predictions are correct."""
    odds = _log_odds(p_male) * np.where(targets == 1, 1, -1)
    minimum = minimize_scalar(
        lambda exponent: np.logaddexp(0, -odds / np.exp(exponent)).mean(),
        bounds=np.log(TEMPERATURE_BOUNDS),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(minimum.x))


def apply_temperature(p_male: np.ndarray, temperature: float) -> np.ndarray:
    """The probabilities at a temperature, (samples,); above 1 they are less extreme."""
    return expit(_log_odds(p_male) / temperature)


def _log_odds(p_male: np.ndarray) -> np.ndarray:
    return logit(np.clip(p_male, SMALLEST, 1 - SMALLEST))
