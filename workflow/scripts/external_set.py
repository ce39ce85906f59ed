"""Choose the faces of an external test set, in a random order; no pixel is read.

Reads: metadata.csv of the source, the tables of its shards, and split.csv.
Writes: split.csv of the set, one row for each face in the order of its HDF5 file
(`renet.dataset.tables.SPLIT`), and the set's funnel.
Decides: a face is dropped if the training or the validation set has its subject, its photo or a
near-duplicate of the photo.
"""

import logging
from pathlib import Path

import pandas as pd

from renet.common import script
from renet.common.drop_reasons import CropReason, ExternalReason, RowReason
from renet.dataset import external, rows
from renet.dataset.tables import FUNNEL, SPLIT
from renet.metadata import row_filter


def external_set(
    metadata: Path,
    tables: list[Path],
    known: Path,
    split: Path,
    funnel: Path,
    own: bool,  # whether the labels are the user's, whose contradictions are errors
    near_duplicates: bool,
    seed: int,
) -> None:
    seen = SPLIT.read(known, ("subset", "subject", "digest", "phash", "photo_digest"))
    all_rows = external.drop_known(rows.read([metadata], tables), seen, near=near_duplicates)
    samples = external.shuffle(rows.faces(all_rows), seed)
    name = samples.source.iloc[0]
    rows.refuse_contradictions(samples, {name} if own else set())
    steps = row_filter.funnel(all_rows.reason, [*RowReason, *CropReason, *ExternalReason])
    last = pd.DataFrame([(name, 0, len(samples))], columns=steps.columns)
    SPLIT.write(split, samples)
    FUNNEL.write(funnel, pd.concat([steps, last]).assign(source=name, changed=0))
    logging.info("%d faces of %d people", len(samples), samples.subject.nunique())


if __name__ == "__main__":
    script.run(external_set)
