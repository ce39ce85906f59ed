"""Assign each face to a subset, in a random order; no pixel is read.

Reads: metadata.csv of each source and the tables of its shards.
Writes: split.csv, one row for each face, subset after subset and in the order of the HDF5 files
(columns: `renet.dataset.tables.SPLIT`); and the funnel of every source, from the rows of its .mat
file to its faces in each subset.
Decides: subset and order, from a random seed. Photos of one person stay in one subset (`by:
subject`), and so do photos with the same pixels; each subset has the same fraction of each class as
far as that allows.
"""

import logging
from collections import defaultdict
from pathlib import Path
from typing import Literal

import pandas as pd

from renet.common import script
from renet.common.drop_reasons import CropReason, RowReason
from renet.common.errors import InputError
from renet.dataset import splits
from renet.dataset.tables import FUNNEL, SPLIT
from renet.faces import shards
from renet.faces.shards import SHARD
from renet.metadata import row_filter
from renet.metadata.tables import METADATA

METADATA_COLUMNS = [
    "row", "path", "source", "subject", "gender", "age", "photo_taken", "face_score", "reason",
]  # fmt: skip
SAMPLE_NAMES = {"photo_taken": "year", "width": "crop_width", "height": "crop_height"}


def shuffle(
    *,
    metadata: list[Path],
    tables: list[Path],
    split: script.Output,
    funnel: Path,
    validation: float = 0.1,
    test: float = 0.1,
    by: Literal["subject", "image"] = "subject",
    seed: int = 42,
) -> None:
    """Assign each face to a subset, in a random order.

    Args:
        metadata: metadata.csv of each source.
        tables: tables of all shards of these sources, `<source>/faces/<number>-of-<count>.csv`.
        split: table to write, one row for each face.
        funnel: table to write, the rows that each step drops.
        validation: fraction of the faces for validation.
        test: fraction of the faces for the test.
        by: what stays in one subset, all photos of a person or copies of an image.
        seed: of the random order.
    """
    tables_of_source = defaultdict(list)
    for path in tables:
        source, number = shards.source_and_number(path)
        tables_of_source[source].append(SHARD.read(path).assign(shard=number))
    rows = pd.concat([read_source(path, tables_of_source) for path in metadata], ignore_index=True)
    kept = rows[rows.reason == ""].rename(columns=SAMPLE_NAMES)
    kept = kept.assign(id=kept.source + ":" + kept.row.astype(str), target=kept.gender.astype(int))
    samples = splits.split(kept, validation=validation, test=test, by=by, seed=seed)
    SPLIT.write(split, samples)
    FUNNEL.write(funnel, count_steps(rows, samples))
    counts = samples.groupby(["subset", "target"], sort=False).size().unstack(fill_value=0)
    counts["people"] = samples.groupby("subset").subject.nunique()
    logging.info("Faces by subset and class (0 female, 1 male):\n%s", counts.to_string())
    sizes = [f"{(samples.subset == name).sum()} {name}" for name in splits.SUBSETS]
    logging.info("%d faces: %s", len(samples), ", ".join(sizes))


def read_source(metadata_file: Path, tables: dict[str, list[pd.DataFrame]]) -> pd.DataFrame:
    """Every row of a source with its final reason and the columns of its shard's table."""
    rows = METADATA.read(metadata_file, METADATA_COLUMNS).set_index("row")
    source = rows.source.iloc[0]
    if source not in tables:
        raise InputError(
            f"{metadata_file} is of the source {source}, and no table of its shards was given, "
            f"{source}/faces/<number>-of-<count>.csv."
        )
    cropped = pd.concat(tables[source]).set_index("row")
    uncropped = rows.index[rows.reason == ""].difference(cropped.index)
    if len(uncropped):
        raise InputError(
            f"{metadata_file} keeps {len(uncropped)} rows that none of its shards has; run "
            "crop_faces again for all of them."
        )
    if cropped.index.has_duplicates:
        raise InputError(f"Two shards of the source {source} have the same rows; give each once.")
    rows.loc[cropped.index, "reason"] = cropped.reason
    return rows.join(cropped.drop(columns=["status", "reason"])).reset_index()


def count_steps(rows: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
    """The funnel of each source, down to its faces in each subset."""
    steps = [*RowReason, *CropReason]
    parts = [
        row_filter.funnel(part.reason, steps).assign(source=source)
        for source, part in rows.groupby("source", sort=False)
    ]
    sizes = samples.groupby(["source", "subset"]).size()
    subsets = [
        (source, name, 0, sizes.get((source, name), 0))
        for source in samples.source.unique()
        for name in splits.SUBSETS
    ]
    return pd.concat([*parts, FUNNEL.frame(subsets)])


if __name__ == "__main__":
    script.run(shuffle)
