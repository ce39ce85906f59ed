"""The ROC curves of all runs over each other, a panel for each set."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from sklearn import metrics

from renet.common.imdb_wiki import CLASSES
from renet.evaluation import plot_style
from renet.evaluation.plot_style import colours
from renet.evaluation.run_plots import thinned

COLUMNS = 3


def ranking_curves(sets: dict[str, dict[str, pd.DataFrame]], path: Path) -> None:
    """Draw the ROC curves.

    Args:
        sets: inference tables by set and run.
        path: SVG to write.
    """
    columns = min(COLUMNS, len(sets))
    lines = -(-len(sets) // columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(3.4 * columns + 1.8, 3.4 * lines), squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for axis, (name, tables) in zip(axes.flat, sets.items(), strict=False):
        axis.plot([0, 1], [0, 1], ":", color=plot_style.GREY)
        for (run, table), colour in zip(tables.items(), colours(len(tables)), strict=True):
            if table.target.nunique() == len(CLASSES):
                curve = metrics.roc_curve(table.target, table.p_male)
                axis.plot(*thinned(*curve[:2]), lw=1.2, color=colour, label=run)
        axis.set(title=name, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
        axis.set(xlabel="false positive rate (male)", ylabel="true positive rate (male)")
    for axis in axes.flat[len(sets) :]:
        axis.remove()
    handles = {text: line for axis in axes.flat if axis.figure
               for line, text in zip(*axis.get_legend_handles_labels(), strict=True)}  # fmt: skip
    if handles:
        figure.legend(handles.values(), handles.keys(), loc="outside right upper", frameon=False)
    plot_style.save(figure, path)
