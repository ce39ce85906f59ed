"""List every row of a source's .mat file, or table, as kept or dropped for one reason.

Reads: the index of the source's archives and `<database>.mat` in one of them, or for the database
`table` a CSV of the user's own photos. Published tables, or the names of the files, give labels in
place of either one's. By hand it also reads a .mat file on the disk, with or without an index.
Writes: metadata.csv, every row in .mat order (`renet.metadata.row_filter.METADATA`); photos.csv,
where the photos of the kept rows lie in the archives (`renet.faces.photo_index.PHOTOS`).
Decides: the reason of a dropped row, the first of `renet.common.drop_reasons.RowReason` that
applies; without an index, no file is missing. Gender is 0 for female, 1 for male.
"""

import logging
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from cyclopts import Parameter

from renet.archives.tar_index import MEMBERS
from renet.common import command_line, files
from renet.common.drop_reasons import KEPT, RowReason
from renet.common.errors import InputError
from renet.common.imdb_wiki import TABLE
from renet.config.filter import RowFilter
from renet.faces import photo_index
from renet.faces.photo_index import PHOTOS
from renet.metadata import mat_file, own_photos, row_filter
from renet.metadata.own_photos import Labels
from renet.metadata.row_filter import METADATA


def parse_metadata(
    rows: Path | None = None,
    *,
    database: Literal["wiki", "imdb", "table"],
    metadata: command_line.Output,
    members: Path | None = None,
    receipt_files: list[Path] | None = None,
    source: str | None = None,
    whole: bool = False,
    subjects: Literal["shared", "own"] = "shared",
    filter: Annotated[RowFilter, Parameter(parse=False)] = RowFilter(),
    tables: list[Path] = (),
    labels: Labels | None = None,
    lists: list[Path] = (),
    subsets: list[str] = (),
    slices: list[str] = (),
    photos: Path | None = None,
) -> None:
    """List each row of a .mat file or of a CSV as kept, or as dropped for one reason.

    Args:
        rows: wiki.mat, imdb.mat or a CSV of your photos (default: the .mat file in the archives).
        database: wiki or imdb, the name of the .mat file; table, your own photos.
        metadata: metadata.csv to write.
        members: members.csv of the archives, of the rule index_archive.
        receipt_files: receipts of the archives that contain the .mat file.
        source: name of the source (default: the database).
        whole: whether faces are cropped by a box, so that each face needs one.
        subjects: own: equal names in other sources are other people; shared: they are one person.
        filter: limits of the rows that are kept.
        tables: tables and lists of published labels, in place of `rows`.
        labels: columns of the tables.
        lists: published lists of the photos of a subset.
        subsets: subset of each of the `lists`, in their order.
        slices: columns of the tables that the evaluation reads.
        photos: photos.csv to write, with the positions of the kept photos; needs `members`.
    """
    files.check_distinct([metadata, photos], [rows, members, *tables, *lists])
    source = source or database
    if photos and not members:
        raise InputError("`photos` needs `members`, the index of the archives; give both or none.")
    index = MEMBERS.read(members) if members else None
    labels = labels or Labels()
    labels = replace(
        labels,
        required=[*labels.required, *(name for name in slices if name not in labels.groups)],
    )
    is_table = database == TABLE
    label_files = tables or ([rows] if rows and is_table else [])
    named = () if index is None else photo_index.photos(index)
    has_labels, folder = bool(label_files or labels.pattern), PurePosixPath()
    if not is_table:
        folder, in_file = mat_file.read_with_folder(rows, database, members, receipt_files)
        described = mat_file.describe(in_file, source, database)
    elif not has_labels:
        raise InputError("`rows` names no table of photos; give one, or another `database`.")
    if has_labels:
        has_several = whole and is_table  # a row of a .mat file is the only face of its photo
        labelled = own_photos.read(label_files, labels, whole=has_several, photos=named)
        labelled = own_photos.describe(labelled, source, whole=has_several)
        described = labelled if is_table else own_photos.replace(described, labelled, labels)
    by_table = is_table or (has_labels and "x1" in labels.columns)
    dropped = row_filter.dropped(described, filter, whole=whole, by_table=by_table)
    described["subset"] = own_photos.subsets(described, lists, subsets, labels)
    if subjects == "own":
        described["subject"] = f"{source}:" + described.subject
    if index is not None:
        positions = photo_index.positions(described.path, index, folder)
        dropped[RowReason.MISSING_FILE] = positions < 0
        if is_table:
            photo_index.log_differences(described, index, positions, source)
    table = row_filter.metadata_table(described, dropped)
    METADATA.write(metadata, table)
    if photos:
        PHOTOS.write(photos, photo_index.locate(table, index, positions))
    steps = row_filter.funnel(table.reason, RowReason)
    logging.info("Rows, and what remains after each reason:\n%s", steps.to_string())
    count = table.gender[table.status == KEPT].value_counts()
    logging.info("%d kept = %d male + %d female", count.sum(), count.get(1, 0), count.get(0, 0))


if __name__ == "__main__":
    command_line.run(parse_metadata)
