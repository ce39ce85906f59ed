"""The page over all runs, index.html."""

from pathlib import Path

import pandas as pd

from renet.evaluation import metric_definitions as metrics
from renet.pages import metric_tables, phrases, run_comparison, templates
from renet.pages.results import DataResults, RunResults
from renet.pages.templates import PageTable

TITLE = "Gender classification with a ReNet-style network"
COMPARED = (
    metrics.ACCURACY, metrics.BALANCED_ACCURACY, metrics.MCC, metrics.ROC_AUC, metrics.LOSS,
    metrics.ECE,
)  # fmt: skip


def write(path: Path, runs: list[RunResults], data: DataResults) -> None:
    """Write the page over all runs."""
    tests = {run.name: run.metrics["test"] for run in runs}
    settings = {run.name: run.settings for run in runs}
    curves = (f"{run.name}: {phrases.learning_curve(run.history)}" for run in runs)
    templates.write(
        "index.html.j2",
        path,
        title=TITLE,
        data=data.config,
        constant=[name for name, test in tests.items() if test["constant_prediction"]],
        columns=[metric.label for metric in COMPARED],
        runs=[_row(name, test) for name, test in tests.items()],
        summaries=[*_seed_means(settings, tests), _baseline_row(tests[runs[0].name])],
        curves_alt=" ".join(curves),
        differences=run_comparison.differences(settings),
        funnel_table=_funnel_table(data),
        funnel_alt=phrases.funnel(data.funnel),
    )


def _row(name: str, summary: dict) -> dict:
    return {"name": name, "cells": [metric_tables.cell(metric, summary) for metric in COMPARED]}


def _seed_means(settings: dict[str, dict], tests: dict[str, dict]) -> list[dict]:
    """Mean and standard deviation of each group of runs that differ by their seed alone."""
    return [
        {
            "name": f"mean ± standard deviation of {len(names)} seeds: {', '.join(names)}",
            "cells": [
                metric_tables.mean_cell(metric, [tests[name] for name in names])
                for metric in COMPARED
            ],
        }
        for names in run_comparison.seed_groups(settings)
    ]


def _baseline_row(test: dict) -> dict:
    baseline = test["majority_baseline"]
    return _row(f"always {baseline['class']}", baseline)


def _funnel_table(data: DataResults) -> PageTable:
    """The remaining rows of each source at each step."""
    funnel: pd.DataFrame = data.funnel
    counts = funnel.pivot(index="step", columns="source", values="remaining")
    counts = counts.loc[funnel.step.drop_duplicates(), data.config["sources"]].fillna(0)
    rows = [
        [step.replace("_", " "), *map("{:,}".format, row)]
        for step, row in zip(counts.index, counts.astype(int).to_numpy(), strict=True)
    ]
    return PageTable("Funnel by source", ["step", *counts.columns], rows, collapsed=True)
