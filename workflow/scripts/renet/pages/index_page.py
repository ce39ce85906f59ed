"""The page over all runs, index.html."""

from pathlib import Path

from renet.pages import metric_tables, phrases, templates
from renet.pages.results import DataResults, RunResults
from renet.pages.templates import PageTable

TITLE = "Gender classification with a ReNet-style network"
COMPARED = metric_tables.named("accuracy", "balanced_accuracy", "mcc", "roc_auc", "loss", "ece")


def write(path: Path, runs: list[RunResults], data: DataResults) -> None:
    """Write the page over all runs."""
    tests = {run.name: run.metrics["test"] for run in runs}
    settings = {run.name: run.settings for run in runs}
    baseline = tests[runs[0].name]["majority_baseline"]
    curves = (f"{run.name}: {phrases.learning_curve(run.history)}" for run in runs)
    templates.write(
        "index.html.j2",
        path,
        title=TITLE,
        data=data.config,
        constant=[name for name, test in tests.items() if test["constant_prediction"]],
        columns=[metric.label for metric in COMPARED],
        runs=[_row(name, test) for name, test in tests.items()],
        summaries=[*_seed_means(settings, tests), _row(f"always {baseline['class']}", baseline)],
        curves_alt=" ".join(curves),
        differences=differences(settings),
        funnel_table=_funnel_table(data),
        funnel_alt=phrases.funnel(data.steps),
    )


def differences(settings: dict[str, dict]) -> dict[str, list]:
    """The settings that differ, as `section.key` and the value of each run."""
    flat = [flatten(of_run) for of_run in settings.values()]
    keys = dict.fromkeys(key for of_run in flat for key in of_run)
    values = {key: [of_run.get(key) for of_run in flat] for key in keys}
    return {key: found for key, found in values.items() if any(v != found[0] for v in found)}


def seed_groups(settings: dict[str, dict]) -> list[list[str]]:
    """Groups of runs that differ by `train.seed` alone: two seeds or more, one run of each."""
    groups: dict[str, dict[int, str]] = {}
    for name, of_run in settings.items():
        flat = flatten(of_run)
        seed = flat.pop("train.seed")
        groups.setdefault(repr(sorted(flat.items())), {}).setdefault(seed, name)
    return [list(names.values()) for names in groups.values() if len(names) > 1]


def flatten(settings: dict) -> dict:
    """A run's settings as one level, `train.seed`."""
    return {
        f"{section}.{key}": value for section, of in settings.items() for key, value in of.items()
    }


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
        for names in seed_groups(settings)
    ]


def _funnel_table(data: DataResults) -> PageTable:
    """The remaining rows of each source at each step."""
    counts = data.funnel.pivot(index="step", columns="source", values="remaining")
    counts = counts.loc[data.steps.index, data.config["sources"]].fillna(0)
    rows = [
        [step.replace("_", " "), *map("{:,}".format, row)]
        for step, row in zip(counts.index, counts.astype(int).to_numpy(), strict=True)
    ]
    return PageTable("Funnel by source", ["step", *counts.columns], rows, collapsed=True)
