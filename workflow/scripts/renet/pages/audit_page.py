"""The page of the label audit, audit/index.html."""

from pathlib import Path

import pandas as pd

from renet.common.imdb_wiki import CLASSES
from renet.pages import formats, phrases, templates
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
        faces=phrases.faces(shown),
    )


def _table_by_class(labels: pd.DataFrame) -> PageTable:
    rows = [
        [CLASSES[target], f"{len(suspect):,}", f"{suspect.sum():,}",
         formats.percentage(suspect.mean())]
        for target, suspect in labels.groupby("target").suspect
    ]  # fmt: skip
    return PageTable("Suspect labels by class", ["label", "faces", "suspect", "percentage"], rows)
