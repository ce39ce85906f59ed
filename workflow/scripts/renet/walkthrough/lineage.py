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
    archive: Path  # tar of its photo; may be relative to the folder where the workflow ran
    data: bytes | None  # the bytes of the photo; None if the archive is gone


def trace(
    index: int, sample: dict, tables: Iterable[Path], receipt_files: Iterable[Path]
) -> Lineage:
    """Follow a face, as from `find_sample`, back to its archive.

    Args:
        tables: archives.json, metadata.csv and photos.csv of all sources, each in the folder of its
            source, as are the receipts.
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
    """Position of a face in its HDF5 file, and its row of the table of that file.

    `face` is its id, or the path or the name of a photo of one face; None is the first face.

    Raises:
        InputError: the table has no row of this name, or several.
    """
    samples = SPLIT.read(table)
    found = samples[:1] if face is None else _named(samples, face)
    if len(found) == 1:
        return int(found.index[0]), as_dict(found.iloc[0])
    if len(found):
        ids = ", ".join(found.id)
        raise InputError(f"{table} has {len(found)} faces named {face}; give the id of one: {ids}.")
    raise InputError(
        f"{table} has no face with the id {face}; give one of a test face, such as {samples.id[0]}."
    )


def _named(samples: pd.DataFrame, name: str | None) -> pd.DataFrame:
    """Faces with this id, or else this path, or else this file name."""
    for names in (samples.id, samples.path, samples.path.str.rpartition("/")[2]):
        if (names == name).any():
            return samples[names == name]
    return samples[:0]


def find_row(table: Table, path: Path, column: str, value: object) -> dict:
    """The first row of a table in which a column has this value."""
    for chunk in table.read_chunks(path):
        found = chunk[chunk[column] == value]
        if len(found):
            return as_dict(found.iloc[0])
    raise InputError(
        f"{path} has no row with {column} = {value}: the tables come from different runs of the "
        "workflow; run it again."
    )


def as_dict(row: pd.Series) -> dict:
    """A row of a table as plain values, None where one is missing."""
    row = row.astype(object)
    return row.where(row.notna(), None).to_dict()


def read_photo(receipt_file: Path, indexed: dict, photo: dict) -> bytes | None:
    """The bytes of a photo in its archive; None, with a warning, if the archive is gone."""
    try:
        tar_path = receipts.read_indexed(receipt_file, indexed)
    except receipts.ArchiveIsGone as error:  # it may be freed once its faces are cropped
        logging.warning("%s The photo itself is not shown.", error)
        return None
    with tar_path.open("rb") as tar:
        return tar_index.read_member(tar, photo["offset"], photo["size"])
