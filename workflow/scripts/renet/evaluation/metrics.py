"""The metrics of a set of predictions, computed from an inference table alone.

scikit-learn takes sample weights, too, but sorts and validates the predictions at each call: 1,000
resamples of 50,000 predictions would take minutes. So `weighted` computes the metrics of the
bootstrap, from predictions that are sorted once. The tests compare each with scikit-learn's.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn import metrics

from renet.common.imdb_wiki import CLASSES
from renet.evaluation import calibration, confidence_intervals

LABELS = list(range(len(CLASSES)))
WEIGHTED = (
    "accuracy", "balanced_accuracy", "recall_female", "recall_male", "mcc", "roc_auc",
    "pr_auc_female", "pr_auc_male", "loss", "brier",
)  # fmt: skip
SMALLEST = np.finfo(float).eps  # as scikit-learn clips probabilities before their logarithm


def summarise(predictions: pd.DataFrame, male_fraction: float) -> dict:
    """The metrics of one subset, as metrics.json has them (workflow/schemas/metrics.schema.yaml).

    Args:
        predictions: an inference table with at least one row.
        male_fraction: fraction of class 1 in the training set. The baseline always predicts the
            majority class of the training set, with this probability of class 1.

    Returns:
        The metrics, None where a set of one class does not define them, their 95 % intervals, and
        those of the baseline; `constant_prediction`, whether all predictions are the same class.
    """
    matrix = _confusion_matrix(predictions)
    majority = int(male_fraction >= 0.5)
    constant = predictions[["target"]].assign(predicted=majority, p_male=male_fraction)
    return {
        "n": len(predictions),
        "subjects": predictions.subject.nunique(),
        "classes": list(CLASSES),
        **_point_estimates(predictions),
        "confusion_matrix": matrix.tolist(),
        "intervals": _intervals(predictions, matrix),
        "majority_baseline": {
            "class": CLASSES[majority],
            "male_fraction": male_fraction,
            **_point_estimates(constant),
        },
        "constant_prediction": predictions.predicted.nunique() == 1,
    }


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
        **calibration.probability_metrics(p_male, targets),
    }


def _fraction(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None


def _intervals(predictions: pd.DataFrame, matrix: np.ndarray) -> dict:
    """95 % intervals: `subjects` (bootstrap) of each metric, `wilson` of a fraction of samples.

    A `subjects` interval that too few resamples define is None.
    """
    bootstrap = confidence_intervals.subject_bootstrap(predictions.subject, weighted(predictions))
    fractions = {"accuracy": (np.trace(matrix), matrix.sum())} | {
        f"recall_{name}": (matrix[label, label], matrix[label].sum())
        for label, name in enumerate(CLASSES)
    }
    found = {}
    for name, bounds in zip(WEIGHTED, bootstrap.tolist(), strict=True):
        found[name] = {"subjects": bounds if np.isfinite(bounds).all() else None}
        if name in fractions:
            found[name]["wilson"] = list(confidence_intervals.wilson(*fractions[name]))
    return found


def weighted(predictions: pd.DataFrame) -> Callable[[np.ndarray], np.ndarray]:
    """A function of weights (samples,), for the metrics `WEIGHTED`, (10,), NaN if undefined."""
    order = np.argsort(predictions.p_male.to_numpy(), kind="stable")
    ranked = predictions.iloc[order]
    p_male, is_male = ranked.p_male.to_numpy(), ranked.target.to_numpy() == 1
    cell = len(CLASSES) * is_male + ranked.predicted.to_numpy()
    p_target = np.where(is_male, p_male, 1 - p_male)
    loss, brier = -np.log(np.clip(p_target, SMALLEST, 1 - SMALLEST)), (1 - p_target) ** 2
    # Start of each group of equal probabilities: a group is one point of the curves.
    starts = np.flatnonzero(np.diff(p_male, prepend=-1.0))

    def compute(weights: np.ndarray) -> np.ndarray:
        weights = weights[order]
        matrix = np.bincount(cell, weights, minlength=4).reshape(2, 2)
        total = weights.sum()
        female = np.add.reduceat(weights * ~is_male, starts)
        male = np.add.reduceat(weights * is_male, starts)
        with np.errstate(divide="ignore", invalid="ignore"):
            recalls = np.diag(matrix) / matrix.sum(axis=1)
            values = [
                np.trace(matrix) / total,
                np.nanmean(recalls),
                *recalls,
                matthews(matrix),
                _roc_auc(female, male),
                _average_precision(male[::-1], female[::-1]),
                _average_precision(female, male),
                loss @ weights / total,
                brier @ weights / total,
            ]
        return np.array(values)

    return compute


def matthews(matrix: np.ndarray) -> float:
    """Matthews correlation coefficient of a 2x2 confusion matrix; 0 where a margin is empty."""
    matrix = matrix.astype(float)  # the product of four counts can overflow int64
    margins = np.prod(matrix.sum(axis=0)) * np.prod(matrix.sum(axis=1))
    difference = matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0]
    return difference / np.sqrt(margins) if margins else 0.0


def _roc_auc(negative: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve, from the weight of each class at each rising score (scores,)."""
    below = np.cumsum(negative) - negative / 2
    return positive @ below / (positive.sum() * negative.sum())


def _average_precision(negative: np.ndarray, positive: np.ndarray) -> float:
    """Average precision, as in scikit-learn the sum of recall times precision at each threshold.

    Both arguments are the weights of a class at each score of the positive class, in rising order,
    (scores,).
    """
    positive, negative = positive[::-1], negative[::-1]
    true_positives = np.cumsum(positive)
    precision = true_positives / (true_positives + np.cumsum(negative))
    steps = positive > 0
    total = true_positives[-1]
    return positive[steps] @ precision[steps] / total if total else np.nan
