"""What each setting of a grid does, on index.html: the validation metric by its values."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd

from renet.config.runs import flatten
from renet.evaluation import plot_style
from renet.evaluation.plot_style import BLUE, colours
from renet.pages import phrases, templates
from renet.pages.metric_tables import Metric
from renet.pages.results import RunResults
from renet.pages.templates import PageTable

MOST_LINES = 10  # that have a name in the figure


def write(
    folder: Path, grids: Mapping[str, dict], runs: list[RunResults], metric: Metric
) -> list[dict]:
    """Draw the figure of each grid into the folder of index.html.

    Args:
        grids: for each entry of `runs` with a grid, its `keys` and the names of its `runs`.
        runs: at least these runs.

    Returns:
        The values of index.html.j2 for each grid.
    """
    sections = []
    for name, grid in grids.items():
        of_grid = [run for run in runs if run.name in grid["runs"]]
        effects = {key: effect(key, grid["keys"], of_grid, metric) for key in grid["keys"]}
        figure = f"grids/{name}.svg"
        label = f"{metric.label} on the {phrases.validation_set(of_grid[0].metrics)}"
        draw(effects, label, folder / figure)
        values = table(name, effects, metric, label)
        sections.append({"name": name, "figure": figure, "label": label, "table": values})
    return sections


def effect(key: str, keys: list[str], runs: list[RunResults], metric: Metric) -> pd.DataFrame:
    """The metric of each run by its validation, a row a run, in the order of a key's values.

    Returns:
        `value` of the key, as text; `others`, the values of the grid's other keys; `number` and
        its interval, `low` to `high`.
    """
    rows: list[tuple[Any, ...]] = []
    for run in runs:
        settings, summary = flatten(run.settings), run.metrics["validation"]
        others = (f"{one}: {templates.setting(settings.get(one))}" for one in keys if one != key)
        number = metric.value(summary)
        bounds = metric.interval(summary) or (number, number)
        rows.append((settings.get(key), ", ".join(others), number, *bounds))
    if all(isinstance(row[0], int | float) for row in rows):
        rows.sort(key=lambda row: row[0])
    frame = pd.DataFrame(rows, columns=["value", "others", "number", "low", "high"])
    frame["value"] = frame.value.map(templates.setting)
    return frame.astype({"number": float, "low": float, "high": float})


def draw(effects: Mapping[str, pd.DataFrame], on_axis: str, path: Path) -> None:
    """A panel for each key: a point a run, and a line for runs whose other settings are equal."""
    figure, axes = plt.subplots(
        1, len(effects), figsize=(1 + 4 * len(effects), 3.6), sharey=True, squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for axis, (key, rows) in zip(axes[0], effects.items(), strict=True):
        places = {value: place for place, value in enumerate(rows.value.unique())}
        lines = rows.groupby("others", sort=False)
        shades = colours(len(lines)) if len(lines) > 1 else [BLUE]
        for number, (others, line) in enumerate(lines):
            shift = 0.3 * ((number + 0.5) / len(lines) - 0.5)  # so that intervals do not overlap
            at = line.value.map(places) + shift
            spans = [line.number - line.low, line.high - line.number]
            axis.errorbar(
                at, line.number, spans, fmt="o", ms=4, lw=0.8, color=shades[number], alpha=0.8
            )
            means = line.number.groupby(at).mean()
            label = others if len(lines) <= MOST_LINES else ""
            axis.plot(means.index, means, "-", lw=1, color=shades[number], label=label or None)
        axis.set_xticks(list(places.values()), list(places))
        axis.set_xlim(-0.5, len(places) - 0.5)
        axis.set_xlabel(key)
        if 1 < len(lines) <= MOST_LINES:
            place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": 2}
            axis.legend(fontsize=7, frameon=False, **place)
    axes[0][0].set_ylabel(on_axis)
    plot_style.save(figure, path)


def table(name: str, effects: Mapping[str, pd.DataFrame], metric: Metric, label: str) -> PageTable:
    """Mean and range of the metric over the runs with each value."""
    rows = [
        [
            key,
            str(value),
            str(len(numbers)),
            metric.text(numbers.mean()),
            f"{metric.text(numbers.min())} to {metric.text(numbers.max())}",
        ]
        for key, of_key in effects.items()
        for value, numbers in of_key.groupby("value", sort=False).number
    ]
    headings = ["setting", "value", "runs", f"mean {label}", "lowest to highest"]
    return PageTable(f"Settings of the grid {name}", headings, rows)
