"""Gather the faces of one subset from the shards into one HDF5 file, in the order of split.csv.

Reads: split.csv, the shards of all sources, and train.h5 if the training set's mean is stored.
Writes: <subset>.h5 in neon's layout (see `renet.dataset.hdf5`); and <subset>.csv, the rows of
split.csv with this subset.
Decides: nothing. Each face is compared with its digest in split.csv.
"""

import logging
import math
from pathlib import Path
from typing import Literal

from renet.common import files, script
from renet.dataset import gather, hdf5
from renet.dataset.tables import SPLIT
from renet.faces import shards


def write_hdf5(
    split: Path,
    faces: list[Path],
    face_file: Path,
    table: Path,
    subset: str,
    mean: Literal["none", "channel"],
    train: Path | None = None,
) -> None:
    places = gather.read_places(split, subset, faces)
    shape = (len(places), *shards.open_faces(faces[0]).shape[1:])
    stored_mean = hdf5.read(train).mean if train else mean
    with files.replacing(face_file, size=math.prod(shape)) as temporary:
        slabs = gather.slabs(faces, places)
        hdf5.write(temporary, shape, slabs, places.target.to_numpy(), stored_mean)
    SPLIT.write(table, gather.read_subset(split, subset, SPLIT.columns))
    logging.info("%s: %d faces of %dx%d pixels", face_file, len(places), shape[3], shape[2])


if __name__ == "__main__":
    script.run(write_hdf5)
