"""The metrics of one set of predictions under changing sample weights, for the bootstrap.

scikit-learn takes sample weights, too, but sorts and validates the predictions at each call: 1,000
resamples of 50,000 predictions would take minutes. Here the predictions are sorted once. The tests
compare every metric with scikit-learn's.
"""

import numpy as np
import pandas as pd

from renet.common.imdb_wiki import CLASSES

SMALLEST = np.finfo(float).eps  # as scikit-learn clips probabilities before their logarithm
NAMES = (
    "accuracy", "balanced_accuracy", "recall_female", "recall_male", "mcc", "roc_auc",
    "pr_auc_female", "pr_auc_male", "loss", "brier",
)  # fmt: skip


class WeightedMetrics:
    """Call it with weights (samples,) to get the metrics `NAMES`, (10,) float64, NaN if undefined.

    Args of the constructor:
        predictions: the columns `target`, `predicted` and `p_male` of an inference table.
    """

    def __init__(self, predictions: pd.DataFrame):
        order = np.argsort(predictions.p_male.to_numpy(), kind="stable")
        self._order = order
        p_male = predictions.p_male.to_numpy()[order]
        self._male = predictions.target.to_numpy()[order] == 1
        self._cell = len(CLASSES) * self._male + predictions.predicted.to_numpy()[order]
        p_target = np.where(self._male, p_male, 1 - p_male)
        self._loss = -np.log(np.clip(p_target, SMALLEST, 1 - SMALLEST))
        self._brier = (1 - p_target) ** 2
        # Start of each group of equal probabilities: a group is one point of the curves.
        self._starts = np.flatnonzero(np.diff(p_male, prepend=-1.0))

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        weights = weights[self._order]
        matrix = np.bincount(self._cell, weights, minlength=4).reshape(2, 2)
        total = weights.sum()
        with np.errstate(divide="ignore", invalid="ignore"):
            recalls = np.diag(matrix) / matrix.sum(axis=1)
            female, male = (
                np.add.reduceat(weights * of_class, self._starts)
                for of_class in (~self._male, self._male)
            )
            metrics = [
                np.trace(matrix) / total,
                np.nanmean(recalls),
                *recalls,
                matthews(matrix),
                roc_auc(female, male),
                average_precision(male[::-1], female[::-1]),
                average_precision(female, male),
                self._loss @ weights / total,
                self._brier @ weights / total,
            ]
        return np.array(metrics)


def matthews(matrix: np.ndarray) -> float:
    """Matthews correlation coefficient of a 2x2 confusion matrix; 0 where a margin is empty."""
    matrix = matrix.astype(float)  # the product of four counts can overflow int64
    margins = np.prod(matrix.sum(axis=0)) * np.prod(matrix.sum(axis=1))
    difference = matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0]
    return difference / np.sqrt(margins) if margins else 0.0


def roc_auc(negative: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve, from the weight of each class at each rising score (scores,)."""
    below = np.cumsum(negative) - negative / 2
    return positive @ below / (positive.sum() * negative.sum())


def average_precision(negative: np.ndarray, positive: np.ndarray) -> float:
    """Average precision of the positive class, a sum of steps as in scikit-learn.

    Each threshold adds its recall times the precision there. Both arguments are the weights of a
    class at each score of the positive class, in rising order, (scores,).
    """
    positive, negative = positive[::-1], negative[::-1]
    true_positives = np.cumsum(positive)
    precision = true_positives / (true_positives + np.cumsum(negative))
    steps = positive > 0
    total = true_positives[-1]
    return positive[steps] @ precision[steps] / total if total else np.nan
