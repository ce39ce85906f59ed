"""Abstaining: predictions whose confidence is not above a threshold are "unsure".

The threshold is chosen on the validation set so that the error rate of the accepted predictions is
at most `max_error` with 95 % confidence (docs/statistics.md). Predictions are ranked by their
absolute log-odds, because a low temperature rounds many confidences to 1.

Clopper and Pearson's bound holds for the k highest scores if k is fixed beforehand. Therefore, a
fixed sequence of ranks is tested until a bound is too high. One early error would end a single
sequence, so that `SEQUENCES` sequences start at different ranks, each with an equal part of the 5 %
(Angelopoulos et al., Learn then Test, 2021). The bound has to be low for one photo of each person
and, by the effective number, for all photos: people with many photos can be harder to predict.
"""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import beta

from renet.evaluation.calibration import log_odds
from renet.evaluation.confidence_intervals import proportion

LEVEL = 0.95
SEQUENCES = 5
TAIL = (1 - LEVEL) / SEQUENCES
RANKS = 100  # ranks in the sequence with the earliest start
ACCEPT_ALL = -math.inf  # all scores are above this threshold, whose confidence is 0


def summarise(
    validation: pd.DataFrame, test: pd.DataFrame, temperature: float, max_error: float
) -> dict:
    """Return section `abstention` of metrics.json."""
    one_each = validation.drop_duplicates("subject")  # a random photo: the rows' order is random
    choice = choose(
        log_odds(one_each), one_each.correct.to_numpy(), max_error, _error_bound(validation)
    )
    accepted = np.zeros(len(test), bool)
    if choice["threshold"] is not None:
        choice["threshold"] = float(confidences(choice["threshold"], temperature))
        # The rule for new photos compares confidences, not scores.
        accepted = confidences(log_odds(test), temperature) > choice["threshold"]
    return {"max_error": max_error, "level": LEVEL, **choice, "test": _accepted(test, accepted)}


def confidences(odds: np.ndarray, temperature: float) -> np.ndarray:
    """Return the predicted class's probability at a temperature, (n,), from absolute log-odds."""
    return expit(np.asarray(odds) / temperature)


def _error_bound(validation: pd.DataFrame) -> Callable[[float], float]:
    """Return a function that computes the upper error bound of all photos above its threshold."""
    score, correct = log_odds(validation), validation.correct.to_numpy()
    # The design effect is of all photos, because few errors above a threshold would not show it.
    whole = proportion(correct, validation.subject)
    part = whole.effective_size(TAIL) / whole.faces

    def bound(threshold: float) -> float:
        accepted = score > threshold
        return float(upper_bound(part * (1 - correct[accepted]).sum(), part * accepted.sum()))

    return bound


def choose(
    score: np.ndarray,
    correct: np.ndarray,
    max_error: float,
    further_bound: Callable[[float], float] = lambda _: 0.0,
) -> dict:
    """Choose the threshold that accepts the most predictions with an error bound <= `max_error`.

    Return keys of the section `abstention`, with `threshold` as a score or None. `score`, such as
    `log_odds`, and `correct` are of independent predictions. `further_bound` computes a second
    upper bound of the error above a score, which must not exceed `max_error` either.
    """
    # Without an error, `needed` predictions bound the error rate by `max_error`.
    people, needed = len(score), math.ceil(math.log(TAIL) / math.log1p(-max_error))
    choice: dict[str, float | None] = {
        "threshold": None, "people": people, "needed": needed, "few_people": people < needed,
        "accepted": 0, "errors": 0, "upper_bound": None,
    }  # fmt: skip
    if choice["few_people"]:
        return choice
    order = np.argsort(-score, kind="stable")
    falling = np.append(score[order], ACCEPT_ALL)
    ranks = np.unique(np.linspace(needed, people, RANKS).round().astype(int))
    # Scores that equal the threshold are not accepted.
    accepted = np.searchsorted(-falling[:-1], -falling[ranks], side="left")
    errors = np.append(0, np.cumsum(1 - correct[order]))[accepted]
    further = [further_bound(threshold) for threshold in falling[ranks]]
    bounds = np.maximum(upper_bound(errors, accepted), further)
    fails = np.append(~(bounds <= max_error), True)  # a sequence ends with the last rank
    for start in np.linspace(0, len(ranks), SEQUENCES, endpoint=False).astype(int):
        last = start + int(np.argmax(fails[start:])) - 1
        if last >= start:  # each sequence accepts more than the sequences before
            choice |= {
                "threshold": float(falling[ranks[last]]),
                "accepted": int(accepted[last]),
                "errors": int(errors[last]),
                "upper_bound": float(bounds[last]),
            }
    return choice


def upper_bound(errors: np.ndarray | float, accepted: np.ndarray | float) -> np.ndarray:
    """Return Clopper and Pearson's upper bound of an error rate, one-sided with `TAIL`."""
    bounds = beta.ppf(1 - TAIL, errors + 1, np.maximum(accepted - errors, 1))
    return np.where(accepted > errors, bounds, 1.0)


def risk_coverage(score: np.ndarray, correct: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return coverage and expected error rate, (n,) each, of the k highest scores, k = 1 to n."""
    values, group = np.unique(-score, return_inverse=True)
    counts = np.cumsum(np.bincount(group, minlength=len(values)))
    errors = np.cumsum(np.bincount(group, 1 - correct, minlength=len(values)))
    count = np.arange(1, len(score) + 1)
    expected = np.interp(count, np.append(0, counts), np.append(0, errors))
    return count / len(score), expected / count


def _accepted(predictions: pd.DataFrame, accepted: np.ndarray) -> dict:
    """Return key `test` of the section: coverage, and errors of accepted and of all predictions."""
    inside = predictions[accepted]
    wrong = proportion(1 - inside.correct, inside.subject) if len(inside) else None
    return {
        "accepted": len(inside),
        "coverage": len(inside) / len(predictions),
        "error": wrong.value if wrong else None,
        "error_interval": list(wrong.interval()) if wrong else None,
        "error_of_all": float((1 - predictions.correct).mean()),
    }
