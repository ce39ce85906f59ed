"""The figures of index.html: the loss of all runs, and the funnel."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from renet.evaluation import plot_style
from renet.evaluation.plot_style import BLUE, RED, colours
from renet.pages import templates
from renet.pages.results import RunResults


def loss_curves(runs: list[RunResults], path: Path) -> None:
    """Loss by epoch of all runs: training dashed, validation solid."""
    figure, axis = plt.subplots(figsize=(9, 3.8), layout="constrained")
    for run, colour in zip(runs, colours(len(runs)), strict=True):
        history, validated = run.history, run.history.dropna(subset="validation_loss")
        axis.plot(history.epoch, history.loss, ".--", ms=3.5, lw=0.9, color=colour, alpha=0.7)
        axis.plot(
            validated.epoch, validated.validation_loss, "o-", ms=3.5, color=colour, label=run.name
        )
    axis.set(xlabel="epoch", ylabel="loss (dashed: training, solid: validation)")
    plot_style.begin_at_zero(axis)
    plot_style.count_epochs(axis)
    if runs:
        figure.legend(loc="outside right upper", frameon=False)
    plot_style.save(figure, path)


def funnel(steps: pd.DataFrame, path: Path) -> None:
    """Rows that remain and that are dropped at each step, over all sources."""
    height = 0.3 * len(steps) + 0.7
    figure, axis = plt.subplots(figsize=(9, height), layout="constrained")
    axis.grid(visible=False, axis="y")
    lines = np.arange(len(steps))
    axis.barh(lines, steps.remaining, color=BLUE)
    axis.barh(lines, steps.dropped, left=steps.remaining, color=RED, alpha=0.5)
    for line, step in zip(lines, steps.itertuples(), strict=True):
        dropped = f" (−{step.dropped:,})" if step.dropped else ""
        end = (step.remaining + step.dropped, line)
        axis.annotate(f"{step.remaining:,}{dropped}", end, (5, 0),
                      textcoords="offset points", va="center")  # fmt: skip
    axis.set_yticks(
        lines, [templates.sentences("funnel_step", step) for step in steps.itertuples()]
    )
    axis.set_ylim(len(steps) - 0.4, -0.6)
    axis.set_xlim(right=1.18 * max(1, steps.remaining.max()))
    axis.set_xlabel("remaining rows (red: dropped)")
    plot_style.save(figure, path)
