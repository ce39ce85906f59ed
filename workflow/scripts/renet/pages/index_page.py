"""The page over all runs, index.html."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from renet.config.model import KINDS
from renet.evaluation.tables import BEST, SEEDS
from renet.pages import filters, index_plots, metric_tables, templates
from renet.pages.metric_tables import BY_NAME, Metric
from renet.pages.results import DataResults, RunResults

LACKS = "–"  # in place of a setting that a kind of network does not have


@dataclass(frozen=True)
class Row:
    """A row of the table of runs: one run, or the runs of a grid or of a recipe's seeds."""

    run: RunResults  # of several runs, the one that predicts
    name: str
    cells: pd.DataFrame  # rows of runs.csv by set; for a grid those of `run`
    settings: dict[str, object] = field(default_factory=dict)  # in a grid
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
    # The set that ranks the runs comes first, and the faces are those that all runs share there.
    ranking = data.runs.set[data.runs["rank"].notna()].iloc[0]
    leading = data.runs.set[(data.runs.leads == 1) & (data.runs.set != "test")]
    of_seeds = data.runs[data.runs.kind == SEEDS]
    columns = [*dict.fromkeys([ranking, *leading, "test", *data.external])]
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
        lead=find_lead(data.best_rows, [names.split() for names in of_seeds.run.unique()]),
        columns=columns,
        rows_of=lambda name: data.runs[data.runs.set == name],
        rows=_rows(runs, ranking, best, of_seeds, grids),
        comparisons=dict(list(comparisons.groupby("set", sort=False))),
        tables=metric_tables,
        grids={name: grid_rows(grid, runs, ranking, metric) for name, grid in grids.items()},
        trained=trained,
        differences=differences(settings, defaults),
    )


def find_lead(rows: pd.DataFrame, seeds: Sequence[Sequence[str]] = ()) -> dict[str, object]:
    """The lead of the best run over the others on the set that chose it; {} without rows.

    Args:
        rows: of comparison.csv, with the best run as `other`.
        seeds: groups of runs that differ by their seeds alone.

    Returns:
        `unclear`: the number of runs over which the lead can be chance; `nearest`: the row of the
        smallest lead, of those if there are; `equal`: runs of the same metric, and a higher loss.
    """
    if rows.empty:
        return {}
    rows = rows.sort_values("value", ascending=False, kind="stable")
    same = {name for group in seeds if rows.other.iloc[0] in group for name in group}
    others = rows if rows.run.isin(same).all() else rows[~rows.run.isin(same)]
    unclear = others[others.significant != 1]
    return {
        "set": rows.set.iloc[0],
        "unclear": len(unclear),
        "nearest": (others if unclear.empty else unclear).iloc[0],
        "equal": rows.run[np.isclose(rows.value, rows.other_value)].tolist(),
    }


def _rows(
    runs: list[RunResults],
    ranking: str,
    best: RunResults,
    of_seeds: pd.DataFrame,
    grids: Mapping[str, dict],
) -> list[Row]:
    """The rows of the table: the best run, then by the set `ranking`; the test set has no part.

    A grid is one row, and so are runs that differ by their seeds alone, if none is of a grid.
    """

    rows = [Row(run, run.name, run.claims) for run in runs]
    rows.sort(key=lambda row: row.cells["rank"][ranking])
    ranked = {row.name: row for row in rows}
    for name, grid in grids.items():
        members = [
            replace(row, settings=_grid_settings(row.run, grid["keys"]))
            for row in rows
            if row.name in grid["runs"]
        ]
        if len(members) > 1:
            ranked = {one: row for one, row in ranked.items() if one not in grid["runs"]}
            ranked[members[0].name] = replace(members[0], name=name, members=members)
    for names, cells in of_seeds.groupby("run", sort=False):
        if all(name in ranked and not ranked[name].settings for name in names.split()):
            members = [ranked.pop(row.name) for row in rows if row.name in names.split()]
            name, by_set = _entry(names.split()), cells.set_index("set", drop=False)
            ranked[members[0].name] = Row(members[0].run, name, by_set, members=members)
    return sorted(
        ranked.values(), key=lambda row: (row.run is not best, -round(row.cells.value[ranking], 9))
    )


def _entry(names: list[str]) -> str:
    """The entry of the config that runs of several seeds are of; else their names."""
    entries = {re.sub(r"-seed\d+$", "", name) for name in names}
    return entries.pop() if len(entries) == 1 else ", ".join(names)


def _grid_settings(run: RunResults, keys: list[str]) -> dict[str, object]:
    flat = _flatten(run.settings)
    return {key.rpartition(".")[2]: flat.get(key) for key in keys}


def grid_rows(
    grid: dict, runs: list[RunResults], ranking: str, metric: Metric
) -> list[list[object]]:
    """Of each value of each key of a grid: key, value, number of runs, mean and range as text.

    The metric is that of the set `ranking`.
    """
    of_grid = [run for run in runs if run.name in grid["runs"]]
    numbers = pd.Series([run.claims.value[ranking] for run in of_grid], dtype=float)
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
