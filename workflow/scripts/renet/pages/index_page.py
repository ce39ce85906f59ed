"""The page over all runs, index.html."""

import dataclasses
import re
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from renet.config.model import KINDS
from renet.config.runs import seed_groups
from renet.evaluation.tables import BEST, OUT_OF_FOLD
from renet.pages import filters, index_plots, metric_tables, templates, verdict
from renet.pages.metric_tables import BY_NAME, Metric
from renet.pages.results import DataResults, RunResults, are_above
from renet.pages.templates import PageTable

LACKS = "–"  # in place of a setting that a kind of network does not have


@dataclass(frozen=True)
class Cell:
    """A run on one set, or several seeds."""

    value: float
    interval: list[float] | None  # None of several seeds
    guess: float
    is_above: bool  # the baseline, by Holm over all runs and sets of the table
    seeds: tuple[float, ...] = ()
    deviation: float = 0.0  # over the seeds, of a sample


@dataclass(frozen=True)
class Row:
    """A row of the table of runs: one run, or several, whose rows are shown on demand."""

    run: RunResults  # of several, the one that predicts
    name: str
    cells: list[Cell]
    seeds: int = 0  # of the same recipe; the cells have their means
    grid: int = 0  # number of runs of a grid; the cells are those of `run`
    settings: dict[str, object] = dataclasses.field(default_factory=dict)  # of a run of a grid
    members: tuple["Row", ...] = ()


@dataclass(frozen=True)
class Column:
    """A set in the table of runs."""

    set: str
    faces: frozenset[int]  # numbers of faces: of a validation set, runs can have others
    guess: float | None  # None where the runs have other faces


def write(
    path: Path, runs: list[RunResults], defaults: dict, data: DataResults, grids: Mapping[str, dict]
) -> None:
    """Write the page over all runs, and its figures at their places in the same folder.

    Args:
        defaults: the sections of the default config.
        grids: for each entry of `runs` with a grid, its `keys` and the names of its `runs`.
    """
    best, metric = verdict.chosen_run(runs, data), BY_NAME[data.choice_metric]
    settings = {run.name: run.settings for run in runs}
    said = verdict.of_run(best, data, seed_groups(settings))
    comparisons = data.comparison[data.comparison.kind != BEST]
    compared = BY_NAME[next(iter(comparisons.metric), metric.name)]
    columns, cells = _cells(runs, metric)
    trained = [run for run in runs if run.architecture.has_layers]
    histories = {run.name: run.history for run in trained}
    index_plots.loss_curves(histories, path.parent / "loss_curves.svg")
    index_plots.funnel(data.steps, path.parent / "data" / "funnel.svg")
    templates.write(
        "index.html.j2",
        path,
        runs=runs,
        results=data,
        data=data.config,
        verdict=said,
        compared=compared,
        columns=columns,
        rows=_rows(runs, cells, best, data, grids),
        comparisons=dict(list(comparisons.groupby("set", sort=False))),
        tables=metric_tables,
        grids={name: grid_rows(grid, runs, compared) for name, grid in grids.items()},
        trained=trained,
        differences=differences(settings, defaults),
        funnel=_funnel_table(data),
    )


def _funnel_table(data: DataResults) -> PageTable:
    """The remaining rows of each source at each step."""
    remaining = data.funnel.pivot(index="step", columns="source", values="remaining").fillna(0)
    sources = data.config["sources"]
    rows = [
        [templates.sentences("funnel_step", step),
         *(f"{remaining.loc[step.Index, source]:,.0f}" for source in sources)]
        for step in data.steps.itertuples()
    ]  # fmt: skip
    return PageTable("Funnel by source", ["step", *sources], rows, collapsed=True)


def _cells(runs: list[RunResults], metric: Metric) -> tuple[list[Column], dict[str, list[Cell]]]:
    """The columns of the table, and the cells of each run."""
    first = OUT_OF_FOLD if all(run.folds for run in runs) else "validation"
    sets = {
        first: [run.metrics["validation"] for run in runs],
        "test": [run.test for run in runs],
        **{name: [run.external[name].test for run in runs] for name in runs[0].external},
    }
    above = iter(are_above([one for of_set in sets.values() for one in of_set], metric.name))
    columns: list[Column] = []
    cells: dict[str, list[Cell]] = {run.name: [] for run in runs}
    for name, of_set in sets.items():
        faces = frozenset(summary["n"] for summary in of_set)
        guesses = [metric.value(summary["majority_baseline"]) for summary in of_set]
        columns.append(Column(name, faces, guesses[0] if len(faces) == 1 else None))
        for run, summary, guess in zip(runs, of_set, guesses, strict=True):
            found = metric.value(summary), metric.bounds(summary), guess, next(above)
            cells[run.name].append(Cell(*found))
    return columns, cells


def _rows(
    runs: list[RunResults],
    cells: dict[str, list[Cell]],
    best: RunResults,
    data: DataResults,
    grids: Mapping[str, dict],
) -> list[Row]:
    """The rows of the table: the best run, then by the set that chooses; the test set has no part.

    A grid is one row, and so are other runs that differ by their seeds alone.
    """
    values = {run.name: cells[run.name][0].value for run in runs}  # on the set that chooses
    for row in data.of_best.itertuples():  # of all runs on the same faces
        values |= {row.run: row.value, row.other: row.other_value}
    rank = {name: (name == best.name, value) for name, value in values.items()}
    by_rank = sorted(runs, key=lambda run: rank[run.name], reverse=True)
    rows = {run.name: Row(run, run.name, cells[run.name]) for run in by_rank}
    for name, grid in grids.items():
        of_grid = [rows[one] for one in rows if one in grid["runs"]]
        if len(of_grid) > 1:
            members = [replace(row, settings=_values(row.run, grid["keys"])) for row in of_grid]
            rows = {one: row for one, row in rows.items() if one not in grid["runs"]}
            grid_row = replace(members[0], name=name, grid=len(members), members=tuple(members))
            rows[members[0].name] = grid_row
    alone = {name: row.run.settings for name, row in rows.items() if not row.grid}
    for group in seed_groups(alone):
        members = [rows.pop(name) for name in list(rows) if name in group]
        rows[members[0].name] = _of_seeds(members)

    def order(row: Row) -> tuple[bool, float]:
        names = [one.name for one in row.members] if row.seeds else [row.run.name]
        return row.run is best, statistics.fmean(values[name] for name in names)

    return sorted(rows.values(), key=order, reverse=True)


def _values(run: RunResults, keys: list[str]) -> dict[str, object]:
    flat = _flatten(run.settings)
    return {key.rpartition(".")[2]: flat.get(key) for key in keys}


def _of_seeds(members: list[Row]) -> Row:
    """The row of runs that differ by their seeds alone, the best one first."""
    names = [member.name for member in members]
    entries = {re.sub(r"-seed\d+$", "", name) for name in names}  # of the config
    name = entries.pop() if len(entries) == 1 else ", ".join(names)
    cells = []
    for of_set in zip(*(member.cells for member in members), strict=True):
        values = tuple(cell.value for cell in of_set)
        is_above, mean = all(cell.is_above for cell in of_set), statistics.fmean(values)
        found = mean, None, of_set[0].guess, is_above, values, statistics.stdev(values)
        cells.append(Cell(*found))
    return Row(members[0].run, name, cells, seeds=len(members), members=tuple(members))


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


def _flatten(settings: dict) -> dict:
    """A run's settings in one level, such as `train.seed`; `folds` keeps its name."""
    flat: dict[str, object] = {}
    for name, section in settings.items():
        if isinstance(section, dict):
            flat |= {f"{name}.{key}": value for key, value in section.items()}
        else:
            flat[name] = section
    return flat
