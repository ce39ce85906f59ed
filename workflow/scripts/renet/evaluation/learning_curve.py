"""Accuracy by the number of training faces, and its extrapolation by a power law."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter, NullFormatter

from renet.evaluation import plot_style
from renet.evaluation.confidence_intervals import proportion, subject_bootstrap

MULTIPLES = 2.0 ** np.arange(1, 6)  # of the whole training set, to which a curve is extrapolated


def measured(correct: pd.DataFrame, subjects: pd.Series, faces: pd.DataFrame) -> pd.DataFrame:
    """The rows of `LEARNING_CURVE` of one run.

    Args:
        correct: 0 or 1 of each validation face, a column for each fraction in ascending order.
        subjects: of the validation faces.
        faces: number of training `faces` and of their `subjects`, by the fraction.
    """
    found = [proportion(column, subjects) for _, column in correct.items()]
    bounds = np.array([one.interval() for one in found])
    rows = faces.loc[correct.columns].rename_axis("fraction").reset_index()
    return rows.assign(accuracy=[one.value for one in found], low=bounds[:, 0], high=bounds[:, 1])


def extrapolated(correct: pd.DataFrame, subjects: pd.Series, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of larger training sets, by a power law through the errors (Hestness et al., 2017).

    The law has no lowest error: wrong labels and unclear faces make a real curve flatter. Its
    interval is that of a bootstrap over people, without the variation between trainings.

    Args:
        correct, subjects: as `measured` takes them.
        rows: what it returns.
    """
    outcomes, sizes = correct.to_numpy(float), rows.faces.to_numpy(float)
    largest = sizes[-1] / rows.fraction.iloc[-1]

    def predict(weights: np.ndarray) -> np.ndarray:
        total = weights.sum()
        errors = np.clip(1 - weights @ outcomes / total, 0.5 / total, 1 - 0.5 / total)
        precision = np.sqrt(errors / (1 - errors))  # of their logarithms
        law = np.polyfit(np.log(sizes), np.log(errors), 1, w=precision)
        return 1 - np.exp(np.polyval(law, np.log(largest * MULTIPLES))).clip(max=1)

    bounds = subject_bootstrap(subjects, predict)
    return pd.DataFrame({
        "fraction": MULTIPLES, "faces": (largest * MULTIPLES).round().astype(int),
        "accuracy": predict(np.ones(len(outcomes))), "low": bounds[:, 0], "high": bounds[:, 1],
    })  # fmt: skip


def draw(table: pd.DataFrame, path: Path) -> None:
    """Draw the table `LEARNING_CURVE`: measured values, and extrapolated ones dotted."""
    figure, axis = plt.subplots(figsize=(9, 3.8), layout="constrained")
    names = table.run.unique()
    for name, colour in zip(names, plot_style.colours(len(names)), strict=True):
        rows = table[table.run == name]
        values = 100 * rows[["accuracy", "low", "high"]]
        known = rows.fraction <= 1
        spans = (values.accuracy - values.low)[known], (values.high - values.accuracy)[known]
        axis.errorbar(rows.faces[known], values.accuracy[known], spans, fmt="o-", ms=4, lw=1.2,
                      color=colour, label=name)  # fmt: skip
        dotted = ~known | (rows.fraction == rows.fraction[known].max())
        axis.plot(rows.faces[dotted], values.accuracy[dotted], ":", color=colour)
        axis.fill_between(
            rows.faces[~known], values.low[~known], values.high[~known], color=colour, alpha=0.12,
            lw=0,
        )  # fmt: skip
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set(xlabel="training faces (dotted: extrapolated)", ylabel="validation accuracy, %")
    figure.legend(loc="outside right upper", frameon=False)
    plot_style.save(figure, path)
