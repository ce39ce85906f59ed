"""The style of all figures, and their SVG files, whose bytes depend on the data alone."""

from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

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
