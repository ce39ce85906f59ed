"""The metrics of a set of predictions, computed from an inference table alone."""

import numpy as np
import pandas as pd
from sklearn import metrics

from renet.common.imdb_wiki import CLASSES
from renet.evaluation import calibration
from renet.evaluation.confidence_intervals import (
    TAIL,
    Proportion,
    auc_interval,
    combination,
    p_value,
    proportion,
)
from renet.metadata import subjects

LABELS = list(range(len(CLASSES)))


def summarise(predictions: pd.DataFrame, male_fraction: float) -> dict:
    """The metrics of one subset, as metrics.json has them (workflow/schemas/metrics.schema.yaml).

    They are None where a set of one class does not define them.

    Args:
        predictions: an inference table with at least one row.
        male_fraction: fraction of class 1 in the training set. The baseline always predicts the
            majority class of the training set, with this probability of class 1.
    """
    majority = int(male_fraction >= 0.5)
    constant = predictions[["target"]].assign(predicted=majority, p_male=male_fraction)
    p_male, targets = predictions.p_male.to_numpy(), predictions.target.to_numpy()
    recalls = [_proportion(predictions, "target", label) for label in LABELS]
    accuracy = proportion(predictions.correct, predictions.subject)
    gained, lost = against_baseline(predictions, majority)
    return {
        "n": len(predictions),
        **subjects.counts(predictions.subject),
        "effective_people": accuracy.people,
        "effective_faces": accuracy.effective_size(),
        "classes": list(CLASSES),
        **_point_estimates(predictions),
        **calibration.probability_metrics(p_male, targets),
        "confusion_matrix": _confusion_matrix(predictions).tolist(),
        "intervals": _intervals(predictions, accuracy, recalls),
        "differences": {
            "over_baseline": over_baseline(gained, lost),
            "male_minus_female": recall_difference(*recalls),
        },
        "above_baseline": above_baseline(gained, lost, recalls),
        "majority_baseline": {"class": CLASSES[majority], "male_fraction": male_fraction}
        | _point_estimates(constant),
        "constant_prediction": predictions.predicted.nunique() == 1,
    }


def _proportion(predictions: pd.DataFrame, column: str, label: int) -> Proportion | None:
    """The fraction of correct predictions where a column has this label: a recall, or precision."""
    inside = predictions[predictions[column] == label]
    return proportion(inside.correct, inside.subject) if len(inside) else None


def _confusion_matrix(predictions: pd.DataFrame) -> np.ndarray:
    """Counts (2, 2): rows are labels, columns predictions."""
    return metrics.confusion_matrix(predictions.target, predictions.predicted, labels=LABELS)


def _point_estimates(predictions: pd.DataFrame) -> dict:
    """Each metric's value; `predictions` has at least `target`, `predicted` and `p_male`."""
    targets, p_male = predictions.target.to_numpy(), predictions.p_male.to_numpy()
    matrix = _confusion_matrix(predictions)
    of_class, of_prediction = matrix.sum(axis=1), matrix.sum(axis=0)
    recalls = [_fraction(matrix[label, label], of_class[label]) for label in LABELS]
    precisions = [_fraction(matrix[label, label], of_prediction[label]) for label in LABELS]
    average_precisions = [
        float(metrics.average_precision_score(targets == label, scores))
        if of_class[label]
        else None
        for label, scores in enumerate((1 - p_male, p_male))
    ]
    return {
        "accuracy": float(metrics.accuracy_score(targets, predictions.predicted)),
        "balanced_accuracy": float(np.mean([value for value in recalls if value is not None])),
        "recall": dict(zip(CLASSES, recalls, strict=True)),
        "precision": dict(zip(CLASSES, precisions, strict=True)),
        "mcc": float(matthews(matrix)),
        "roc_auc": float(metrics.roc_auc_score(targets, p_male)) if of_class.all() else None,
        "pr_auc": dict(zip(CLASSES, average_precisions, strict=True)),
    }


def _fraction(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None


def _intervals(
    predictions: pd.DataFrame, accuracy: Proportion, recalls: list[Proportion | None]
) -> dict[str, list[float] | None]:
    """The 95 % intervals of the fractions and of the ROC AUC, None where not defined."""
    precisions = [_proportion(predictions, "predicted", label) for label in LABELS]
    fractions: dict[str, Proportion | None] = {"accuracy": accuracy}
    for name, recall, precision in zip(CLASSES, recalls, precisions, strict=True):
        fractions |= {f"recall_{name}": recall, f"precision_{name}": precision}
    ranked = None
    if all(recalls):
        p_male, targets = predictions.p_male.to_numpy(), predictions.target.to_numpy()
        ranked = auc_interval(p_male, targets, predictions.subject)
    return {
        name: list(fraction.interval()) if fraction else None
        for name, fraction in fractions.items()
    } | {
        "balanced_accuracy": list(_mean_interval(recalls)),
        "roc_auc": list(ranked) if ranked else None,
    }


def _mean_interval(recalls: list[Proportion | None], tail: float = TAIL) -> tuple[float, float]:
    """The interval of the mean of the recalls that are defined."""
    known = [recall for recall in recalls if recall]
    return combination([1 / len(known)] * len(known), known, tail)


def against_baseline(predictions: pd.DataFrame, majority: int) -> tuple[Proportion, Proportion]:
    """The fraction that the network alone predicts correctly, and that the baseline alone does."""
    is_majority, correct = predictions.target == majority, predictions.correct == 1
    gained = proportion(correct & ~is_majority, predictions.subject)
    return gained, proportion(~correct & is_majority, predictions.subject)


def over_baseline(gained: Proportion, lost: Proportion) -> dict:
    """Accuracy minus that of the baseline; arguments as from `against_baseline`."""
    return _difference(gained.value - lost.value, list(_lead(gained, lost)))


def _lead(gained: Proportion, lost: Proportion, tail: float = TAIL) -> tuple[float, float]:
    """Interval of their difference. No face is of both: they are negatively correlated."""
    odds = [part.value / (1 - part.value) if part.value < 1 else 0.0 for part in (gained, lost)]
    return combination((1, -1), (gained, lost), tail, -np.sqrt(np.prod(odds)))


def above_baseline(
    gained: Proportion, lost: Proportion, recalls: list[Proportion | None]
) -> dict[str, float | None]:
    """Two-sided p-values of being above the baseline, whose balanced accuracy is 1/2."""
    return {
        "accuracy": p_value(lambda tail: _lead(gained, lost, tail)[0]),
        "balanced_accuracy": p_value(lambda tail: _mean_interval(recalls, tail)[0] - 0.5)
        if all(recalls)
        else None,
    }


def recall_difference(female: Proportion | None, male: Proportion | None) -> dict:
    """Recall of male minus that of female; undefined without one of them."""
    if not female or not male:
        return _difference(None, None)
    bounds = list(combination((1, -1), (male, female)))
    return _difference(male.value - female.value, bounds)


def _difference(value: float | None, interval: list[float] | None) -> dict:
    """A difference, and whether its interval excludes zero."""
    significant = interval is not None and (interval[0] > 0 or interval[1] < 0)
    return {"value": value, "interval": interval, "significant": significant}


def matthews(matrix: np.ndarray) -> float:
    """Matthews correlation coefficient of a confusion matrix; 0 if a row or column is empty."""
    matrix = matrix.astype(float)  # the product of four counts can overflow int64
    sums = np.prod(matrix.sum(axis=0)) * np.prod(matrix.sum(axis=1))
    difference = matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0]
    return difference / np.sqrt(sums) if sums else 0.0
