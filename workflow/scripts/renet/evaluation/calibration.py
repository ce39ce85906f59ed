"""Whether probabilities mean what they say, and the temperature that makes them.

Guo et al., On Calibration of Modern Neural Networks (2017): logits are divided by one temperature,
fitted on the validation set. It changes no answer, only how sure the network says it is.
"""

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit

from renet.evaluation import intervals

BINS = 10  # of the confidence, from a half to one
TEMPERATURES = (0.05, 20.0)
SMALLEST = 1e-12  # a probability that rounds to zero still has a logit


def log_odds(p_male: np.ndarray) -> np.ndarray:
    """The difference of the two logits, (samples,)."""
    return logit(np.clip(p_male, SMALLEST, 1 - SMALLEST))


def soften(p_male: np.ndarray, temperature: float) -> np.ndarray:
    """The probabilities at another temperature, (samples,); above 1 they are less extreme."""
    return expit(log_odds(p_male) / temperature)


def fit_temperature(p_male: np.ndarray, targets: np.ndarray) -> float:
    """The temperature with the lowest log-loss, within `TEMPERATURES`.

    A validation set without a mistake would have every answer certain: the lower bound, then, says
    that nothing can be learnt from it.
    """
    odds = log_odds(p_male) * np.where(targets == 1, 1, -1)
    found = minimize_scalar(
        lambda exponent: np.logaddexp(0, -odds / np.exp(exponent)).mean(),
        bounds=np.log(TEMPERATURES),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(found.x))


def reliability(p_male: np.ndarray, targets: np.ndarray) -> pd.DataFrame:
    """Confidence against accuracy, a row for each bin of the confidence that has samples.

    Returns:
        `low` and `high` (bounds of the bin), `n`, `confidence` (mean probability of the answer),
        `accuracy`, and `accuracy_low`, `accuracy_high` (Wilson's interval).
    """
    confidence = np.maximum(p_male, 1 - p_male)
    right = (p_male > 0.5) == (targets == 1)
    edges = np.linspace(0.5, 1, BINS + 1)
    number = np.clip(np.searchsorted(edges, confidence, side="right") - 1, 0, BINS - 1)
    rows = []
    for bin_number in np.unique(number):
        inside = number == bin_number
        low, high = intervals.wilson(right[inside].sum(), inside.sum())
        rows.append(
            {
                "low": edges[bin_number],
                "high": edges[bin_number + 1],
                "n": int(inside.sum()),
                "confidence": confidence[inside].mean(),
                "accuracy": right[inside].mean(),
                "accuracy_low": low,
                "accuracy_high": high,
            }
        )
    return pd.DataFrame(rows)


def expected_error(bins: pd.DataFrame) -> float:
    """The expected calibration error (ECE): mean gap of confidence and accuracy, by sample."""
    return float((bins.n * (bins.confidence - bins.accuracy).abs()).sum() / bins.n.sum())
