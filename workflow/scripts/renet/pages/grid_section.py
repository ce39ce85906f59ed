"""What each setting of a grid does, on index.html: the validation metric by its values."""

from collections.abc import Mapping

import pandas as pd

from renet.config.runs import flatten
from renet.pages import phrases, templates
from renet.pages.metric_tables import Metric
from renet.pages.results import RunResults
from renet.pages.templates import PageTable


def tables(grids: Mapping[str, dict], runs: list[RunResults], metric: Metric) -> list[PageTable]:
    """For each grid the mean and range of the metric over the runs with each value of its keys.

    Args:
        grids: for each entry of `runs` with a grid, its `keys` and the names of its `runs`.
        runs: at least these runs.
    """
    found = []
    for name, grid in grids.items():
        of_grid = [run for run in runs if run.name in grid["runs"]]
        mean = f"mean {metric.label} on the {phrases.validation_set(of_grid[0].metrics)}"
        rows = [row for key in grid["keys"] for row in _rows(key, of_grid, metric)]
        headings = ["setting", "value", "runs", mean, "lowest to highest"]
        found.append(PageTable(f"Settings of the grid {name}", headings, rows))
    return found


def _rows(key: str, runs: list[RunResults], metric: Metric) -> list[list[str]]:
    """A row for each value of a key of a grid."""
    values = [templates.setting(flatten(run.settings).get(key)) for run in runs]
    numbers = pd.Series([metric.value(run.metrics["validation"]) for run in runs], dtype=float)
    return [
        [
            key,
            str(value),
            str(len(of_value)),
            metric.text(of_value.mean()),
            f"{metric.text(of_value.min())} to {metric.text(of_value.max())}",
        ]
        for value, of_value in numbers.groupby(values, sort=False)
    ]
