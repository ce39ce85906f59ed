"""The page of the label audit, audit/index.html."""

from pathlib import Path

import pandas as pd

from renet.common.imdb_wiki import CLASSES
from renet.metadata import subjects
from renet.pages import filters, templates
from renet.pages.galleries import Grid

SHOWN = 200  # suspects
GRID = Grid(columns=8, side=112)


def write(path: Path, ranked: pd.DataFrame, shown: pd.DataFrame, **context: object) -> None:
    """Write the page.

    Args:
        ranked: all labels (`LABELS`), with `reviewed`: whether a person has seen the label.
        shown: the suspects whose faces the page shows, with `x` and `y` of their tiles.
        context: further variables of the template.
    """
    templates.write(
        "audit.html.j2",
        path,
        title="Label audit",
        script="sort.js",  # named here, so that the digest of the code has it
        classes=CLASSES,
        ranked=ranked,
        suspects=ranked[ranked.suspect == 1],
        people=subjects.counts(ranked.subject),
        faces=filters.faces(shown),
        **context,
    )
