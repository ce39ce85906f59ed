"""Rows of sources: the metadata joined with the tables of the shards."""

import logging
from pathlib import Path

import pandas as pd

from renet.common.drop_reasons import NEAR_DUPLICATES, CropReason, FaceReason, RowReason
from renet.common.errors import InputError
from renet.common.imdb_wiki import CLASSES, SUBSETS
from renet.dataset.corrections import Outcome
from renet.faces import shards
from renet.faces.shards import SHARD
from renet.metadata import row_filter
from renet.metadata.row_filter import METADATA

NAMED = 3  # unreadable photos
SAMPLE_NAMES = {"photo_taken": "year", "width": "crop_width", "height": "crop_height"}


def read(metadata: list[Path], tables: list[Path]) -> pd.DataFrame:
    """Return all rows of some sources, with their drop reasons and their shards' columns."""
    parts = []
    for path in tables:
        source, number = shards.source_and_number(path)
        parts.append(SHARD.read(path).assign(source=source, shard=number))
    cropped = pd.concat(parts)
    rows = pd.concat([_read_source(path, cropped) for path in metadata], ignore_index=True)
    if len(unreadable := rows.path[rows.reason == CropReason.UNREADABLE]):
        first = ", ".join(unreadable[:NAMED])
        logging.warning("%d photos are unreadable. The first are %s.", len(unreadable), first)
    return rows


def faces(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that have a face, with columns named as in split.csv."""
    kept = rows[rows.reason == ""].rename(columns=SAMPLE_NAMES)
    return kept.assign(target=kept.gender.astype(int))


def _read_source(metadata_file: Path, cropped: pd.DataFrame) -> pd.DataFrame:
    """Return all rows of a source, with their drop reasons and their shards' columns."""
    rows = METADATA.read(metadata_file).set_index("row")
    if rows.empty:
        raise InputError(f"{metadata_file} has no row; delete it and run the workflow again.")
    cropped = cropped[cropped.source == rows.source.iloc[0]].set_index("row")
    kept = rows.index[rows.reason == ""]
    if not cropped.index.sort_values().equals(kept):
        raise InputError(
            f"{metadata_file} ({len(kept)} kept rows) and its shards ({len(cropped)} rows) differ: "
            "a shard is missing or repeated, or a table was cut off. Delete this file and "
            "the folder `faces` beside it, and run the workflow again."
        )
    rows.loc[cropped.index, "reason"] = cropped.reason
    rows = rows.join(cropped.drop(columns=["status", "reason", "source"])).reset_index()
    return rows.assign(table=str(metadata_file))


def refuse_contradictions(samples: pd.DataFrame, own: set[str]) -> None:
    """Refuse own photos with equal pixels and two labels; log such photos of other sources."""
    labels = samples.groupby("digest").target.transform("nunique")
    found = samples[labels > 1].sort_values(["digest", "source", "row"])
    groups = found.digest.nunique()
    mine = found[found.source.isin(own)]
    if mine.empty:
        if groups:
            logging.warning(
                "%d photos are in the data twice, with different labels; one is %s. Unless the set "
                "is external, correct the wrong label in the file of `corrections`.",
                groups, found.id.iloc[0],
            )  # fmt: skip
        return
    row = mine.iloc[0]
    other = found[(found.digest == row.digest) & (found.target != row.target)].iloc[0]
    raise InputError(
        f"{row.table}, line {row.row + 2}: {row.path} is labelled {CLASSES[row.target]}, but "
        f"{other.path} (line {other.row + 2} of {other.table}) has the same pixels and is labelled "
        f"{CLASSES[other.target]} ({groups} such photos); correct the table of the photos, or, "
        f"unless the set is external, name {row.id} or {other.id} in `corrections`."
    )


def funnel(all_rows: pd.DataFrame, samples: pd.DataFrame, applied: pd.DataFrame) -> pd.DataFrame:
    """Return the table `FUNNEL` of all sources, down to the faces in each subset."""
    dropped = all_rows.id.isin(applied.id[applied.outcome == Outcome.DROPPED])
    dropped &= all_rows.reason == ""  # not an earlier line of the same face
    reason = all_rows.reason.mask(dropped, FaceReason.DROPPED_BY_CORRECTION)
    is_changed = (reason == "") & all_rows.id.isin(applied.id[applied.outcome == Outcome.CORRECTED])
    steps = [*RowReason, *CropReason, *FaceReason]
    parts = []
    for source, part in all_rows.assign(reason=reason).groupby("source", sort=False):
        faces = samples[samples.source == source]
        remaining = row_filter.funnel(part.reason, steps).assign(changed=0)
        after = [
            (NEAR_DUPLICATES, 0, len(faces), int(faces.has_copy.sum())),
            (Outcome.CORRECTED, 0, len(faces), int(is_changed[part.index].sum())),
        ]
        after += [(name, 0, int((faces.subset == name).sum()), 0) for name in SUBSETS]
        further = pd.DataFrame(after, columns=remaining.columns)
        parts.append(pd.concat([remaining, further]).assign(source=source))
    return pd.concat(parts)
