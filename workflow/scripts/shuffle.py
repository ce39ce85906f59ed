"""Assign each face to a subset, in a random order, and correct labels; no pixel is read.

Reads: metadata.csv of each source, the tables of its shards, corrections, and an earlier split.csv.
Writes: split.csv, one row for each face in the order of the HDF5 files (columns:
`renet.dataset.tables.SPLIT`), with copies of this split and of the previous split beside it; the
funnel of every source; and corrected.csv, the outcome of each correction.
Decides: subset and order, from a random seed. A face keeps its subset of a published or own split,
or else of the earlier split. Corrections change neither subset nor order.
"""

import logging
from pathlib import Path

from renet.common import script
from renet.common.drop_reasons import FaceReason
from renet.common.imdb_wiki import SUBSETS
from renet.config.split import SplitSettings
from renet.dataset import corrections as label_corrections
from renet.dataset import earlier_split, rows, splits
from renet.dataset import near_duplicates as near
from renet.dataset.tables import CORRECTED, FUNNEL, SPLIT

FEW = 30  # faces; with fewer, chance decides what a network learns and what the metrics are


def shuffle(
    metadata: list[Path],
    tables: list[Path],
    split: Path,
    funnel: Path,
    corrections: Path | None,
    corrected: Path,
    own: list[str],  # sources of the user's labels, whose contradictions are errors
    earlier: Path | None,
    settings: SplitSettings,
) -> None:
    all_rows = rows.read(metadata, tables)
    faces = rows.faces(all_rows)
    if len(faces) < FEW or faces.subject.nunique() == 1:
        logging.warning(
            "Too few to train and test a network: %d faces (people: %d). Add photos of other "
            "people, or correct the column `subject`.", len(faces), faces.subject.nunique(),
        )  # fmt: skip
    faces["copies"] = near.groups(faces.phash) if settings.near_duplicates else faces.digest
    fixed = faces.subset
    if earlier:
        fixed = fixed.mask(fixed == "", earlier_split.subsets(faces, earlier))
    samples = splits.split(faces, settings, fixed)
    left_out = faces.index[~faces.id.isin(samples.id)]
    all_rows.loc[left_out, "reason"] = FaceReason.SHARED_PHOTO
    samples["has_copy"] = samples.groupby("copies").digest.transform("nunique") > 1
    samples, applied = label_corrections.correct(samples, all_rows, corrections, own)
    rows.refuse_contradictions(samples, set(own))
    SPLIT.write(split, samples)
    earlier_split.keep(split)
    FUNNEL.write(funnel, rows.funnel(all_rows, samples, applied))
    CORRECTED.write(corrected, applied)
    counts = samples.groupby(["subset", "target"], sort=False).size().unstack(fill_value=0)
    if lacking := [name for name in counts.index if counts.loc[name].gt(0).sum() < 2]:
        logging.warning(
            "Only one gender is in %s: the other one cannot be learnt, or tested. Add photos of "
            "the other gender, or correct the labels.", ", ".join(lacking),
        )  # fmt: skip
    counts["people"] = samples.groupby("subset").subject.nunique()
    logging.info("Faces by subset and class (0 female, 1 male):\n%s", counts.to_string())
    sizes = [f"{(samples.subset == name).sum()} {name}" for name in SUBSETS]
    logging.info("%d faces: %s", len(samples), ", ".join(sizes))


if __name__ == "__main__":
    script.run(shuffle)
