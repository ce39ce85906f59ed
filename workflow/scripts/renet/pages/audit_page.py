"""The page of the label audit, audit/index.html."""

from pathlib import Path

import pandas as pd

from renet.common.imdb_wiki import CLASSES
from renet.pages import formats, templates
from renet.pages.templates import PageTable


def write(
    path: Path, labels: pd.DataFrame, shown: pd.DataFrame, folds: int, sources: list[str]
) -> None:
    """Write the page of the label audit.

    Args:
        labels: labels.csv.
        shown: its first rows with `x` and `y`, the position of each face in suspects.jpg.
        folds: number of folds.
        sources: of the faces.
    """
    templates.write(
        "audit.html.j2",
        path,
        title="Label audit",
        data={"sources": sources},
        labels=len(labels),
        suspects=int(labels.suspect.sum()),
        folds=folds,
        by_class=_table_by_class(labels),
        faces=[_face(row) for row in shown.to_dict("records")],
    )


def _table_by_class(labels: pd.DataFrame) -> PageTable:
    rows = [
        [
            CLASSES[target],
            f"{len(of_class):,}",
            f"{of_class.suspect.sum():,}",
            formats.percentage(of_class.suspect.mean()),
        ]
        for target, of_class in labels.groupby("target")
    ]
    return PageTable("Suspect labels by class", ["label", "faces", "suspect", "percentage"], rows)


def _face(row: dict) -> dict:
    """A face as the template shows it."""
    predicted = int(row["p_male"] > row["p_female"])
    others = int(row["person_photos"]) - 1
    disagreement = ""
    if others:
        count = round(row["person_disagreement"] * others)
        disagreement = f"{count} of {others} other photos of the person have the other label"
    return {
        "id": row["id"],
        "x": row["x"],
        "y": row["y"],
        "label": CLASSES[row["target"]],
        "predicted": CLASSES[predicted],
        "confidence": formats.percentage(max(row["p_female"], row["p_male"])),
        "disagreement": disagreement,
    }
