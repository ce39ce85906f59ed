"""Lineage of one face: its rows in the tables of the workflow, and its bytes in the archive."""

import dataclasses
import logging
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from renet.archives import receipts, tar_index
from renet.common import files
from renet.common.errors import InputError
from renet.common.table import Table
from renet.dataset.tables import SPLIT
from renet.faces.photo_index import PHOTOS
from renet.metadata.row_filter import METADATA


@dataclasses.dataclass(frozen=True)
class Lineage:
    """Origin of one face."""

    index: int  # position of the face in the HDF5 file
    sample: dict  # its row of the table beside the HDF5 file
    metadata: dict  # its row of metadata.csv
    photo: dict  # its row of photos.csv
    archive: Path  # tar of the photo; may be relative to the folder where the workflow ran
    data: bytes | None  # the bytes of the photo; None if the archive is gone


def trace(
    index: int, sample: dict, tables: Iterable[Path], receipt_files: Iterable[Path]
) -> Lineage:
    """Follow a face, which `find_sample` returned, back to its archive.

    `tables` are archives.json, metadata.csv and photos.csv of all sources. The tables and the
    receipts of a source are in folders with the name of the source.
    """
    source = sample["source"]
    of_source = {path.name: path for path in tables if path.parent.name == source}
    photo = find_row(PHOTOS, of_source["photos.csv"], "row", sample["row"])
    receipt_file = [path for path in receipt_files if path.parent.name == source][photo["file"]]
    indexed = files.read_json(of_source["archives.json"])[photo["file"]]
    return Lineage(
        index=index,
        sample=sample,
        metadata=find_row(METADATA, of_source["metadata.csv"], "row", sample["row"]),
        photo=photo,
        archive=Path(files.read_json(receipt_file)["path"]),
        data=read_photo(receipt_file, indexed, photo),
    )


def find_sample(table: Path, face: str | None) -> tuple[int, dict]:
    """Return the position of a face in an HDF5 file, and the face's row of the file's table.

    `face` is an id, or the path or file name of a photo; None selects the first face. An InputError
    is raised if the table has no face with this id, path or file name, or several faces.
    """
    samples = SPLIT.read(table)
    found = samples[:1] if face is None else _named(samples, face)
    if len(found) == 1:
        return int(found.index[0]), as_dict(found.iloc[0])
    if len(found):
        ids = ", ".join(found.id)
        raise InputError(
            f"{table} has {len(found)} faces named {face}; set `walkthrough.photo` to an id: {ids}."
        )
    raise InputError(
        f"{table} has no face with the id or photo {face}; set `walkthrough.photo` to the id of a "
        f"test face, such as {samples.id[0]}."
    )


def _named(samples: pd.DataFrame, name: str | None) -> pd.DataFrame:
    """Return the faces with this id; if there are none, with this path, or else this file name."""
    for names in (samples.id, samples.path, samples.path.str.rpartition("/")[2]):
        if (names == name).any():
            return samples[names == name]
    return samples[:0]


def find_row(table: Table, path: Path, column: str, value: object) -> dict:
    """Return the first row of a table's file in which a column has this value."""
    for chunk in table.read_chunks(path):
        found = chunk[chunk[column] == value]
        if len(found):
            return as_dict(found.iloc[0])
    raise InputError(
        f"{path} has no row with {column} = {value}, so that it does not match the other tables of "
        "the results; delete the file and run the workflow again."
    )


def as_dict(row: pd.Series) -> dict:
    """Return a row of a table as a dict of plain values, with None for a missing value."""
    row = row.astype(object)
    return row.where(row.notna(), None).to_dict()


def read_photo(receipt_file: Path, indexed: dict, photo: dict) -> bytes | None:
    """Read a photo's bytes from its archive; if it is gone, log a warning and return None."""
    try:
        tar_path = receipts.read_indexed(receipt_file, indexed)
    except receipts.ArchiveIsGone as error:  # an archive may be deleted once its faces are cropped
        logging.warning("%s The page does not show the photo before cropping.", error)
        return None
    with tar_path.open("rb") as tar:
        return tar_index.read_member(tar, photo["offset"], photo["size"])
