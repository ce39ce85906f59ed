"""Style of all figures; the bytes of their SVG files depend on the data alone."""

from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from renet.common import files

BLUE, RED, GREY = "#3b6ea5", "#c8553d", "#8a94a0"
plt.switch_backend("svg")
plt.rcParams.update(
    {
        "svg.hashsalt": "renet",  # element ids are random without it
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.alpha": 0.3,
    }
)


def colours(count: int) -> list:
    """Return a colour for each of `count` runs; a run has the same colour in all figures."""
    colour_map = plt.get_cmap("tab10" if count <= 10 else "turbo", count)
    return [colour_map(number) for number in range(count)]


def begin_at_zero(axis: Axes) -> None:
    """Let the vertical axis begin at 0 and end with a margin above the highest value."""
    axis.set_ylim(0, 1.05 * axis.dataLim.ymax)


def count_epochs(axis: Axes) -> None:
    """Label the horizontal axis with whole numbers, also for a single epoch."""
    axis.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure as SVG and close it."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        # The last bits of a constrained layout depend on the order of objects in memory.
        axes.set_position([round(side, 4) for side in axes.get_position().bounds])
    with files.replacing(path) as temporary:
        figure.savefig(temporary, format="svg", metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
