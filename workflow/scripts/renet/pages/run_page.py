"""The page of one run, report.html."""

from pathlib import Path

import pandas as pd
import yaml

from renet.evaluation.run_figures import RUN_FIGURES
from renet.evaluation.tables import HARD_CASES, MISTAKES
from renet.pages import metric_tables, phrases, templates
from renet.pages.results import DataResults, RunResults
from renet.pages.templates import PageTable

HEADLINE = metric_tables.named(
    "accuracy", "balanced_accuracy", "recall_female", "recall_male", "loss"
)
CONTENTS = [
    ("metrics", "Metrics"),
    *((figure.name, figure.title) for figure in RUN_FIGURES),
    ("mistakes", "Wrong predictions"), ("hard_cases", "Hard cases"), ("saliency", "Saliency maps"),
    ("faces", "All test faces"), ("data", "Data"), ("use", "Intended use"),
    ("settings", "Settings"), ("files", "Files"),
]  # fmt: skip


def write(path: Path, run: RunResults, data: DataResults) -> None:
    """Write the page of a run."""
    test, gallery = run.metrics["test"], run.gallery
    settings = {**run.settings, "data": data.config}
    templates.write(
        "run.html.j2",
        path,
        title=f"Run {run.name}",
        data=data.config,
        contents=CONTENTS,
        model=run.model,
        epochs=len(run.history),
        test=test,
        leakage=run.metrics["leakage"],
        headline=[metric_tables.cell(metric, test) for metric in HEADLINE],
        metrics=metric_tables.metrics_table(run.metrics),
        sections=_figure_sections(run),
        mistakes=phrases.faces(gallery[gallery.gallery == MISTAKES]),
        hard_cases=phrases.faces(gallery[gallery.gallery == HARD_CASES]),
        explained=phrases.faces(run.saliency),
        funnel_alt=phrases.funnel(data.steps),
        archives=data.archives,
        settings=yaml.safe_dump(settings, sort_keys=False),
    )


def _figure_sections(run: RunResults) -> list[dict]:
    """A section for each figure, with values for the text alternative, a text and a table."""
    test = run.metrics["test"]
    further = {
        "learning_curve": {
            "alt": phrases.learning_curve(run.history),
            "table": _history_table(run.history),
        },
        "confusion_matrix": {"alt": phrases.confusion_matrix(test)},
        "ranking_curves": {"alt": phrases.ranking_curves(test)},
        "reliability": {
            "text": phrases.calibration(run.metrics),
            "table": metric_tables.calibration_table(run.metrics),
        },
        "slices": {"text": phrases.slices(run.slices), "table": _slices_table(run.slices)},
    }
    empty = {"alt": "", "text": "", "table": None}
    return [{"figure": figure, **empty, **further.get(figure.name, {})} for figure in RUN_FIGURES]


def _history_table(history: pd.DataFrame) -> PageTable:
    rows = [
        [f"{value:.4g}" if value == value else phrases.UNDEFINED for value in row]
        for row in history.itertuples(index=False)
    ]
    headings = [column.replace("_", " ") for column in history.columns]
    return PageTable("Metrics by epoch", headings, rows, collapsed=True)


def _slices_table(slices: pd.DataFrame) -> PageTable:
    rows = [
        [
            f"{row.slice}: {row.value}",
            f"{row.n:,}",
            f"{row.subjects:,}",
            phrases.percentage(row.accuracy),
            phrases.percentage_interval([row.subjects_low, row.subjects_high]),
            phrases.percentage_interval([row.wilson_low, row.wilson_high]),
            phrases.percentage(row.recall_female),
            phrases.percentage(row.recall_male),
            phrases.percentage(row.majority_baseline),
        ]
        for row in slices.itertuples()
    ]
    headings = [
        "slice", "faces", "people", "accuracy", "bootstrap over people", "Wilson",
        "recall of female", "recall of male", "majority class",
    ]  # fmt: skip
    return PageTable("Slices", headings, rows, collapsed=True)
