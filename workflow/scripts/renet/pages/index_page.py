"""Page of all runs, index.html, and its figures: losses by epoch, and rows by step."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from renet.evaluation import plot_style
from renet.evaluation.plot_style import BLUE, RED
from renet.evaluation.tables import BEST, SEEDS
from renet.pages import filters, templates
from renet.pages.metric_tables import BY_NAME, Metric
from renet.pages.results import DataResults, RunResults, flatten


@dataclass(frozen=True)
class Row:
    """A row of the table of runs: one run, or the runs of a grid or of a recipe's seeds."""

    run: RunResults  # of several runs, the best run
    name: str
    cells: pd.DataFrame  # rows of runs.csv by set; for a grid, the rows of `run`
    settings: dict[str, object] = field(default_factory=dict)  # of the grid's keys
    members: Sequence["Row"] = ()  # a row for each of several runs; a click on the name opens them


def write(path: Path, runs: list[RunResults], data: DataResults, grids: Mapping[str, dict]) -> None:
    """Write index.html, and its two figures into the same folder and the folder data/.

    Args:
        grids: `keys` and names of the `runs` of each grid, by its entry in `runs` of the config.
    """
    best = next((run for run in runs if run.name == data.best), runs[0])
    metric, is_best = BY_NAME[data.choice_metric], data.comparison.kind == BEST
    # The set that ranks the runs comes first, with the faces that all runs share.
    ranking = data.runs.set[data.runs["rank"].notna()].iloc[0]
    leading = data.runs.set[(data.runs.leads == 1) & (data.runs.set != "test")]
    of_seeds = data.runs[data.runs.kind == SEEDS]
    columns = [*dict.fromkeys([ranking, *leading, "test", *data.external])]
    rows = _rows(runs, ranking, best, of_seeds, grids)
    trained = [run for run in runs if run.architecture.has_layers]
    loss_curves(trained, path.parent / "loss_curves.svg")
    funnel(data.steps, path.parent / "data" / "funnel.svg")
    templates.write(
        "index.html.j2",
        path,
        runs=runs,
        results=data,
        data=data.config,
        best=best,
        metric=metric,
        lead=find_lead(
            data.comparison[is_best], [names.split() for names in of_seeds.run.unique()]
        ),
        columns=columns,
        rows_of=lambda name: data.runs[data.runs.set == name],
        rows=rows,
        comparisons=dict(list(data.comparison[~is_best].groupby("set", sort=False))),
        grids={name: grid_rows(grid, runs, ranking, metric) for name, grid in grids.items()},
        trained=trained,
        recipes=recipes(rows, data.defaults),
    )


def find_lead(rows: pd.DataFrame, seeds: Sequence[Sequence[str]] = ()) -> pd.Series | None:
    """Return the row of comparison.csv in which the best run (named in `other`) leads by least.

    A lead that is not significant is preferred to a significant lead. Runs that differ from the
    best run in their seeds alone, as in a group of `seeds`, only count if no other run exists.
    """
    if rows.empty:
        return None
    same = [name for group in seeds if rows.other.iloc[0] in group for name in group]
    keys = pd.DataFrame(
        {"same": rows.run.isin(same), "is_shown": rows.significant == 1, "lead": -rows.value}
    )
    return rows.loc[keys.sort_values([*keys], kind="stable").index[0]]


def _rows(
    runs: list[RunResults],
    ranking: str,
    best: RunResults,
    of_seeds: pd.DataFrame,
    grids: Mapping[str, dict],
) -> list[Row]:
    """Return the table's rows by their metric on the set `ranking`, the highest first.

    A grid is one row. Runs that differ in their seeds alone are one row if no run is of a grid.
    """
    rows = [Row(run, run.name, run.claims) for run in runs]
    rows.sort(key=lambda row: row.cells["rank"][ranking])
    ranked = {row.name: row for row in rows}
    for name, grid in grids.items():
        members = []
        for row in rows:
            if row.name in grid["runs"]:
                flat = flatten(row.run.settings)
                settings = {key.rpartition(".")[2]: flat.get(key) for key in grid["keys"]}
                members.append(replace(row, settings=settings))
        if len(members) > 1:
            ranked = {run: row for run, row in ranked.items() if run not in grid["runs"]}
            ranked[members[0].name] = replace(members[0], name=name, members=members)
    for names, cells in of_seeds.groupby("run", sort=False):
        if all(name in ranked and not ranked[name].settings for name in names.split()):
            members = [ranked.pop(row.name) for row in rows if row.name in names.split()]
            name, by_set = _entry(names.split()), cells.set_index("set", drop=False)
            ranked[members[0].name] = Row(members[0].run, name, by_set, members=members)
    return sorted(
        ranked.values(), key=lambda row: (-round(row.cells.value[ranking], 9), row.run is not best)
    )


def _entry(names: list[str]) -> str:
    """Return the entry in `runs` of the config that has these seeds, else the runs' names."""
    entries = {re.sub(r"-seed\d+$", "", name) for name in names}
    return entries.pop() if len(entries) == 1 else ", ".join(names)


def grid_rows(
    grid: dict, runs: list[RunResults], ranking: str, metric: Metric
) -> list[list[object]]:
    """Return a row for each value of a grid's keys: key, value, number of runs, mean and range.

    Mean and range are of the metric on the set `ranking`, as text.
    """
    of_grid = [run for run in runs if run.name in grid["runs"]]
    numbers = pd.Series([run.claims.value[ranking] for run in of_grid], dtype=float)
    return [
        [key, value, len(found), metric.text(found.mean()),
         f"{metric.text(found.min())} to {metric.text(found.max())}"]
        for key in grid["keys"]
        for value, found in numbers.groupby(
            [filters.setting(flatten(run.settings).get(key)) for run in of_grid], sort=False
        )
    ]  # fmt: skip


def recipes(rows: list[Row], defaults: dict) -> tuple[dict, list[tuple[Row, dict]]]:
    """Return the non-default settings that all runs share, and each row with its others."""
    listed = [part for row in rows for part in (row.members if row.settings else [row])]
    changed = []
    for row in listed:
        changed.append({key: value for key, (value, _) in row.run.changed(defaults).items()})
        if row.members:  # they differ in their seeds alone
            changed[-1].pop("train.seed", None)
    items = changed[0].items() if len(listed) > 1 else ()
    shared = dict(item for item in items if all(item in values.items() for values in changed))
    own = [{key: values[key] for key in values if key not in shared} for values in changed]
    return shared, list(zip(listed, own, strict=True))


def loss_curves(runs: list[RunResults], path: Path) -> None:
    """Plot the loss of all runs by epoch: training dashed, validation solid."""
    figure, axis = plt.subplots(figsize=(9, 3.8), layout="constrained")
    for run, colour in zip(runs, plot_style.colours(len(runs)), strict=True):
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
    """Plot the numbers of rows that each step keeps and drops, over all sources."""
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
