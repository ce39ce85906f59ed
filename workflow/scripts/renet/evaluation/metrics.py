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
from renet.metadata import subjects

# Subjects that a sign test needs for a p-value of at most 0.05: 2 * 0.5**6 is 0.03.
FEWEST_DIFFERING = 6
LABELS = list(range(len(CLASSES)))
WEIGHTED = (
    "accuracy", "balanced_accuracy", "recall_female", "recall_male", "precision_female",
    "precision_male", "mcc", "roc_auc", "pr_auc_female", "pr_auc_male", "loss", "brier", "ece",
    "over_baseline", "male_minus_female",  # differences
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
    majority = int(male_fraction >= 0.5)
    constant = predictions[["target"]].assign(predicted=majority, p_male=male_fraction)
    values, baseline = _point_estimates(predictions), _point_estimates(constant)
    matrix = _confusion_matrix(predictions)
    bootstrap = confidence_intervals.subject_bootstrap(
        predictions.subject, weighted(predictions, majority)
    )
    bounds = dict(zip(WEIGHTED, bootstrap, strict=True))
    return {
        "n": len(predictions),
        **subjects.counts(predictions.subject),
        "classes": list(CLASSES),
        **values,
        "confusion_matrix": matrix.tolist(),
        "intervals": _intervals(matrix, bounds, values["ece"]),
        "differences": {
            "over_baseline": _over_baseline(predictions, majority, bounds["over_baseline"]),
            "male_minus_female": _recall_difference(matrix, bounds["male_minus_female"]),
        },
        "majority_baseline": {"class": CLASSES[majority], "male_fraction": male_fraction}
        | baseline,
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


def _intervals(matrix: np.ndarray, bounds: dict[str, np.ndarray], ece: float) -> dict:
    """95 % intervals: `subjects` (bootstrap) of each metric, `wilson` of a fraction of samples.

    Args:
        matrix: the confusion matrix.
        bounds: percentile intervals, (2,) each, by the names `WEIGHTED`.
        ece: the calibration error of the samples.
    """
    bounds = bounds | {"ece": confidence_intervals.basic(ece, bounds["ece"])}
    intervals = {name: {"subjects": _known(bounds[name])} for name in WEIGHTED[:-2]}
    fractions = {"accuracy": (np.trace(matrix), matrix.sum())}
    for label, name in enumerate(CLASSES):
        fractions[f"recall_{name}"] = (matrix[label, label], matrix[label].sum())
        fractions[f"precision_{name}"] = (matrix[label, label], matrix[:, label].sum())
    for name, counts in fractions.items():
        intervals[name]["wilson"] = list(confidence_intervals.wilson(*counts))
    return intervals


def _known(bounds: np.ndarray) -> list[float] | None:
    """A bootstrap interval, or None if too few resamples define it."""
    return bounds.tolist() if np.isfinite(bounds).all() else None


def _over_baseline(predictions: pd.DataFrame, majority: int, bounds: np.ndarray) -> dict:
    """Accuracy minus that of always predicting the majority class.

    A bootstrap of a few subjects, or of subjects with the same difference, is too narrow. At least
    `FEWEST_DIFFERING` have to differ.
    """
    correct = (predictions.predicted == predictions.target).astype(int)
    gains = correct - (predictions.target == majority).astype(int)
    difference = _difference(float(gains.mean()), subjects=_known(bounds))
    differing = (gains.groupby(predictions.subject).sum() != 0).sum()
    return difference | {"shown": bool(difference["shown"] and differing >= FEWEST_DIFFERING)}


def _recall_difference(matrix: np.ndarray, bounds: np.ndarray) -> dict:
    """Recall of male minus that of female, undefined where a class has no sample."""
    of_female, of_male = matrix.sum(axis=1)
    if not of_female or not of_male:
        return _difference(None, subjects=None, newcombe=None)
    female, male = (matrix[0, 0], of_female), (matrix[1, 1], of_male)
    return _difference(
        float(male[0] / male[1] - female[0] / female[1]),
        subjects=_known(bounds),
        newcombe=list(confidence_intervals.newcombe(male, female)),
    )


def _difference(value: float | None, **intervals: list[float] | None) -> dict:
    """A difference with its intervals, and whether all of them exclude zero (`shown`)."""
    significant = all(bounds is not None and (bounds[0] > 0 or bounds[1] < 0)
                      for bounds in intervals.values())  # fmt: skip
    return {"value": value, **intervals, "shown": significant}


def weighted(predictions: pd.DataFrame, majority: int) -> Callable[[np.ndarray], np.ndarray]:
    """The metrics of the bootstrap, with what they need computed once.

    Args:
        predictions: an inference table.
        majority: the class that the baseline predicts.

    Returns:
        A function of the samples' weights (samples,), for the metrics `WEIGHTED`, (15,), NaN where
        one is not defined. `over_baseline` is the accuracy minus that of the baseline on the same
        samples, `male_minus_female` the difference of the recalls.
    """
    targets, p_male = predictions.target.to_numpy(), predictions.p_male.to_numpy()
    cell = len(CLASSES) * targets + predictions.predicted.to_numpy()
    rank = _weighted_ranking(p_male, targets)
    ece = calibration.weighted_calibration_error(p_male, targets)
    p_target = np.where(targets == 1, p_male, 1 - p_male)
    loss, brier = -np.log(np.clip(p_target, SMALLEST, 1 - SMALLEST)), (1 - p_target) ** 2

    def compute(weights: np.ndarray) -> np.ndarray:
        matrix = np.bincount(cell, weights, minlength=4).reshape(2, 2)
        total = weights.sum()
        accuracy, correct = np.trace(matrix) / total, np.diag(matrix)
        with np.errstate(divide="ignore", invalid="ignore"):
            recalls, precisions = correct / matrix.sum(axis=1), correct / matrix.sum(axis=0)
            values = [
                accuracy, np.nanmean(recalls), *recalls, *precisions, matthews(matrix),
                *rank(weights), loss @ weights / total, brier @ weights / total, ece(weights),
                accuracy - matrix[majority].sum() / total, recalls[1] - recalls[0],
            ]  # fmt: skip
        return np.array(values)

    return compute


def _weighted_ranking(
    p_male: np.ndarray, targets: np.ndarray
) -> Callable[[np.ndarray], tuple[float, float, float]]:
    """A function of weights (samples,), for the ROC AUC and each class's average precision."""
    order = np.argsort(p_male, kind="stable")
    is_male = targets[order] == 1
    # Start of each group of equal probabilities: a group is one point of the curves.
    starts = np.flatnonzero(np.diff(p_male[order], prepend=-1.0))

    def compute(weights: np.ndarray) -> tuple[float, float, float]:
        weights = weights[order]
        female = np.add.reduceat(weights * ~is_male, starts)
        male = np.add.reduceat(weights * is_male, starts)
        return (
            male @ (np.cumsum(female) - female / 2) / (male.sum() * female.sum()),
            _average_precision(male[::-1], female[::-1]),
            _average_precision(female, male),
        )

    return compute


def matthews(matrix: np.ndarray) -> float:
    """Matthews correlation coefficient of a confusion matrix; 0 if a row or column is empty."""
    matrix = matrix.astype(float)  # the product of four counts can overflow int64
    sums = np.prod(matrix.sum(axis=0)) * np.prod(matrix.sum(axis=1))
    difference = matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0]
    return difference / np.sqrt(sums) if sums else 0.0


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
