"""Rank the labels by how likely they are to be wrong, and show the faces of the first ones.

Reads: the out-of-fold predictions of all folds, and train, validation and test HDF5 files with the
tables beside them.
Writes: labels.csv (columns: `renet.evaluation.tables.LABELS`), the lowest label quality first;
suspects.jpg, the faces of its first `SHOWN` rows in the same order, with tiles as in `GRID`;
index.html, the page of the audit, which shows suspects.jpg.
Decides: nothing; no label is changed.
"""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from renet.common import script
from renet.common.errors import InputError
from renet.common.imdb_wiki import CLASSES
from renet.dataset import hdf5, selections
from renet.dataset.tables import SPLIT
from renet.evaluation import label_audit
from renet.evaluation.tables import FOLD, LABELS, PROBABILITIES, SAMPLE
from renet.pages import galleries, phrases, templates
from renet.pages.templates import PageTable

SHOWN = 48  # faces
GRID = galleries.Grid(columns=8, side=112)


def audit(
    predictions: list[Path],
    *,
    faces: list[Path],
    tables: list[Path],
    labels: script.Output,
    picture: Path | None = None,
    page: Path | None = None,
    sources: list[str] = (),
) -> None:
    """Rank the labels.

    Args:
        predictions: out-of-fold predictions, one table a fold, as audit_fold.py writes them.
        faces: the HDF5 files.
        tables: the CSV tables beside them.
        labels: labels.csv to write.
        picture: suspects.jpg to write.
        page: page to write, beside suspects.jpg.
        sources: of the faces.
    """
    ranked = label_audit.rank(*read_predictions(predictions, tables))
    LABELS.write(labels, ranked, float_format="%.6g")
    shown = ranked.head(SHOWN)
    if picture:
        stored = [hdf5.read(path) for path in faces]
        pixels = selections.select(stored, shown.index.to_numpy()).pixels
        GRID.write_faces(picture, pixels.take(np.arange(len(pixels))))
    if page:
        x, y = GRID.position(np.arange(len(shown)))
        templates.write(
            "audit.html.j2",
            page,
            title="Label audit",
            data={"sources": sources},
            labels=len(ranked),
            suspects=int(ranked.suspect.sum()),
            folds=len(predictions),
            by_class=table_by_class(ranked),
            faces=phrases.faces(shown.assign(x=x, y=y)),
        )
    suspects = ranked.target[ranked.suspect == 1]
    logging.info(
        "%d of %d labels are suspect: %d female, %d male",
        len(suspects), len(ranked), (suspects == 0).sum(), (suspects == 1).sum(),
    )  # fmt: skip


def read_predictions(
    predictions: list[Path], tables: list[Path]
) -> tuple[pd.DataFrame, np.ndarray]:
    """All samples in the order of the tables, and their probabilities (samples, 2).

    Raises:
        InputError: the predictions are not of these samples.
    """
    samples = pd.concat((SPLIT.read(path, SAMPLE) for path in tables), ignore_index=True)
    predicted = pd.concat(map(FOLD.read, predictions)).set_index("id")
    if set(predicted.index) != set(samples.id) or len(predicted) != len(samples):
        raise InputError(
            f"The predictions {', '.join(map(str, predictions))} are not of the faces of "
            f"{', '.join(map(str, tables))}: delete them to have them made again."
        )
    return samples, predicted.loc[samples.id, list(PROBABILITIES)].to_numpy()


def table_by_class(labels: pd.DataFrame) -> PageTable:
    """The number of suspect labels of each class."""
    rows = [
        [CLASSES[target], f"{len(suspect):,}", f"{suspect.sum():,}",
         phrases.percentage(suspect.mean())]
        for target, suspect in labels.groupby("target").suspect
    ]  # fmt: skip
    return PageTable("Suspect labels by class", ["label", "faces", "suspect", "percentage"], rows)


if __name__ == "__main__":
    script.run(audit)
