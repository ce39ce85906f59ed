"""The pictures of a run, as SVG files whose bytes depend on the figures alone."""

from pathlib import Path

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn import metrics

from renet.common import files
from renet.common.imdb_wiki import CLASSES
from renet.evaluation import calibration

COLOURS = {"train": "#3b6ea5", "validation": "#c8553d"}
MAIN, SECOND, FAINT = "#3b6ea5", "#c8553d", "#8a94a0"
STYLE = {
    "svg.hashsalt": "renet",  # element ids are random without it
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
}


def _save(figure: Figure, path: str | Path) -> None:
    with files.replacing(path) as temporary:
        figure.savefig(temporary, format="svg", metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)


def learning_curve(history: pd.DataFrame, path: str | Path) -> None:
    """Loss and accuracy by epoch, on the training and on the validation set, from history.csv."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
        for axis, measure in zip(axes, ("loss", "accuracy"), strict=True):
            for subset, column in (("train", measure), ("validation", f"validation_{measure}")):
                known = history.dropna(subset=column)
                axis.plot(
                    known.epoch, known[column], "o-", ms=4, color=COLOURS[subset], label=subset
                )
            axis.set(xlabel="epoch", ylabel=measure)
            axis.xaxis.get_major_locator().set_params(integer=True)
        axes[1].set_ylim(top=1.02)
        axes[0].set_ylim(bottom=0)
        axes[1].legend(loc="lower right")
        _save(figure, path)


def learning_curves(histories: dict[str, pd.DataFrame], path: str | Path) -> None:
    """Loss of all runs by epoch, on the training (thin) and on the validation set."""
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(9, 3.8), layout="constrained")
        colours = plt.get_cmap("tab10" if len(histories) <= 10 else "turbo", len(histories))
        for number, (name, history) in enumerate(histories.items()):
            known = history.dropna(subset="validation_loss")
            colour = colours(number)
            axis.plot(history.epoch, history.loss, "--", lw=0.9, color=colour, alpha=0.7)
            axis.plot(known.epoch, known.validation_loss, "o-", ms=3.5, color=colour, label=name)
        axis.set(xlabel="epoch", ylabel="loss (dashed: training, solid: validation)")
        axis.set_ylim(bottom=0)
        axis.xaxis.get_major_locator().set_params(integer=True)
        figure.legend(loc="outside right upper", frameon=False)
        _save(figure, path)


def confusion_matrix(summary: dict, path: str | Path) -> None:
    """Counts and shares of recorded against predicted class, from `metrics.summarise`."""
    matrix, classes = np.array(summary["confusion_matrix"]), summary["classes"]
    shares = matrix / matrix.sum(axis=1, keepdims=True).clip(min=1)
    with plt.rc_context(STYLE | {"axes.grid": False}):
        figure, axis = plt.subplots(figsize=(4.2, 3.6), layout="constrained")
        axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for row, column in np.ndindex(*matrix.shape):
            axis.text(
                column,
                row,
                f"{matrix[row, column]}\n{shares[row, column]:.1%}",
                ha="center",
                va="center",
                color="white" if shares[row, column] > 0.5 else "black",
            )
        axis.set(xlabel="predicted", ylabel="recorded")
        axis.set_xticks(range(len(classes)), classes)
        axis.set_yticks(range(len(classes)), classes)
        _save(figure, path)


def ranking_curves(answers: pd.DataFrame, path: str | Path) -> None:
    """ROC curve, and precision against recall of each class, from an inference table.

    Grey is what answering at random gives. A set of one class has no curves, and says so.
    """
    with plt.rc_context(STYLE):
        figure, (roc, pr) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
        roc.plot([0, 1], [0, 1], ":", color=FAINT)
        roc.set(xlabel="false positive rate (male)", ylabel="true positive rate (male)")
        pr.set(xlabel="recall", ylabel="precision")
        if answers.target.nunique() == len(CLASSES):
            false, true, _ = metrics.roc_curve(answers.target, answers.p_male)
            roc.plot(*_thinned(false, true), color=MAIN)
            scores = (answers.p_female, answers.p_male)
            for number, (name, score) in enumerate(zip(CLASSES, scores, strict=True)):
                of_class = answers.target == number
                precision, recall, _ = metrics.precision_recall_curve(of_class, score)
                colour = (SECOND, MAIN)[number]
                pr.plot(*_thinned(recall, precision), color=colour, label=name)
                pr.axhline(of_class.mean(), ls=":", color=colour, alpha=0.6)
            pr.legend(loc="lower left")
        else:
            roc.set_title("one class only: no curve")
        for axis in (roc, pr):
            axis.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
        _save(figure, path)


def _thinned(*coordinates: np.ndarray, points: int = 500) -> list[np.ndarray]:
    """At most so many points of a line: 50,000 would make a file of megabytes, and look alike."""
    chosen = np.unique(np.linspace(0, len(coordinates[0]) - 1, points).astype(int))
    return [values[chosen] for values in coordinates]


def reliability(answers: pd.DataFrame, temperature: float, path: str | Path) -> None:
    """Accuracy by confidence with Wilson's intervals, as answered and at a temperature."""
    with plt.rc_context(STYLE):
        figure, (axis, counts) = plt.subplots(
            2, 1, figsize=(5.2, 5.2), sharex=True, height_ratios=[3, 1], layout="constrained"
        )
        axis.plot([0.5, 1], [0.5, 1], ":", color=FAINT, label="as sure as right")
        softened = calibration.soften(answers.p_male.to_numpy(), temperature)
        for p_male, colour, name in (
            (answers.p_male.to_numpy(), MAIN, "as answered"),
            (softened, SECOND, f"at temperature {temperature:.2f}"),
        ):
            bins = calibration.reliability(p_male, answers.target.to_numpy())
            reach = np.abs(bins[["accuracy_low", "accuracy_high"]].T - bins.accuracy.to_numpy())
            axis.errorbar(
                bins.confidence, bins.accuracy, reach, fmt="o-", ms=4, capsize=2, color=colour,
                label=name,
            )  # fmt: skip
            counts.stairs(
                *np.histogram(np.maximum(p_male, 1 - p_male), calibration.BINS, (0.5, 1)),
                color=colour,
            )
        axis.set(ylabel="accuracy", ylim=(-0.02, 1.02), xlim=(0.49, 1.01))
        axis.legend(loc="lower right")
        counts.set(xlabel="confidence (probability of the answer)", ylabel="samples")
        _save(figure, path)


def forest(slices: pd.DataFrame, accuracy: float, path: str | Path) -> None:
    """Accuracy of each slice with both its intervals, from slices.csv.

    Args:
        slices: as from `slices.tabulate`.
        accuracy: of the whole set, drawn as a line.
    """
    groups = list(slices.groupby("slice", sort=False))
    lines = len(slices) + len(groups)
    with plt.rc_context(STYLE | {"axes.grid.axis": "x"}):
        figure, axis = plt.subplots(figsize=(9, 0.27 * lines + 0.9), layout="constrained")
        axis.axvline(accuracy, color=FAINT, lw=1)
        place, ticks, names = 0, [], []
        for name, rows in groups:
            axis.text(-0.01, place, name, transform=axis.get_yaxis_transform(), ha="right",
                      va="center", weight="bold")  # fmt: skip
            for row in rows.itertuples():
                place += 1
                _forest_line(axis, place, row)
                ticks.append(place)
                names.append(f"{row.value} (n = {row.n:,}, {row.subjects:,} people)")
            place += 1
        axis.set_yticks(ticks, names)
        axis.set(ylim=(place - 0.4, -0.6), xlim=(-0.01, 1.01), xlabel="accuracy")
        axis.plot([], [], color=MAIN, lw=3, alpha=0.45, label="Wilson, photos as independent")
        axis.plot([], [], color=MAIN, lw=1, label="bootstrap over people")
        axis.plot([], [], "|", color=SECOND, ms=8, label="always the slice's majority class")
        axis.legend(loc="lower left", fontsize="small")
        _save(figure, path)


def _forest_line(axis: Axes, place: int, row: object) -> None:
    axis.plot([row.wilson_low, row.wilson_high], [place, place], color=MAIN, lw=5, alpha=0.35,
              solid_capstyle="butt")  # fmt: skip
    axis.plot([row.subjects_low, row.subjects_high], [place, place], color=MAIN, lw=1)
    axis.plot(row.accuracy, place, "o", color=MAIN, ms=4)
    axis.plot(row.majority_baseline, place, "|", color=SECOND, ms=8)


def funnel(rows: pd.DataFrame, path: str | Path) -> None:
    """How many recorded rows remain at each step, a bar a step, from funnel.csv."""
    steps = rows.groupby("step", sort=False).agg({"dropped": "sum", "remaining": "sum"})
    with plt.rc_context(STYLE | {"axes.grid.axis": "x"}):
        height = 0.3 * len(steps) + 0.7
        figure, axis = plt.subplots(figsize=(9, height), layout="constrained")
        places = np.arange(len(steps))
        axis.barh(places, steps.remaining, color=MAIN)
        axis.barh(places, steps.dropped, left=steps.remaining, color=SECOND, alpha=0.5)
        for place, step in zip(places, steps.itertuples(), strict=True):
            dropped = f" (−{step.dropped:,})" if step.dropped else ""
            end = (step.remaining + step.dropped, place)
            axis.annotate(f"{step.remaining:,}{dropped}", end, (5, 0),
                          textcoords="offset points", va="center")  # fmt: skip
        axis.set_yticks(places, steps.index.str.replace("_", " "))
        axis.set_ylim(len(steps) - 0.4, -0.6)
        axis.set_xlim(right=1.18 * max(1, steps.remaining.max()))
        axis.set_xlabel("rows that remain (red: taken by the step)")
        _save(figure, path)
