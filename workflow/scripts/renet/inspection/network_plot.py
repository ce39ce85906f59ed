"""The figure of a network as it was built, network.svg."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from renet.evaluation import plot_style
from renet.evaluation.plot_style import BLUE, GREY, RED

LINE_HEIGHT = 0.3  # inches
COLOURS = {  # the layers with most of the parameters
    "convolution, ReLU": BLUE,
    "convolution": BLUE,
    "residual blocks": BLUE,
    "SpatialRNN": RED,
}


def draw(layers: pd.DataFrame, input_shape: tuple[int, int, int], path: Path) -> None:
    """Draw the layers (`LAYERS`) of a network from top to bottom.

    Three columns: the shape of the output, as a bar whose width grows with the logarithm of the
    map's size; the layer's fraction of the parameters; that of the operations of a training step.
    """
    figure, axes = plt.subplots(
        1, 3, sharey=True, figsize=(9.5, LINE_HEIGHT * len(layers) + 1.2), layout="constrained",
        width_ratios=[1.7, 1, 1],
    )  # fmt: skip
    colours = [COLOURS.get(kind, GREY) for kind in layers.kind]
    shapes = [" × ".join(map(str, input_shape)), *layers.output]
    _draw_shapes(axes[0], shapes, [GREY, *colours])
    _draw_fractions(axes[1], layers.parameters, colours)
    _draw_fractions(axes[2], layers.operations, colours)
    titles = ("output: channels × height × width", "parameters", "operations of a training step")
    for axis, title in zip(axes, titles, strict=True):
        axis.set_title(title, loc="left", fontsize=10)
        axis.grid(visible=False)
        axis.tick_params(left=False, bottom=False, labelbottom=False)
        axis.spines[:].set_visible(False)
    names = [f"{row.layer}: {row.kind}" for row in layers.itertuples()]
    axes[0].set_yticks(range(len(shapes)), ["input", *names])
    axes[0].set_ylim(len(layers) + 0.5, -0.6)
    plot_style.save(figure, path)


def _draw_shapes(axis: Axes, shapes: list[str], colours: list[str]) -> None:
    sizes = [np.prod([int(side) for side in shape.split(" × ")[1:]]) for shape in shapes]
    widths = 1 + np.log2(sizes)
    axis.barh(range(len(shapes)), widths, height=0.72, left=-widths / 2, color=colours, alpha=0.35)
    for line, shape in enumerate(shapes):
        axis.annotate(shape, (0, line), ha="center", va="center", fontsize=9)


def _draw_fractions(axis: Axes, amounts: pd.Series, colours: list[str]) -> None:
    fractions = 100 * amounts / max(amounts.sum(), 1)
    lines = range(1, 1 + len(amounts))
    axis.barh(lines, fractions, height=0.72, color=colours, alpha=0.35)
    axis.set_xlim(0, 2 * max(fractions.max(), 1))
    for line, fraction, amount in zip(lines, fractions, amounts, strict=True):
        if amount:
            text = f"{fraction:.1f} % ({short(amount)})" if fraction >= 0.05 else short(amount)
            axis.annotate(text, (fraction, line), (4, 0), textcoords="offset points", va="center",
                          fontsize=9)  # fmt: skip


def short(amount: int) -> str:
    """A number in three digits: 25.6 M, 896."""
    for unit, name in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if amount >= unit:
            return f"{amount / unit:.3g}{name}"
    return str(amount)
