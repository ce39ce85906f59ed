"""The page of one run, report.html."""

from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from renet.evaluation.tables import HARD_CASES, MISTAKES
from renet.pages import external_sets, metric_tables, page_head, phrases, templates
from renet.pages.results import DataResults, RunResults
from renet.pages.templates import PageTable, sentences
from renet.planning.run_figures import RUN_FIGURES

HEADLINE = ("accuracy", "balanced_accuracy", "recall_female", "recall_male", "loss")


def write(path: Path, run: RunResults, data: DataResults) -> None:
    """Write the page of a run."""
    test = run.metrics["test"]
    templates.write(
        "run.html.j2",
        path,
        name=run.name,
        title=f"Run {run.name}",
        data=data.config,
        page_head=page_head.of_run(run, data),
        predicted=data.predicted,
        model=run.model,
        architecture=run.architecture,
        epochs=run.epochs,
        test=test,
        leakage=run.metrics["leakage"],
        initial_weights=phrases.initial_weights(run.settings["train"], run.metrics["leakage"]),
        headline=[metric_tables.cell(metric_tables.BY_NAME[name], test) for name in HEADLINE],
        metrics=metric_tables.metrics_table(run.metrics),
        interval_method=sentences("intervals", [test]),
        citation=metric_tables.citation(run, data.config),
        evaluations=phrases.evaluations(data.evaluations["test"]),
        reviewed=sentences("reviewed_labels", data.reviewed),
        sections=_figure_sections(run),
        **_galleries(run, data.suspects),
        explained=phrases.faces(run.saliency),
        sets=_sets(run, data),
        folds=run.folds,
        composition=run.metrics["data"],
        layers=run.layers.to_dict("records"),
        settings=yaml.safe_dump({**run.settings, "data": data.config}, sort_keys=False),
    )


def _sets(run: RunResults, data: DataResults) -> list[dict]:
    """The values of external.html.j2: the out-of-fold set, then the external ones."""
    sections = [
        external_sets.section(name, of_set, data.evaluations[name])
        for name, of_set in run.external.items()
    ]
    if run.out_of_fold:
        by = data.config["split"]["by"]
        sections.insert(0, external_sets.out_of_fold(run.out_of_fold, run.folds, by))
    return sections


def _galleries(run: RunResults, suspects: frozenset[str] | None) -> dict:
    """The faces of the galleries, and a note to each that says which they are."""
    correct = np.trace(run.metrics["test"]["confusion_matrix"])
    wrong = run.metrics["test"]["n"] - correct
    mistakes, hard_cases = (
        run.gallery[run.gallery.gallery == name] for name in (MISTAKES, HARD_CASES)
    )
    return {
        "mistakes": phrases.faces(mistakes),
        "mistakes_note": phrases.confidences(mistakes, wrong, "wrong", falling=True),
        "suspects": phrases.suspects(mistakes, suspects),
        "hard_cases": phrases.faces(hard_cases),
        "hard_cases_note": phrases.confidences(hard_cases, correct, "correct", falling=False),
    }


def _figure_sections(run: RunResults) -> list[dict]:
    """A section for each figure, with values for the text alternative, a text and a table.

    Of a set of few faces, slices are left out, and all but training and counts is `folded`.
    """
    test, curve = run.metrics["test"], phrases.losses(run.history, run.epochs)
    few = bool(phrases.few(test))
    tested = sentences("accuracies", run, phrases.TEST_SET)
    further: dict[str, dict] = {
        "training_curves": {
            "alt": curve,
            "text": curve if run.history.validation_loss.isna().all() else "",
            "table": _history_table(run.history),
        },
        "confusion_matrix": {"alt": phrases.confusion_matrix(test)},
        "ranking_curves": {"alt": phrases.ranking_curves(test)},
        "reliability": {"text": sentences("calibration", run.metrics)},
        "risk_coverage": {
            "text": phrases.abstention(run.metrics),
            "table": metric_tables.abstention_table(run.metrics),
        },
        "slices": {
            "alt": "The table below has the values.",
            "text": f"{tested} {sentences('left_out', run)}",
            "table": metric_tables.slices_table(run),
        },
        "gender_gaps": {
            "alt": "The table of slices has the values.",
            "text": f"{phrases.gender_gap(test)} {sentences('gaps', run)}",
        },
    }
    empty = {"alt": "", "text": "", "table": None}
    sections = [{"figure": one, **empty, **further.get(one.name, {})} for one in RUN_FIGURES]
    chosen = {
        "training_curves": "epoch" * (run.settings["train"].get("select_epoch") == "best"),
        "reliability": "temperature",
        "risk_coverage": "threshold" * (run.metrics["abstention"]["threshold"] is not None),
    }
    for section in sections:
        name = section["figure"].name
        if what := chosen.get(name):
            section["text"] += f" {sentences('chosen_by_few', run.metrics, what)}"
        section["folded"] = few and name not in ("training_curves", "confusion_matrix")
    return [one for one in sections if not (few and one["figure"].of_slices)]


def _history_table(history: pd.DataFrame) -> PageTable:
    rows = [
        [phrases.UNDEFINED if pd.isna(value) else f"{value:.4g}" for value in row]
        for row in history.itertuples(index=False)
    ]
    headings = [column.replace("_", " ") for column in history.columns]
    return PageTable("Metrics by epoch", headings, rows, collapsed=True)
