"""Read faces from many shards in a given order, at the speed of the disk.

Several threads read, because random reads are fast only if the disk has several requests at a time.
"""

import contextlib
import os
import resource
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from renet.common.ahead import map_ahead
from renet.common.errors import InputError
from renet.common.progress import Progress
from renet.dataset.tables import DEVELOPMENT, SPLIT
from renet.faces import shards

SLAB_BYTES = 4 << 20
READERS = 8


def slabs(shard_files: Sequence[Path], places: pd.DataFrame) -> Iterator[np.ndarray]:
    """Yield the faces at `places` (of `read_places`) in arrays (n, C, H, W) of SLAB_BYTES."""
    shard, index, digest = (places[name].to_numpy() for name in ("file", "index", "digest"))
    # The soft limit on open files is often 1,024, and a shard takes two.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(ValueError):  # macOS refuses its own hard limit, which is infinite
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    stored = [shards.open_faces(name) for name in shard_files]
    shape = stored[0].shape[1:]
    face_bytes = int(np.prod(shape))
    offsets = np.array([faces.offset for faces in stored])[shard] + index * face_bytes
    length = max(1, SLAB_BYTES // face_bytes)
    progress = Progress(total=len(shard), desc="write", unit=" faces")
    with progress, contextlib.ExitStack() as opened, ThreadPoolExecutor(READERS) as pool:
        files = [opened.enter_context(name.open("rb", buffering=0)) for name in shard_files]
        for file in files if hasattr(os, "posix_fadvise") else ():  # macOS lacks it
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)  # no read-ahead

        def read(numbers: range) -> np.ndarray:
            """Read some faces, and check them by their digests."""
            slab = np.zeros((len(numbers), *shape), np.uint8)
            for face, number in zip(slab, numbers, strict=True):
                file = files[shard[number]]
                os.preadv(file.fileno(), [face], offsets[number])
                shards.check_face(file.name, index[number], face, digest[number])
            return slab

        starts = range(0, len(shard), length)
        parts = (range(start, min(start + length, len(shard))) for start in starts)
        for slab in map_ahead(pool, read, parts, count=READERS):
            yield slab
            progress.update(len(slab))


def read_places(split: Path, subset: str, faces: list[Path]) -> pd.DataFrame:
    """Return a subset's faces: `target`, `digest`, `file` (position in `faces`), `index` there."""
    columns = ["subset", "source", "shard", "index", "target", "digest"]
    places = pd.concat(read_subset(split, subset, columns))
    if places.empty:
        raise InputError(
            f"{split} has no face of the subset {subset}; delete it and run the workflow again."
        )
    given = pd.MultiIndex.from_tuples([shards.source_and_number(path) for path in faces])
    shard = pd.MultiIndex.from_frame(places[["source", "shard"]])
    return places.assign(file=given.get_indexer(shard))


def read_subset(split: Path, subset: str, columns: Iterable[str]) -> Iterator[pd.DataFrame]:
    """Yield a subset's rows of split.csv in chunks; `development` is train and validation."""
    names = DEVELOPMENT if subset == "development" else (subset,)
    for rows in SPLIT.read_chunks(split, columns):
        yield rows[rows.subset.isin(names)]
