"""The metrics of a set of predictions, computed from an inference table alone."""

import numpy as np
import pandas as pd
from sklearn import metrics

from renet.common.imdb_wiki import CLASSES
from renet.evaluation import calibration, confidence_intervals, weighted_metrics

LABELS = list(range(len(CLASSES)))


def summarise(
    predictions: pd.DataFrame,
    male_fraction: float,
    resamples: int = confidence_intervals.RESAMPLES,
) -> dict:
    """The metrics of one subset, as metrics.json has them (workflow/schemas/metrics.schema.yaml).

    Args:
        predictions: an inference table with at least one row.
        male_fraction: fraction of class 1 in the training set, for the baseline.
        resamples: of the bootstrap over subjects.

    Returns:
        The metrics, None where a set of one class does not define them; `intervals`, their 95 %
        intervals; `majority_baseline`, the metrics of always predicting the training set's majority
        class; `constant_prediction`, whether all predictions are the same class.
    """
    matrix = _confusion_matrix(predictions)
    return {
        "n": len(predictions),
        "subjects": predictions.subject.nunique(),
        "classes": list(CLASSES),
        **point_estimates(predictions),
        "confusion_matrix": matrix.tolist(),
        "intervals": intervals(predictions, matrix, resamples),
        "majority_baseline": majority_baseline(predictions.target.to_numpy(), male_fraction),
        "constant_prediction": predictions.predicted.nunique() == 1,
    }


def point_estimates(predictions: pd.DataFrame) -> dict:
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
        "mcc": float(weighted_metrics.matthews(matrix)),
        "roc_auc": float(metrics.roc_auc_score(targets, p_male)) if of_class.all() else None,
        "pr_auc": dict(zip(CLASSES, average_precisions, strict=True)),
        **calibration.probability_metrics(p_male, targets),
    }


def intervals(predictions: pd.DataFrame, matrix: np.ndarray, resamples: int) -> dict:
    """95 % intervals: `subjects` (bootstrap) of each metric, `wilson` of a fraction of samples.

    A `subjects` interval that too few resamples define is None.
    """
    bootstrap = confidence_intervals.subject_bootstrap(
        predictions.subject, weighted_metrics.WeightedMetrics(predictions), resamples
    )
    fractions = {"accuracy": (np.trace(matrix), matrix.sum())} | {
        f"recall_{name}": (matrix[label, label], matrix[label].sum())
        for label, name in enumerate(CLASSES)
    }
    found = {}
    for name, bounds in zip(weighted_metrics.NAMES, bootstrap.tolist(), strict=True):
        found[name] = {"subjects": bounds if np.isfinite(bounds).all() else None}
        if name in fractions:
            found[name]["wilson"] = list(confidence_intervals.wilson(*fractions[name]))
    return found


def majority_baseline(targets: np.ndarray, male_fraction: float) -> dict:
    """The metrics of always predicting the training set's majority class.

    Its probability of class 1 is `male_fraction`, for every sample.
    """
    majority = int(male_fraction >= 0.5)
    constant = pd.DataFrame({"target": targets, "predicted": majority, "p_male": male_fraction})
    estimates = point_estimates(constant)
    return {"class": CLASSES[majority], "male_fraction": male_fraction, **estimates}


def _confusion_matrix(predictions: pd.DataFrame) -> np.ndarray:
    """Counts (2, 2): rows are labels, columns predictions."""
    return metrics.confusion_matrix(predictions.target, predictions.predicted, labels=LABELS)


def _fraction(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None
