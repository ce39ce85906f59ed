"""Accuracy by the number of training faces, and the change from each fraction to the next."""

import itertools
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import NullFormatter

from renet.evaluation import comparison, plot_style
from renet.evaluation.confidence_intervals import proportion


def measured(correct: pd.DataFrame, subjects: pd.Series, faces: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `LEARNING_CURVE` for one run.

    Args:
        correct: 0 or 1 for each validation face; a column for each fraction in ascending order.
        faces: columns `faces` and `subjects`, their numbers in the training set, by fraction.
    """
    rates = [proportion(column, subjects) for _, column in correct.items()]
    bounds = np.array([rate.interval() for rate in rates])
    added = comparison.contributions(correct, subjects)
    steps = [
        comparison.difference(added[[larger]].to_numpy(), added[[smaller]].to_numpy())
        for smaller, larger in itertools.pairwise(correct)
    ]
    changes = pd.DataFrame([{}, *steps], columns=["difference", "low", "high"])
    rows = faces.loc[correct.columns].rename_axis("fraction").reset_index()
    rows = rows.assign(accuracy=[rate.value for rate in rates], low=bounds[:, 0], high=bounds[:, 1])
    return rows.join(changes.set_axis(["change", "change_low", "change_high"], axis=1))


def draw(table: pd.DataFrame, path: Path) -> None:
    """Plot the accuracies of the table `LEARNING_CURVE`, and write the figure as SVG."""
    figure, axis = plt.subplots(figsize=(9, 3.8), layout="constrained")
    names = table.run.unique()
    for name, colour in zip(names, plot_style.colours(len(names)), strict=True):
        rows = table[table.run == name]
        values = 100 * rows[["accuracy", "low", "high"]]
        spans = values.accuracy - values.low, values.high - values.accuracy
        axis.errorbar(rows.faces, values.accuracy, spans, fmt="o-", ms=4, lw=1.2,
                      color=colour, label=name)  # fmt: skip
    axis.set_xscale("log")
    counts = sorted(table.faces.unique(), reverse=True)
    label_width = (counts[0] / counts[-1]) ** 0.1  # as a ratio: a tenth of the axis
    labelled = counts[:1]
    for count in counts:
        if count * label_width <= labelled[-1]:
            labelled.append(count)
    axis.set_xticks(labelled, [f"{count:,}" for count in labelled])
    axis.set_xticks(counts, minor=True)
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set(xlabel="training faces", ylabel="validation accuracy, %")
    figure.legend(loc="outside right upper", frameon=False)
    plot_style.save(figure, path)
