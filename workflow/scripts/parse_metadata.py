"""List every row of a source's .mat file or table as kept, or as dropped for one reason.

Reads: the index of the source's archives; and `<database>.mat` in one of the archives or, with
`database: table`, a CSV of own photos. Published tables or file names can replace the labels.
Writes: metadata.csv, every row in .mat order (`renet.metadata.row_filter.METADATA`); photos.csv,
the positions of the kept rows' photos in the archives (`renet.faces.photo_index.PHOTOS`).
Decides: the reason of a dropped row, the first of `renet.common.drop_reasons.RowReason` that
applies. Gender is 0 for female, 1 for male.
"""

import logging
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Literal

from renet.archives.tar_index import MEMBERS
from renet.common import script
from renet.common.drop_reasons import KEPT, RowReason
from renet.common.imdb_wiki import TABLE
from renet.config.filter import RowFilter
from renet.faces import photo_index
from renet.faces.photo_index import PHOTOS
from renet.metadata import mat_file, own_photos, row_filter
from renet.metadata.own_photos import Labels
from renet.metadata.row_filter import METADATA


def parse_metadata(
    tables: list[Path],
    lists: list[Path],
    members: Path,
    receipt_files: list[Path],
    metadata: Path,
    photos: Path,
    source: str,
    database: str,
    whole: bool,  # whether faces are cropped by a box, so that each face needs one
    subjects: Literal["shared", "own"],
    filter: RowFilter,
    labels: Labels | None,
    subsets: list[str],  # subset of each file in `lists`
    slices: list[str],
) -> None:
    index = MEMBERS.read(members)
    labels = labels or Labels()
    of_tables = [name for name in slices if name not in labels.groups]
    labels = replace(labels, required=[*labels.required, *of_tables])
    is_table = database == TABLE
    folder = PurePosixPath()
    if not is_table:
        folder, in_file = mat_file.read_from_archives(database, members, receipt_files)
        described = mat_file.describe(in_file, source, database)
    has_labels = bool(tables or labels.pattern)
    if has_labels:
        has_several = whole and is_table  # in a .mat file, a photo has one row alone
        named = photo_index.photos(index)
        labelled = own_photos.read(tables, labels, whole=has_several, photos=named)
        labelled = own_photos.describe(labelled, source, whole=has_several)
        described = labelled if is_table else own_photos.replace(described, labelled, labels)
    by_table = is_table or (has_labels and "x1" in labels.columns)
    dropped = row_filter.dropped(described, filter, whole=whole, by_table=by_table)
    described["subset"] = own_photos.subsets(described, lists, subsets, labels)
    if subjects == "own":
        described["subject"] = f"{source}:" + described.subject
    positions = photo_index.positions(described.path, index, folder)
    dropped[RowReason.MISSING_FILE] = positions < 0
    if is_table:
        photo_index.log_differences(described, index, positions, source)
    table = row_filter.metadata_table(described, dropped)
    METADATA.write(metadata, table)
    PHOTOS.write(photos, photo_index.locate(table, index, positions))
    steps = row_filter.funnel(table.reason, RowReason)
    logging.info("Rows, and what remains after each reason:\n%s", steps.to_string())
    count = table.gender[table.status == KEPT].value_counts()
    said = f"{count.sum()} kept = {count.get(1, 0)} male + {count.get(0, 0)} female"
    reasons = table.reason[table.reason != ""].value_counts()
    named = ", ".join(f"{number} {reason}" for reason, number in reasons.items())
    logging.info("%s%s", said, f", {reasons.sum()} dropped ({named})" if named else "")


if __name__ == "__main__":
    script.run(parse_metadata)
