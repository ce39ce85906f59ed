"""Write the page of the label audit, audit/index.html."""

from pathlib import Path

import pandas as pd

from renet.audit import ranking
from renet.common.imdb_wiki import CLASSES
from renet.metadata import subjects
from renet.pages import filters, templates
from renet.pages.galleries import Grid

MAX_SUSPECTS = 200  # on the page
GRID = Grid(columns=8, side=112)


def write(path: Path, ranked: pd.DataFrame, listed: pd.DataFrame, **context: object) -> None:
    """Write the page.

    Args:
        ranked: all labels (`LABELS`), with `reviewed`: whether a person has seen the label.
        listed: the suspects on the page, with `x` and `y` of their tiles.
        context: further variables of the template.
    """
    templates.write(
        "audit.html.j2",
        path,
        title="Label audit",
        classes=CLASSES,
        ranked=ranked,
        suspects=ranked[ranked.suspect == 1],
        people=subjects.counts(ranked.subject),
        faces=filters.faces(listed.assign(note=ranking.proposals(listed).note)),
        **context,
    )
