"""Figures of one run: a function for each name in `run_figures.RUN_FIGURES`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn import metrics

from renet.common.imdb_wiki import CLASSES
from renet.evaluation import abstention, calibration, plot_style
from renet.evaluation.plot_style import BLUE, GREY, RED
from renet.evaluation.summary import Summary


@dataclass(frozen=True)
class Evaluation:
    """Data of a run's figures."""

    predictions: pd.DataFrame  # on the test set, or on an external set
    metrics: Summary
    history: Any  # history.csv; None for an external set


def draw(name: str, evaluation: Evaluation, path: Path) -> None:
    """Draw the figure `name`, one of `RUN_FIGURES`, and write it as SVG."""
    plot_style.save(globals()[name](evaluation), path)


def training_curves(evaluation: Evaluation) -> Figure:
    """Plot loss and accuracy by epoch, on the training and the validation set."""
    figure, axes = plt.subplots(2, 1, figsize=(3.7, 5.6), layout="constrained")
    for axis, metric in zip(axes, ("loss", "accuracy"), strict=True):
        for label, prefix, colour in (("train", "", BLUE), ("validation", "validation_", RED)):
            column = prefix + metric
            computed = evaluation.history.dropna(subset=column)
            if len(computed):  # cross-validation alone leaves validation_ empty
                axis.plot(computed.epoch, computed[column], "o-", ms=4, color=colour, label=label)
        axis.set(xlabel="epoch", ylabel=metric)
        plot_style.count_epochs(axis)
    plot_style.begin_at_zero(axes[0])
    lowest = axes[1].dataLim.ymin
    axes[1].set_ylim(lowest - 0.05 * (1.02 - lowest), 1.02)
    axes[1].legend(loc="lower right")
    return figure


def confusion_matrix(evaluation: Evaluation) -> Figure:
    """Plot the number of faces by label and prediction, and as a fraction of the label's faces."""
    test = evaluation.metrics.test
    matrix, classes = np.array(test.confusion_matrix), test.classes
    fractions = matrix / matrix.sum(axis=1, keepdims=True).clip(min=1)
    figure, axis = plt.subplots(figsize=(3.5, 3.1), layout="constrained")
    axis.grid(visible=False)
    display = metrics.ConfusionMatrixDisplay(fractions, display_labels=classes)
    display.plot(ax=axis, cmap="Blues", colorbar=False, im_kw={"vmin": 0, "vmax": 1})
    for place, text in np.ndenumerate(display.text_):
        text.set_text(f"{matrix[place]}\n{fractions[place]:.1%}")
    axis.set(xlabel="predicted", ylabel="label")
    return figure


def ranking_curves(evaluation: Evaluation) -> Figure:
    """Plot ROC and precision-recall curves; a set of one class has no curves."""
    targets, test = evaluation.predictions.target, evaluation.metrics.test
    figure, (roc, pr) = plt.subplots(2, 1, figsize=(3.7, 7), layout="constrained")
    roc.plot([0, 1], [0, 1], ":", color=GREY)
    roc.set(xlabel="false positive rate (male)", ylabel="true positive rate (male)")
    pr.set(xlabel="recall", ylabel="precision")
    if targets.nunique() == len(CLASSES):
        curve = metrics.roc_curve(targets, evaluation.predictions.p_male)
        roc.plot(*thinned(*curve[:2]), color=BLUE, label=f"AUC {test.roc_auc:.3f}")
        for number, (name, colour) in enumerate(zip(CLASSES, (RED, BLUE), strict=True)):
            of_class = targets == number
            scores = evaluation.predictions[f"p_{name}"]
            precision, recall, _ = metrics.precision_recall_curve(of_class, scores)
            pr.plot(*thinned(recall, precision), color=colour, label=name)
            pr.axhline(of_class.mean(), ls=":", color=colour, alpha=0.6)
        roc.legend(loc="lower right")
        pr.legend(loc="lower left")
    else:
        roc.set_title("one class only: no curve")
    for axis in (roc, pr):
        axis.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    return figure


def thinned(*coordinates: np.ndarray, points: int = 500) -> list[np.ndarray]:
    """Return at most `points` points of a line, because 50,000 points would take megabytes."""
    chosen = np.unique(np.linspace(0, len(coordinates[0]) - 1, points).astype(int))
    return [values[chosen] for values in coordinates]


def reliability(evaluation: Evaluation) -> Figure:
    """Plot accuracy by confidence, with intervals, before and after temperature scaling."""
    odds = calibration.log_odds(evaluation.predictions)
    scaling = evaluation.metrics.calibration
    figure, (axis, counts) = plt.subplots(
        2, 1, figsize=(4.7, 5.6), sharex=True, height_ratios=[3, 1], layout="constrained"
    )
    axis.plot([0.5, 1], [0.5, 1], ":", color=GREY, label="perfect calibration")
    curves = [(1.0, BLUE, "uncalibrated")]
    if not scaling.unfitted:
        curves += [(scaling.temperature, RED, f"temperature {scaling.temperature:.2f}")]
    for divisor, colour, label in curves:
        confidence = abstention.confidences(odds, divisor)
        bins = calibration.reliability_bins(confidence, evaluation.predictions)
        axis.plot(bins.confidence, bins.accuracy, "o-", ms=4, color=colour, label=label)
        axis.vlines(bins.confidence, bins.low, bins.high, color=colour, lw=1)
        counts.stairs(*np.histogram(confidence, calibration.BINS, (0.5, 1)), color=colour)
    if len(odds) < 2 * calibration.FEWEST_OF_BIN:
        axis.set_title(f"fewer than {2 * calibration.FEWEST_OF_BIN} faces: no curve")
    axis.set(ylabel="accuracy", ylim=(-0.02, 1.02), xlim=(0.49, 1.01))
    figure.legend(loc="outside upper left", ncols=2, frameon=False)
    counts.set(xlabel="confidence (probability of the predicted class)", ylabel="faces")
    return figure


def risk_coverage(evaluation: Evaluation) -> Figure:
    """Plot the error of the accepted predictions by coverage, and the chosen threshold."""
    abstaining = evaluation.metrics.abstention
    score = calibration.log_odds(evaluation.predictions)
    correct = evaluation.predictions.correct.to_numpy()
    coverage, risk = thinned(*abstention.risk_coverage(score, correct))
    figure, axis = plt.subplots(figsize=(4.7, 3.8), layout="constrained")
    axis.plot(coverage, risk, color=BLUE, label="error")
    axis.axhline(abstaining.max_error, ls="--", color=GREY, label="allowed error")
    if abstaining.threshold is not None and abstaining.test.accepted:
        chosen = abstaining.test
        axis.plot(chosen.coverage, chosen.error, "o", color=RED, label="chosen threshold")
    top = max(2 * risk[-1], 2 * abstaining.max_error)
    axis.set(
        xlabel="coverage", ylabel="error of the accepted predictions", xlim=(0, 1.01), ylim=(0, top)
    )
    axis.legend(loc="upper left")
    return figure
