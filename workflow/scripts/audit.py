"""Rank the labels by how likely they are to be wrong, and show the suspects to a person.

Reads: the out-of-fold predictions of all folds; train, validation and test HDF5 files with the
tables beside them; the outcomes of earlier corrections; and the corrections.
Writes: labels.csv (columns: `renet.audit.ranking.LABELS`), sorted from the lowest label quality;
suspects.csv, the predicted classes of the suspects that no person has corrected or confirmed, in
the format of the config's `corrections`; summary.json, with the skill of the networks
(`renet.audit.ranking.skill`), the numbers of labels that a person corrected, confirmed and dropped,
and the number to review (0 unless the skill is significant); index.html, the page of the audit; and
suspects.jpg, the faces of the page, with tiles as in `GRID`.
Decides: nothing; no label is changed.
"""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from renet.audit import ranking
from renet.audit.ranking import LABELS, PROPOSALS
from renet.common import files, script
from renet.common.imdb_wiki import CLASSES
from renet.dataset import hdf5
from renet.dataset.corrections import APPLIED, Outcome, as_written
from renet.dataset.tables import CORRECTED, SPLIT
from renet.evaluation import inference_table
from renet.evaluation.inference_table import SAMPLE
from renet.metadata import subjects
from renet.pages import filters, templates
from renet.pages.galleries import Grid

MAX_SUSPECTS = 200  # on the page
GRID = Grid(columns=8, side=112)


def audit(
    predictions: list[Path],
    faces: list[Path],
    tables: list[Path],
    labels: Path,
    proposals: Path,
    picture: Path,
    summary: Path,
    page: Path,
    corrected: Path,
    data: dict,
    corrections: Path | None,
    origin: str,  # the config's files and options
    has_initial_weights: bool,  # whose training may have included these faces
) -> None:
    stored = [hdf5.read(path) for path in faces]
    for file, table in zip(stored, tables, strict=True):
        hdf5.check_table(file, table)
    columns = [*SAMPLE, "photo_digest"]
    samples = pd.concat((SPLIT.read(path, columns) for path in tables), ignore_index=True)
    ranked = ranking.rank(samples, inference_table.out_of_fold(samples, predictions))
    LABELS.write(labels, ranked, float_format="%.6g")
    outcomes = CORRECTED.read(corrected).set_index("id").outcome
    is_seen = outcomes.isin([Outcome.CORRECTED, Outcome.CONFIRMED])  # by a person
    ranked = ranked.assign(reviewed=ranked.id.isin(outcomes.index[is_seen]))
    suspects = ranked[ranked.suspect == 1]
    skill = ranking.skill(ranked)
    counts = {kind.value: int((outcomes == kind).sum()) for kind in APPLIED}
    to_review = suspects[~suspects.reviewed]
    PROPOSALS.write(proposals, ranking.proposals(to_review))
    count = len(to_review) if skill["above"] else 0
    files.write_json(summary, {**skill, "reviewed": counts, "to_review": count})
    listed = GRID.placed(suspects.head(MAX_SUSPECTS))
    pixels = hdf5.select(stored, listed.index.to_numpy()).pixels
    GRID.write_faces(picture, pixels.take(np.arange(len(pixels))))
    templates.write(
        "audit.html.j2", page, title="Label audit", classes=CLASSES, ranked=ranked,
        suspects=suspects, people=subjects.counts(ranked.subject),
        faces=filters.faces(listed.assign(note=ranking.proposals(listed).note)),
        skill=skill, folds=len(predictions), data=data | {"origin": origin},
        corrections=as_written(corrections), labels_digest=files.file_digest(labels),
        reviewed=counts, has_initial_weights=has_initial_weights,
    )  # fmt: skip
    logging.info(
        "%d of %d labels are suspect. The networks agree with %.1f%% of the labels; always "
        "predicting %s agrees with %.1f%%.",
        len(suspects), len(ranked),
        100 * skill["accuracy"], skill["majority"], 100 * skill["baseline"],
    )  # fmt: skip
    if not skill["above"]:
        logging.warning(
            "The difference is not significant, so that the suspects are no evidence of wrong "
            "labels. Train the run `audit.run` for more epochs, or add photos, before a review."
        )


if __name__ == "__main__":
    script.run(audit)
