"""Shards: the faces of a source in several files, each written by a job of its own.

A shard is a NumPy file of shape (faces, C, H, W), uint8, and beside it a CSV table (`SHARD`) with
one row for each photo of the shard. Both are called `<source>/faces/<number>-of-<count>`.
"""

import re
from pathlib import Path
from typing import BinaryIO

import numpy as np

from renet.common.errors import InputError

NAME = re.compile(r"([^/]+)/faces/(\d+)-of-\d+\.(?:npy|csv)")


def source_and_number(path: str | Path) -> tuple[str, int]:
    """The source of a shard's file, and the shard's number (from 1), as its path says.

    Raises:
        InputError: the path is not one of a shard.
    """
    name = NAME.fullmatch("/".join(Path(path).absolute().parts[-3:]))
    if not name:
        raise InputError(
            f"{path} is not called <source>/faces/<number>-of-<count>.npy or .csv, by which the "
            "source and the number of a shard are known."
        )
    return name[1], int(name[2])


def photos_of(sizes: np.ndarray, shards: int, shard: int) -> slice:
    """The positions of a shard's photos; each shard reads about the same number of bytes.

    Args:
        sizes: bytes of each photo, in the order in which they lie in the archives.
        shards: number of shards.
        shard: which one, from 1.
    """
    sizes = sizes.astype(np.float64)
    middles = sizes.cumsum() - sizes / 2
    bounds = np.array([shard - 1, shard]) * sizes.sum() / shards
    start, stop = np.searchsorted(middles, bounds)
    return slice(int(start), len(sizes) if shard == shards else int(stop))


class FaceWriter:
    """Appends faces to a NumPy file; their number is not known before the end."""

    def __init__(self, handle: BinaryIO, face_shape: tuple[int, int, int]):
        self._handle = handle
        self._face_shape = face_shape
        self.count = 0
        self._write_header()

    def append(self, pixels: np.ndarray) -> int:
        """Write one face (C, H, W) uint8; returns its position in the file."""
        self._handle.write(pixels.data)
        self.count += 1
        return self.count - 1

    def finish(self) -> None:
        """Write the number of faces into the header, whose length does not change."""
        self._handle.seek(0)
        self._write_header()

    def _write_header(self) -> None:
        header = {
            "descr": "|u1",
            "fortran_order": False,
            "shape": (self.count, *self._face_shape),
        }
        np.lib.format.write_array_header_1_0(self._handle, header)


def open_faces(faces_file: str | Path) -> np.ndarray:
    """The faces of a shard, (faces, C, H, W) uint8, memory-mapped unless there are none."""
    try:
        return np.load(faces_file, mmap_mode="r")
    except ValueError:  # an empty array cannot be mapped
        return np.load(faces_file)
