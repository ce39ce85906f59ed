"""The figures of one set of answers under changing weights of its samples, as a bootstrap needs.

scikit-learn takes weights too, and sorts and checks the answers anew at each call: a thousand draws
of 50,000 answers would take minutes. Here they are sorted once. The tests hold every figure against
scikit-learn's.
"""

import numpy as np
import pandas as pd

from renet.common.imdb_wiki import CLASSES

SMALLEST = np.finfo(float).eps  # as scikit-learn clips probabilities before their logarithm
NAMES = (
    "accuracy", "balanced_accuracy", "recall_female", "recall_male", "mcc", "roc_auc",
    "pr_auc_female", "pr_auc_male", "loss", "brier",
)  # fmt: skip


class WeightedFigures:
    """Call it with weights (samples,) to get the figures `NAMES`, (10,) float64, NaN if undefined.

    Args of the constructor:
        answers: the columns `target`, `predicted` and `p_male` of an inference table.
    """

    def __init__(self, answers: pd.DataFrame):
        order = np.argsort(answers.p_male.to_numpy(), kind="stable")
        self._order = order
        p_male = answers.p_male.to_numpy()[order]
        self._male = answers.target.to_numpy()[order] == 1
        self._cell = len(CLASSES) * self._male + answers.predicted.to_numpy()[order]
        right = np.where(self._male, p_male, 1 - p_male)
        self._loss = -np.log(np.clip(right, SMALLEST, 1 - SMALLEST))
        self._brier = (1 - right) ** 2
        # First of each run of equal probabilities: the curves have one point for it.
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
            figures = [
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
        return np.array(figures)


def matthews(matrix: np.ndarray) -> float:
    """Matthews' correlation coefficient of a 2x2 confusion matrix; 0 where a margin is empty."""
    matrix = matrix.astype(float)  # products of four counts pass the largest integer
    margins = np.prod(matrix.sum(axis=0)) * np.prod(matrix.sum(axis=1))
    difference = matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0]
    return difference / np.sqrt(margins) if margins else 0.0


def roc_auc(negative: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve, from the weight of each class at each rising score (scores,)."""
    below = np.cumsum(negative) - negative / 2
    return positive @ below / (positive.sum() * negative.sum())


def average_precision(other: np.ndarray, positive: np.ndarray) -> float:
    """Average precision of the class whose weights are `positive`, `other` the other's.

    Both (scores,), by rising score of that class. Like scikit-learn's, a sum of steps: recall won
    at each threshold times the precision there.
    """
    positive, other = positive[::-1], other[::-1]
    found = np.cumsum(positive)
    precision = found / (found + np.cumsum(other))
    won = positive > 0
    return positive[won] @ precision[won] / found[-1] if found[-1] else np.nan
