"""Metrics of a set of predictions, computed from an inference table alone."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn import metrics

from renet.common.imdb_wiki import CLASSES
from renet.evaluation.confidence_intervals import (
    TAIL,
    Proportion,
    auc_interval,
    combination,
    p_value,
    proportion,
)
from renet.evaluation.tables import ALPHA, FEW_FACES, is_small
from renet.metadata import subjects


def summarise(predictions: pd.DataFrame) -> dict:
    """Return the keys of `summary.SetSummary` (not imported here, because it needs pydantic).

    Metrics and claims that a set of one class does not define are None. The baseline always
    predicts the majority class of the set, because no other constant prediction is more accurate.
    """
    majority = int(predictions.target.mean() >= 0.5)
    constant = predictions.assign(
        predicted=majority, p_male=0.5, correct=predictions.target == majority
    )
    matrix = metrics.confusion_matrix(predictions.target, predictions.predicted, labels=[0, 1])
    accuracy = proportion(predictions.correct, predictions.subject)
    recalls = by_class(predictions)
    both = len(recalls) == len(CLASSES)
    small = bool(is_small(accuracy.faces, accuracy.people))
    return {
        "n": len(predictions),
        **subjects.counts(predictions.subject),
        "effective_people": accuracy.people,
        "effective_faces": accuracy.effective_size(),
        "classes": list(CLASSES),
        **_point_estimates(predictions),
        "loss": float(metrics.log_loss(predictions.target, predictions.p_male, labels=[0, 1])),
        "confusion_matrix": matrix.tolist(),
        "intervals": _intervals(predictions, accuracy, recalls),
        "small": small,
        "few": small or len(predictions) < FEW_FACES,
        "male_minus_female": recall_difference(recalls),
        "above_baseline": {
            "accuracy": claim(*over_baseline(predictions, majority)) if both else None,
            "balanced_accuracy": _balanced_claim(recalls) if both else None,
        },
        "majority_baseline": {"class": CLASSES[majority], **_point_estimates(constant)},
        "constant_prediction": both and predictions.predicted.nunique() == 1,
    }


def claim(difference: float, interval: Callable[[float], tuple[float, float]]) -> dict:
    """Return keys of `summary.Claim`; `interval` computes the difference's interval at a tail."""
    p = p_value(lambda tail: interval(tail)[0])
    return {"difference": difference, "interval": interval(TAIL), "p": p, "above": p <= ALPHA}


def _balanced_claim(recalls: dict[str, Proportion]) -> dict:
    """Return the claim that the balanced accuracy is above 1/2, for a set with both classes."""
    value = float(np.mean([recall.value for recall in recalls.values()]))

    def interval(tail: float) -> tuple[float, float]:
        low, high = _mean_interval(recalls, tail)
        return low - 0.5, high - 0.5

    return claim(value - 0.5, interval)


def by_class(predictions: pd.DataFrame, column: str = "target") -> dict[str, Proportion]:
    """Return the recall of each class that has faces or, by `predicted`, the precision."""
    parts = {name: predictions[predictions[column] == label] for label, name in enumerate(CLASSES)}
    return {
        name: proportion(part.correct, part.subject) for name, part in parts.items() if len(part)
    }


def _point_estimates(predictions: pd.DataFrame) -> dict:
    """Return the values of the metrics without intervals; None if a metric is not defined."""
    recalls, precisions = by_class(predictions), by_class(predictions, "predicted")
    return {
        "accuracy": float(predictions.correct.mean()),
        "balanced_accuracy": float(np.mean([recall.value for recall in recalls.values()])),
        "recall": {name: recalls[name].value if name in recalls else None for name in CLASSES},
        "precision": {
            name: precisions[name].value if name in precisions else None for name in CLASSES
        },
        "roc_auc": float(metrics.roc_auc_score(predictions.target, predictions.p_male))
        if len(recalls) == len(CLASSES)
        else None,
    }


def _intervals(
    predictions: pd.DataFrame, accuracy: Proportion, recalls: dict[str, Proportion]
) -> dict[str, tuple[float, float] | None]:
    """Return the 95 % intervals of the metrics; None if a metric or its interval is undefined."""
    fractions = {"recall": recalls, "precision": by_class(predictions, "predicted")}
    scores = (predictions[name].to_numpy() for name in ("p_male", "target", "subject"))
    return {
        "accuracy": accuracy.interval(),
        **{
            f"{metric}_{name}": of_class[name].interval() if name in of_class else None
            for name in CLASSES
            for metric, of_class in fractions.items()
        },
        "balanced_accuracy": _mean_interval(recalls),
        "roc_auc": auc_interval(*scores) if len(recalls) == len(CLASSES) else None,
    }


def _mean_interval(recalls: dict[str, Proportion], tail: float = TAIL) -> tuple[float, float]:
    return combination([1 / len(recalls)] * len(recalls), [*recalls.values()], tail)


def over_baseline(
    predictions: pd.DataFrame, majority: int
) -> tuple[float, Callable[[float], tuple[float, float]]]:
    """Return accuracy - baseline's accuracy, and a function of a tail that returns the interval."""
    is_majority, correct = predictions.target == majority, predictions.correct == 1
    gained = proportion(correct & ~is_majority, predictions.subject)  # only the network is correct
    lost = proportion(~correct & is_majority, predictions.subject)  # only the baseline is correct
    # No face counts in both fractions, so that the fractions are negatively correlated.
    odds = [part.value / (1 - part.value) if part.value < 1 else 0.0 for part in (gained, lost)]
    correlation = -np.sqrt(np.prod(odds))
    return gained.value - lost.value, lambda tail: combination(
        (1, -1), (gained, lost), tail, correlation
    )


def recall_difference(recalls: dict[str, Proportion]) -> dict:
    """Return keys of `summary.Gap`: recall of male minus recall of female; None for one class."""
    if len(recalls) < len(CLASSES):
        return {"value": None, "interval": None, "significant": False}
    female, male = recalls.values()
    low, high = combination((1, -1), (male, female))
    gap, significant = male.value - female.value, low > 0 or high < 0
    return {"value": gap, "interval": (low, high), "significant": significant}
