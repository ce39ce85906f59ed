"""The lineage of one face: its rows in the tables of the workflow, and its bytes in the archive."""

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from renet.archives import receipts, tar_index
from renet.archives.tar_index import MEMBERS, Member
from renet.common import files
from renet.common.errors import InputError
from renet.common.imdb_wiki import TABLE
from renet.common.table import Table
from renet.dataset.tables import SPLIT
from renet.faces.photo_index import PHOTOS
from renet.metadata.row_filter import METADATA


@dataclasses.dataclass(frozen=True)
class Lineage:
    """The origin of one face."""

    index: int  # position of the face in the HDF5 file
    sample: dict  # its row of the table beside the HDF5 file
    metadata: dict  # its row of metadata.csv
    photo: dict  # its row of photos.csv
    archive: Path  # tar of its photo; may be relative to the folder where the workflow ran
    member: str  # name of the photo in it
    mat_file: Member | None  # the .mat file in the archives; None for a user's own photos
    data: bytes | None  # the bytes of the photo; None if the archive is gone


def trace(
    index: int,
    sample: dict,
    database: str,
    receipt_files: Sequence[Path],
    tables: Mapping[str, Path],
) -> Lineage:
    """Follow a face, as from `find_sample`, back to its archive by the files of its source.

    `tables` are members.csv, archives.json, metadata.csv and photos.csv by their names.
    """
    members, archives = tables["members"], files.read_json(tables["archives"])
    photo = find_row(PHOTOS, tables["photos"], row=sample["row"])
    receipt_file = receipt_files[photo["file"]]
    place = {name: photo[name] for name in ("file", "offset", "size")}
    return Lineage(
        index=index,
        sample=sample,
        metadata=find_row(METADATA, tables["metadata"], row=sample["row"]),
        photo=photo,
        archive=Path(files.read_json(receipt_file)["path"]),
        member=find_row(MEMBERS, members, **place)["member"],
        mat_file=None if database == TABLE else tar_index.find_metadata(members, database)[1],
        data=read_photo(receipt_file, archives[photo["file"]], photo),
    )


def find_sample(table: Path, split: Path, face: str | None) -> tuple[int, dict]:
    """The position of a face in its HDF5 file, and its row of the table of that file.

    `face` is its id, or the path or the name of a photo of one face; None is the first face. The
    table `split` has the faces of all subsets.

    Raises:
        InputError: the table has none of this name, or several.
    """
    samples = SPLIT.read(table)
    rows = np.arange(len(samples))[:1] if face is None else _named(samples, face)
    if len(rows) == 1:
        return int(rows[0]), as_dict(samples.iloc[rows[0]])
    if len(rows):
        ids = ", ".join(samples.id.iloc[rows])
        raise InputError(f"{table} has {len(rows)} faces named {face}; give the id of one: {ids}.")
    known = f"; give another one, such as {samples.id.iloc[0]}" if len(samples) else ""
    others = SPLIT.read(split)
    subsets = others.subset.iloc[_named(others, face)]
    where = f" ({face} is in the subset {subsets.iloc[0]})" if len(subsets) else ""
    raise InputError(f"{table} has no face with the id {face}{where}{known}.")


def _named(samples: pd.DataFrame, name: str | None) -> np.ndarray:
    """The positions of the faces with this id, or else this path, or else this file name."""
    for names in (samples.id, samples.path, samples.path.str.rpartition("/")[2]):
        if (names == name).any():
            return np.flatnonzero(names == name)
    return np.array([], int)


def find_row(table: Table, path: Path, **wanted: object) -> dict:
    """The first row of a table in which these columns have these values."""
    for chunk in table.read_chunks(path):
        matches = [chunk[name] == value for name, value in wanted.items()]
        found = chunk[np.logical_and.reduce(matches)]
        if len(found):
            return as_dict(found.iloc[0])
    values = ", ".join(f"{name} = {value}" for name, value in wanted.items())
    raise InputError(
        f"{path} has no row with {values}: the tables come from different runs of the workflow; "
        "run it again."
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
