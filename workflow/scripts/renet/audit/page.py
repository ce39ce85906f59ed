"""The page of the label audit, audit/index.html."""

from pathlib import Path

import pandas as pd

from renet.common.imdb_wiki import CLASSES
from renet.metadata import subjects
from renet.pages import filters, templates
from renet.pages.galleries import Grid
from renet.pages.templates import PageTable

SUSPECTS_SHOWN, OTHERS_SHOWN = 200, 24  # faces
GRID = Grid(columns=8, side=112)


def pictured(ranked: pd.DataFrame) -> pd.DataFrame:
    """The labels whose faces the page shows, the suspects first, with `x` and `y` of their tiles.

    Args:
        ranked: all labels (`LABELS`), with `reviewed`: whether a person has seen the label.
    """
    suspects = ranked[ranked.suspect == 1].head(SUSPECTS_SHOWN)
    others = ranked[(ranked.suspect == 0) & ~ranked.reviewed].head(OTHERS_SHOWN)
    return GRID.placed(pd.concat([suspects, others]))


def write(path: Path, ranked: pd.DataFrame, faces: pd.DataFrame, **context: object) -> None:
    """Write the page of the ranked labels and the faces from `pictured`.

    Args:
        context: further variables of the template.
    """
    suspects = ranked[ranked.suspect == 1]
    rows = [
        [CLASSES[label], f"{len(one):,}", f"{one.sum():,}", filters.percentage(one.mean())]
        for label, one in ranked.groupby("target").suspect
    ]
    headings = ["label", "faces", "suspect", "percentage"]
    templates.write(
        "audit.html.j2",
        path,
        title="Label audit",
        script="sort.js",  # named here, so that the digest of the code has it
        labels=len(ranked),
        people=subjects.counts(ranked.subject),
        suspects=len(suspects),
        suspects_of_test=int((suspects.subset == "test").sum()),
        any_reviewed=bool(suspects.reviewed.any()),
        by_class=PageTable("Suspect labels by class", headings, rows),
        suspect_faces=filters.faces(faces[faces.suspect == 1]),
        other_faces=filters.faces(faces[faces.suspect == 0]),
        **context,
    )
