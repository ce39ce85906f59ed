"""The page over all runs, index.html."""

from pathlib import Path

from renet.config.model import KINDS
from renet.config.runs import flatten, seed_groups
from renet.pages import (
    comparison_section,
    external_sets,
    grid_section,
    index_plots,
    metric_tables,
    page_head,
    phrases,
    templates,
)
from renet.pages.results import DataResults, RunResults
from renet.pages.templates import PageTable

# The columns of metrics in the table of runs: heading, set, and key of the metric; the test set's
# stand after the first one. Only the first ones are shown at first, so that the table fits.
COLUMNS = [
    (heading, subset, metric_tables.BY_NAME[metric])
    for heading, subset, metric in (
        ("validation accuracy", "validation", "accuracy"),
        ("test accuracy", "test", "accuracy"),
        ("balanced accuracy", "test", "balanced_accuracy"),
        ("ROC AUC", "test", "roc_auc"),
        ("MCC", "test", "mcc"),
        ("log loss", "test", "loss"),
        ("ECE", "test", "ece"),
    )
]
MAIN_COLUMNS = 4
LACKS = "–"  # in place of a setting that a kind of network does not have, or of a folded metric


def write(
    path: Path, runs: list[RunResults], defaults: dict, data: DataResults, grids: dict
) -> None:
    """Write the page over all runs, and its figures at their places in the same folder.

    Args:
        defaults: the sections of the default config.
        grids: the grids among the runs, see `grid_section.tables`.
    """
    compared = next(iter(data.comparison.metric), "balanced_accuracy")
    folded = _not_chosen(runs, grids, data.choice_metric)
    shown = [run for run in runs if run.name not in folded]
    figures = _figures(path.parent, runs, data)
    kinds = list(dict.fromkeys(run.architecture.kind for run in runs))
    templates.write(
        "index.html.j2",
        path,
        kinds=kinds,
        data=data.config,
        composition=runs[0].metrics["data"],
        page_head=page_head.of_best(runs, shown, data),
        folded=folded,
        interval_method=templates.sentences("intervals", [run.metrics["test"] for run in runs]),
        **_runs(runs, folded, defaults),
        comparison=comparison_section.section(data.comparison, runs),
        grids=grid_section.tables(grids, runs, metric_tables.BY_NAME[compared]),
        learning_curve=_learning_curve(data),
        last_steps=_last_steps(data),
        sets=external_sets.table(shown),
        set_descriptions=external_sets.descriptions(runs, data),
        evaluations=phrases.evaluations(data.evaluations["test"]),
        predicted=data.predicted,
        funnel_table=_funnel_table(data),
        **figures,
    )


def _not_chosen(runs: list[RunResults], grids: dict, metric: str) -> set[str]:
    """The runs of each grid but the best one on the validation set."""
    of_grids = [[run for run in runs if run.name in grid["runs"]] for grid in grids.values()]
    names = {run.name for of_grid in of_grids for run in of_grid}
    return names - {page_head.best_run(of_grid, metric).name for of_grid in of_grids}


def _figures(folder: Path, runs: list[RunResults], data: DataResults) -> dict[str, str]:
    """Draw the figures of all runs; their text alternatives."""
    histories = {run.name: run.history for run in runs}
    index_plots.loss_curves(histories, folder / "loss_curves.svg")
    index_plots.funnel(data.steps, folder / "data" / "funnel.svg")
    losses = (f"{run.name}: {phrases.losses(run.history, run.epochs)}" for run in runs)
    return {"curves_alt": " ".join(losses), "funnel_alt": phrases.funnel(data.steps)}


def differences(settings: dict[str, dict], defaults: dict) -> dict[str, tuple[object, dict]]:
    """The settings, as `section.key`, that are not the default in at least one run.

    Returns:
        The default of each, and its value in each run.
    """
    flat = {name: flatten(of_run) for name, of_run in settings.items()}
    known: dict[str, object] = {}
    for kind in KINDS.values():
        known |= flatten({"model": kind().model_dump()})
    different = {}
    for key, default in (known | flatten(defaults)).items():
        values = {name: run.get(key, LACKS) for name, run in flat.items()}
        if any(value not in (default, LACKS) for value in values.values()):
            different[key] = default, values
    return different


def _runs(runs: list[RunResults], folded: set[str], defaults: dict) -> dict:
    """The table of runs, with the test metrics of some `folded`, and the settings that differ."""
    different = differences({run.name: run.settings for run in runs}, defaults)
    baselines = {
        name: runs[0].metrics[name]["majority_baseline"] for name in ("validation", "test")
    }
    with_folds = [run.name for run in runs if run.folds]
    if 0 < len(with_folds) < len(runs):  # they are validated on different faces
        baselines["validation"] = {}
    baseline = {
        "name": f"always {baselines['test']['class']}",
        "cells": [metric_tables.cell(metric, baselines[subset]) for _, subset, metric in COLUMNS],
    }
    columns = [heading for heading, _, _ in COLUMNS]
    if len(with_folds) == len(runs):
        columns[0] = "out-of-fold accuracy"
    return {
        "constant": [run.name for run in runs if run.metrics["test"]["constant_prediction"]],
        "columns": columns,
        "main_columns": MAIN_COLUMNS,
        "folded_cell": metric_tables.Cell("", None, LACKS),
        "with_folds": with_folds,
        "runs": [_row(run, is_folded=run.name in folded) for run in runs],
        "summaries": [*_seed_means(runs, folded), baseline],
        "differences": different,
    }


def _row(run: RunResults, *, is_folded: bool) -> dict:
    """A row of the table of runs."""
    return {
        "name": run.name,
        "kind": run.architecture.kind,
        "parameters": run.model["parameters"],
        "gflop": run.layers.operations.sum() / 1e9 if len(run.layers) else None,
        "has_walkthrough": run.architecture.has_walkthrough,
        "epochs": run.epochs,
        "is_folded": is_folded,
        "cells": [metric_tables.cell(metric, run.metrics[subset]) for _, subset, metric in COLUMNS],
    }


def _seed_means(runs: list[RunResults], folded: set[str]) -> list[dict]:
    """Mean and standard deviation of each group of runs that differ by their seed alone.

    A group whose runs are all `folded` is left out.
    """
    metrics = {run.name: run.metrics for run in runs}
    return [
        {
            "name": f"mean ± standard deviation of {len(names)} seeds: {', '.join(names)}",
            "cells": [
                metric_tables.mean_cell(metric, [metrics[name][subset] for name in names])
                for _, subset, metric in COLUMNS
            ],
        }
        for names in seed_groups({run.name: run.settings for run in runs})
        if not folded.issuperset(names)
    ]


def _learning_curve(data: DataResults) -> PageTable | None:
    """The accuracy of each run by its number of training faces; None without a curve."""
    if data.learning_curve is None:
        return None
    rows = [
        [
            row.run, f"{row.faces:,}", phrases.percentage(row.accuracy),
            phrases.percentage_interval([row.low, row.high]),
        ]
        for row in data.learning_curve.itertuples()
    ]  # fmt: skip
    headings = ["run", "training faces", "validation accuracy", "95 % interval"]
    return PageTable("Accuracy by the number of training faces", headings, rows, collapsed=True)


def _last_steps(data: DataResults) -> list[list[dict]]:
    """The two largest trainings of the learning curve of each run."""
    if data.learning_curve is None:
        return []
    by_run = data.learning_curve.groupby("run", sort=False)
    return [rows.tail(2).to_dict("records") for _, rows in by_run]


def _funnel_table(data: DataResults) -> PageTable:
    """The remaining rows of each source at each step."""
    counts = data.funnel.pivot(index="step", columns="source", values="remaining")
    counts = counts.loc[data.steps.index, data.config["sources"]].fillna(0)
    rows = [
        [phrases.funnel_step(step), *map("{:,}".format, row)]
        for step, row in zip(data.steps.itertuples(), counts.astype(int).to_numpy(), strict=True)
    ]
    return PageTable("Funnel by source", ["step", *counts.columns], rows, collapsed=True)
