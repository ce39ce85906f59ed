"""The page of one run, report.html."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd
import yaml

from renet.common.imdb_wiki import CLASSES
from renet.evaluation.metric_definitions import (
    ACCURACY,
    BALANCED_ACCURACY,
    LOSS,
    RECALL_FEMALE,
    RECALL_MALE,
)
from renet.evaluation.run_figures import RUN_FIGURES, RunFigure
from renet.evaluation.tables import HARD_CASES, MISTAKES
from renet.pages import formats, metric_tables, phrases, templates
from renet.pages.metric_tables import Cell
from renet.pages.results import DataResults, RunResults
from renet.pages.templates import PageTable

HEADLINE = (ACCURACY, BALANCED_ACCURACY, RECALL_FEMALE, RECALL_MALE, LOSS)
CONTENTS = [
    ("metrics", "Metrics"),
    *((figure.name, figure.title) for figure in RUN_FIGURES),
    ("mistakes", "Wrong predictions"), ("hard_cases", "Hard cases"), ("saliency", "Saliency maps"),
    ("faces", "All test faces"), ("data", "Data"), ("use", "Intended use"),
    ("settings", "Settings"), ("files", "Files"),
]  # fmt: skip


class FaceColumn(NamedTuple):
    """A column of the table of all faces; `name` is that of templates/faces.js."""

    name: str
    heading: str
    is_text: bool = False


FACE_COLUMNS = [
    FaceColumn("photo", "photo"),
    FaceColumn("id", "id", is_text=True),
    FaceColumn("person", "person", is_text=True),
    FaceColumn("label", "label"),
    FaceColumn("predicted", "predicted"),
    FaceColumn("correct", "correct"),
    FaceColumn("confidence", "confidence"),
    FaceColumn("age", "age"),
    FaceColumn("year", "year"),
    FaceColumn("face_score", "face score"),
    FaceColumn("crop", "crop"),
    FaceColumn("path", "path", is_text=True),
]


class Section(NamedTuple):
    """The section of a figure: the figure, the values for its text alternative, text and table."""

    figure: RunFigure
    alt: str = ""
    text: str = ""
    table: PageTable | None = None


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
        headline=[*(metric_tables.cell(metric, test) for metric in HEADLINE), _baseline(test)],
        metrics=metric_tables.metrics_table(run.metrics),
        sections=_sections(run),
        mistakes=_faces(gallery[gallery.gallery == MISTAKES]),
        hard_cases=_faces(gallery[gallery.gallery == HARD_CASES]),
        explained=_faces(run.saliency),
        face_columns=FACE_COLUMNS,
        funnel_alt=phrases.funnel(data.funnel),
        archives=data.archives,
        settings=yaml.safe_dump(settings, sort_keys=False),
    )


def _baseline(test: dict) -> Cell:
    baseline = test["majority_baseline"]
    label = f"accuracy of always predicting {baseline['class']}"
    return Cell(label, baseline["accuracy"], formats.percentage(baseline["accuracy"]))


def _sections(run: RunResults) -> list[Section]:
    """A section for each figure; these have more than the figure and its caption."""
    test = run.metrics["test"]
    more = {
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
    return [Section(figure, **more.get(figure.name, {})) for figure in RUN_FIGURES]


def _history_table(history: pd.DataFrame) -> PageTable:
    rows = [
        [f"{value:.4g}" if value == value else formats.UNDEFINED for value in row]
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
            formats.percentage(row.accuracy),
            formats.percentage_interval([row.subjects_low, row.subjects_high]),
            formats.percentage_interval([row.wilson_low, row.wilson_high]),
            formats.percentage(row.recall_female),
            formats.percentage(row.recall_male),
            formats.percentage(row.majority_baseline),
        ]
        for row in slices.itertuples()
    ]
    headings = [
        "slice", "faces", "people", "accuracy", "bootstrap over people", "Wilson",
        "recall of female", "recall of male", "majority class",
    ]  # fmt: skip
    return PageTable("Slices", headings, rows, collapsed=True)


def _faces(rows: pd.DataFrame) -> list[dict]:
    """The faces of a gallery or of the saliency maps, as the template shows them."""
    return [
        {
            **row,
            "label": CLASSES[row["target"]],
            "predicted": CLASSES[row["predicted"]],
            "confidence": formats.percentage(max(row["p_female"], row["p_male"])),
            "age": "" if pd.isna(row["age"]) else row["age"],
        }
        for row in rows.to_dict("records")
    ]
