"""The page over all runs, index.html."""

import dataclasses
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from renet.config.model import KINDS
from renet.config.runs import seed_groups
from renet.evaluation.inference_table import OUT_OF_FOLD
from renet.evaluation.tables import BEST
from renet.pages import filters, index_plots, lead, metric_tables, templates
from renet.pages.metric_tables import BY_NAME, Metric
from renet.pages.results import DataResults, RunResults, are_above

LACKS = "–"  # in place of a setting that a kind of network does not have


@dataclass(frozen=True)
class Cell:
    """A run on one set, or several seeds."""

    faces: int
    value: float
    interval: list[float] | None  # None of several seeds
    baseline: float
    is_above: bool  # above the baseline, by Holm over all runs and sets of the table
    seeds: tuple[float, ...] = ()
    deviation: float = 0.0  # over the seeds, of a sample


@dataclass(frozen=True)
class Row:
    """A row of the table of runs: one run, or the runs of a grid or of a recipe's seeds."""

    run: RunResults  # of several runs, the one that predicts
    name: str
    cells: Sequence[Cell]  # for a grid those of `run`, for seeds their means
    settings: dict[str, object] = dataclasses.field(default_factory=dict)  # in a grid
    members: Sequence["Row"] = ()  # their rows, which a click on the name opens


def write(
    path: Path, runs: list[RunResults], defaults: dict, data: DataResults, grids: Mapping[str, dict]
) -> None:
    """Write the page over all runs, and its figures at their places in the same folder.

    Args:
        defaults: the sections of the default config.
        grids: for each entry of `runs` with a grid, its `keys` and the names of its `runs`.
    """
    best = next((run for run in runs if run.name == data.best), runs[0])
    metric, settings = BY_NAME[data.choice_metric], {run.name: run.settings for run in runs}
    comparisons = data.comparison[data.comparison.kind != BEST]
    compared = BY_NAME[next(iter(comparisons.metric), metric.name)]
    columns = _columns(runs, metric)
    trained = [run for run in runs if run.architecture.has_layers]
    index_plots.loss_curves(trained, path.parent / "loss_curves.svg")
    index_plots.funnel(data.steps, path.parent / "data" / "funnel.svg")
    templates.write(
        "index.html.j2",
        path,
        runs=runs,
        results=data,
        data=data.config,
        best=best,
        metric=metric,
        lead=lead.find_lead(data.best_rows, seed_groups(settings)),
        compared=compared,
        columns=columns,
        rows=_rows(runs, columns, best, data, grids),
        comparisons=dict(list(comparisons.groupby("set", sort=False))),
        tables=metric_tables,
        grids={name: grid_rows(grid, runs, compared) for name, grid in grids.items()},
        trained=trained,
        differences=differences(settings, defaults),
    )


def _columns(runs: list[RunResults], metric: Metric) -> dict[str, list[Cell]]:
    """For each set of the table, the cell of each run."""
    first = OUT_OF_FOLD if all(run.folds for run in runs) else "validation"
    sets = {
        first: [run.metrics["validation"] for run in runs],
        "test": [run.test for run in runs],
        **{name: [run.external[name].test for run in runs] for name in runs[0].external},
    }
    tested = [one for name, of_set in sets.items() if name != "validation" for one in of_set]
    # The validation set, which chooses the run, is a family of its own.
    chosen_by = sets.get("validation", [])
    above = iter([*are_above(chosen_by, metric.name), *are_above(tested, metric.name)])
    return {
        name: [
            Cell(one["n"], metric.value(one), metric.bounds(one),
                 metric.value(one["majority_baseline"]), next(above))
            for one in of_set
        ]
        for name, of_set in sets.items()
    }  # fmt: skip


def _rows(
    runs: list[RunResults],
    columns: dict[str, list[Cell]],
    best: RunResults,
    data: DataResults,
    grids: Mapping[str, dict],
) -> list[Row]:
    """The rows of the table: the best run, then by the set that chooses; the test set has no part.

    A grid is one row, and so are other runs that differ by their seeds alone.
    """
    rows = [Row(run, run.name, cells) for run, *cells in zip(runs, *columns.values(), strict=True)]
    values = {row.name: row.cells[0].value for row in rows}  # on the set that chooses
    for row in data.best_rows.itertuples():  # all runs on the same faces
        values |= {row.run: row.value, row.other: row.other_value}

    def order(row: Row) -> tuple[bool, float]:
        names = [row.run.name] if row.settings else [one.name for one in row.members or [row]]
        return row.run is best, statistics.fmean(values[name] for name in names)

    ranked = {row.name: row for row in sorted(rows, key=order, reverse=True)}
    for name, grid in grids.items():
        members = [
            replace(row, settings=_grid_settings(row.run, grid["keys"]))
            for row in ranked.values()
            if row.name in grid["runs"]
        ]
        if len(members) > 1:
            ranked = {one: row for one, row in ranked.items() if one not in grid["runs"]}
            ranked[members[0].name] = replace(members[0], name=name, members=members)
    alone = {name: row.run.settings for name, row in ranked.items() if not row.settings}
    for group in seed_groups(alone):
        members = [ranked.pop(name) for name in list(ranked) if name in group]
        ranked[members[0].name] = _seed_row(members)
    return sorted(ranked.values(), key=order, reverse=True)


def _grid_settings(run: RunResults, keys: list[str]) -> dict[str, object]:
    flat = _flatten(run.settings)
    return {key.rpartition(".")[2]: flat.get(key) for key in keys}


def _seed_row(members: list[Row]) -> Row:
    """The row of runs that differ by their seeds alone, the best one first."""
    names = [member.name for member in members]
    entries = {re.sub(r"-seed\d+$", "", name) for name in names}  # entries of the config
    name = entries.pop() if len(entries) == 1 else ", ".join(names)
    cells = []
    for of_set in zip(*(member.cells for member in members), strict=True):
        values = tuple(cell.value for cell in of_set)
        is_above, mean = all(cell.is_above for cell in of_set), statistics.fmean(values)
        found = {"seeds": values, "deviation": statistics.stdev(values)}
        cells.append(replace(of_set[0], value=mean, interval=None, is_above=is_above, **found))
    return Row(members[0].run, name, cells, members=members)


def grid_rows(grid: dict, runs: list[RunResults], metric: Metric) -> list[list[object]]:
    """Of each value of each key of a grid: key, value, number of runs, mean and range as text.

    The metric is that of the validation set.
    """
    of_grid = [run for run in runs if run.name in grid["runs"]]
    numbers = pd.Series([metric.value(run.metrics["validation"]) for run in of_grid], dtype=float)
    return [
        [key, value, len(found), metric.text(found.mean()),
         f"{metric.text(found.min())} to {metric.text(found.max())}"]
        for key in grid["keys"]
        for value, found in numbers.groupby(
            [filters.setting(_flatten(run.settings).get(key)) for run in of_grid], sort=False
        )
    ]  # fmt: skip


def differences(settings: dict[str, dict], defaults: dict) -> dict[str, tuple[object, dict]]:
    """The settings, as `section.key`, that are not the default in at least one run.

    Returns:
        The default of each, and its value in each run.
    """
    flat = {name: _flatten(of_run) for name, of_run in settings.items()}
    known: dict[str, object] = {}
    for kind in KINDS.values():
        known |= _flatten({"model": kind().model_dump()})
    different = {}
    for key, default in (known | _flatten(defaults)).items():
        values = {name: run.get(key, LACKS) for name, run in flat.items()}
        if any(value not in (default, LACKS) for value in values.values()):
            different[key] = default, values
    return different


def _flatten(settings: dict) -> dict[str, object]:
    """A run's settings in one level, such as `train.seed`; `folds` keeps its name."""
    return pd.json_normalize(settings, max_level=1).to_dict("records")[0]
