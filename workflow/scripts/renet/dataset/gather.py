"""Faces of many shards brought into one order, as fast as the disk gives them.

Faces are read one by one where they lie, several at a time, because a disk is fast at random places
only if it is asked for several; mapped files would wait for each page. While a slab is in use the
next one is being read. Two buffers are all the memory it takes.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from renet.common.errors import InputError
from renet.faces import shards

SLAB_BYTES = 32 << 20
READERS = 8


def slabs(
    shard_files: Sequence[str | Path], shard: np.ndarray, index: np.ndarray
) -> Iterator[np.ndarray]:
    """Yield faces in the asked order, in slabs (n, C, H, W) uint8 of some megabytes.

    A slab is overwritten when the next one is asked for.

    Args:
        shard_files: the shards' NumPy files, all of the same shape of face.
        shard: for each face the position of its shard in `shard_files`.
        index: for each face its position in the shard.

    Raises:
        InputError: a shard has not the asked face, or faces of another shape.
    """
    stored = [shards.open_faces(name) for name in shard_files]
    shape = stored[0].shape[1:]
    _check(shard_files, stored, shard, index)
    face_bytes = int(np.prod(shape))
    # Memory maps know where the faces begin; an empty shard is none, and nothing is read from it.
    starts = np.array([getattr(faces, "offset", 0) for faces in stored])
    offsets = starts[shard] + index * face_bytes
    length = max(1, SLAB_BYTES // face_bytes)
    buffers = np.empty((2, length, *shape), np.uint8)
    descriptors = [os.open(name, os.O_RDONLY) for name in shard_files]
    for descriptor in descriptors:  # reading ahead would read what another slab wants
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
    try:
        with ThreadPoolExecutor(READERS) as pool:

            def start(first: int) -> tuple[np.ndarray, list[Future]]:
                files = [descriptors[number] for number in shard[first : first + length]]
                places = offsets[first : first + length].tolist()
                slab = buffers[first // length % 2][: len(files)]
                parts = [slice(part, None, READERS) for part in range(READERS)]
                return slab, [
                    pool.submit(_read, slab[part], files[part], places[part]) for part in parts
                ]

            waiting = start(0)
            for first in range(0, len(shard), length):
                slab, jobs = waiting
                for job in jobs:
                    job.result()
                waiting = start(first + length)
                yield slab
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _check(
    names: Sequence[str | Path], stored: list[np.ndarray], shard: np.ndarray, index: np.ndarray
) -> None:
    for number, (name, faces) in enumerate(zip(names, stored, strict=True)):
        asked = index[shard == number]
        if len(asked) and faces.shape[1:] != stored[0].shape[1:]:
            raise InputError(f"{name} has faces of another shape than {names[0]}; cut both again.")
        if len(asked) and not 0 <= asked.min() <= asked.max() < len(faces):
            raise InputError(
                f"{name} has {len(faces)} faces, and split.csv asks for number {asked.max()}; "
                "delete split.csv to have it written again."
            )


def _read(slab: np.ndarray, descriptors: list[int], offsets: list[int]) -> None:
    for face, descriptor, offset in zip(slab, descriptors, offsets, strict=True):
        if os.preadv(descriptor, [face], offset) != face.nbytes:
            raise InputError("A shard became shorter while it was read; cut its faces again.")
