"""The drawing of how a SpatialRNN sweeps over the blocks of its input."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from renet.evaluation import plot_style
from renet.evaluation.plot_style import BLUE, GREY, RED
from renet.network.rnn import SpatialRNN

SIDE = 3.1  # inches of a panel: three fit in a window of 1024 pixels
TALLEST = 2  # height of a panel by its width
MARGIN = 0.1  # blocks from the edge of the map to an arrow
MARK = (60, 220, 90)  # RGB, of the middle block


def draw(layer: SpatialRNN, path: Path) -> str:
    """Draw the blocks of a layer's input, its vertical and its horizontal sweep, as SVG.

    The middle block, its column and its row are marked.

    Returns:
        The titles of the drawing as a text alternative.
    """
    (height, width), (_, rows, columns) = layer.block, layer.output_shape
    inputs, down, right = layer.vertical.inputs, layer.vertical.units, layer.horizontal.units
    titles = [
        f"Input {inputs // (height * width)} × {rows * height} × {columns * width}\n"
        f"{rows} × {columns} blocks of {height} × {width}\neach a vector of {inputs} numbers",
        f"Vertical sweep, columns: {columns}\nunits: {down} down, {down} up\n"
        f"output {layer.horizontal.inputs} × {rows} × {columns}",
        f"Horizontal sweep, rows: {rows}\nunits: {right} to the right, {right} to the left\n"
        f"output {' × '.join(map(str, layer.output_shape))}",
    ]
    tall = min(rows / columns, TALLEST)
    figure, axes = plt.subplots(1, 3, figsize=(3 * SIDE, tall * SIDE + 0.7), layout="constrained")
    for axis, title in zip(axes, titles, strict=True):
        axis.set(xlim=(0, columns), ylim=(rows, 0), aspect="equal")
        axis.set(xticks=range(columns + 1), yticks=range(rows + 1))
        axis.set_title(title, fontsize=10)
        axis.tick_params(length=0, labelbottom=False, labelleft=False)
        axis.grid(color=GREY, alpha=1)
        axis.spines[:].set(visible=True, color=GREY)
    row, column = rows // 2, columns // 2
    mark = {"color": np.divide(MARK, 255), "alpha": 0.5, "lw": 0}
    axes[0].axvspan(column, column + 1, 1 - (row + 1) / rows, 1 - row / rows, **mark)
    axes[1].axvspan(column, column + 1, **mark)
    axes[2].axhspan(row, row + 1, **mark)
    axes[0].hlines(np.arange(1, rows * height) / height, 0, columns, GREY, lw=0.3)
    axes[0].vlines(np.arange(1, columns * width) / width, 0, rows, GREY, lw=0.3)
    for column in range(columns):
        _draw_arrow(axes[1], (column + 0.3, MARGIN), (column + 0.3, rows - MARGIN), BLUE)
        _draw_arrow(axes[1], (column + 0.7, rows - MARGIN), (column + 0.7, MARGIN), RED)
    for row in range(rows):
        _draw_arrow(axes[2], (MARGIN, row + 0.3), (columns - MARGIN, row + 0.3), BLUE)
        _draw_arrow(axes[2], (columns - MARGIN, row + 0.7), (MARGIN, row + 0.7), RED)
    plot_style.save(figure, path)
    return "; ".join(titles).replace("\n", ", ")


def _draw_arrow(axis: Axes, start: tuple, end: tuple, colour: str) -> None:
    axis.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": colour, "lw": 1.2})
