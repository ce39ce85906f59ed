"""What the pages say of the sets beside the test set: external ones, and the out-of-fold set."""

from dataclasses import replace

import numpy as np

from renet.evaluation.tables import MISTAKES
from renet.metadata import subjects
from renet.pages import metric_tables, phrases
from renet.pages.results import DataResults, RunResults, SetResults
from renet.pages.templates import PageTable, sentences
from renet.planning.run_figures import FIGURES_OF_PREDICTIONS

COLUMNS = [metric_tables.BY_NAME[name] for name in ("accuracy", "balanced_accuracy")]


def section(name: str, results: SetResults, evaluations: int) -> dict:
    """The values of external.html.j2 for one external set.

    Args:
        evaluations: trained models that were evaluated on it.
    """
    set_name, folder = f"set {name}", f"external/{name}/"
    abstention = _named(metric_tables.abstention_table(results.metrics, name), name)
    values = _section(results, name, set_name)
    values["texts"] += [
        phrases.unnamed(results.metrics["data"]), phrases.evaluations(evaluations, set_name),
        phrases.known_to_initial_weights(results.metrics["leakage"]),
    ]  # fmt: skip
    return values | {
        "name": name,
        "heading": f"External test set {name}",
        "note": "These faces were never used for training or for choosing anything. Recorded "
        "people and photos of the training and the validation set are left out.",
        "folder": folder,
        "inference": f"{folder}inference.csv",
        "abstention": abstention,
    }


def out_of_fold(results: SetResults, folds: int, split_by: str) -> dict:
    """The values of external.html.j2 for the out-of-fold set of a run with folds.

    Args:
        split_by: `split.by` of the config.
    """
    name = f"the {phrases.OUT_OF_FOLD_SET}"
    values = _section(results, name, phrases.OUT_OF_FOLD_SET)
    unit = subjects.unit(results.metrics["data"], 1) if split_by == "subject" else "photo"
    return values | {
        "name": name,
        "heading": "Cross-validation",
        "note": "These are the faces of training and validation. Each one is predicted by one of "
        f"{folds} networks, which was trained without this {unit}. Temperature and threshold of "
        "unsure predictions are fitted on these predictions; the test set shows their effect.",
        "folder": "out_of_fold/",
        "inference": "inference_validation.csv",
        "abstention": None,  # the threshold was chosen on these faces
    }


def _section(results: SetResults, name: str, set_name: str) -> dict:
    """What the sections have in common; `folder` is relative to the page."""
    test = results.metrics["test"]
    few = phrases.few(test, set_name)
    judged = [
        phrases.gender_gap(test, set_name),
        sentences("gaps", results),
        sentences("accuracies", results, set_name),
        sentences("left_out", results),
    ]
    mistakes = results.gallery[results.gallery.gallery == MISTAKES]
    wrong = test["n"] - np.trace(test["confusion_matrix"])
    return {
        "test": test,
        "accuracy": metric_tables.cell(COLUMNS[0], test),
        "texts": [phrases.above_baseline(test), *([few] if few else judged)],
        "metrics": _named(metric_tables.metrics_table(results.metrics, name), name),
        "slices": _named(metric_tables.slices_table(results), name),
        "figures": [one for one in FIGURES_OF_PREDICTIONS if not (few and one.of_slices)],
        "mistakes": phrases.faces(mistakes),
        "mistakes_note": phrases.confidences(mistakes, wrong, "wrong", falling=True),
    }


def _named(content: PageTable | None, name: str) -> PageTable | None:
    """A collapsed table whose label names the set, so that no two of a page have the same."""
    return content and replace(content, label=f"{content.label} of {name}", collapsed=True)


def table(runs: list[RunResults]) -> dict:
    """The table of runs by sets: `headings`, and `rows` of a name and cells, the baseline last.

    Nothing without an external set.
    """
    if not runs[0].external:
        return {}
    summaries = {
        run.name: {name: one.metrics["test"] for name, one in run.sets.items()} for run in runs
    }
    baselines = {name: test["majority_baseline"] for name, test in summaries[runs[0].name].items()}
    majority = next(iter(baselines.values()))["class"]
    return {
        "headings": [f"{name}: {metric.label}" for name in baselines for metric in COLUMNS],
        "rows": [{"name": name, "cells": _cells(of_sets)} for name, of_sets in summaries.items()],
        "baseline": {"name": f"always {majority}", "cells": _cells(baselines)},
    }


def _cells(summaries: dict[str, dict]) -> list[metric_tables.Cell]:
    return [
        metric_tables.cell(metric, summary) for summary in summaries.values() for metric in COLUMNS
    ]


def descriptions(runs: list[RunResults], data: DataResults) -> list[str]:
    """A sentence on each external set: its faces, and what was left out of it."""
    sentences = []
    for name, funnel in data.external.items():
        test = runs[0].external[name].metrics["test"]
        dropped = funnel.set_index("step").dropped
        left_out = ", ".join(
            f"{step.replace('_', ' ')} ({count:,})" for step, count in dropped.items() if count
        )
        faces = phrases.counted(test["n"], "face", "faces")
        people = phrases.people(test)
        few = phrases.few(test, f"set {name}")
        text = f"{name}: {faces} of {people}; left out: {left_out or 'none'}. {few}"
        sentences.append(text.strip())
    return sentences
