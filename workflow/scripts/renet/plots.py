"""The pictures of a run, as SVG files whose bytes depend on the figures alone."""

from pathlib import Path

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from renet import files

COLOURS = {"train": "#3b6ea5", "validation": "#c8553d"}
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
