"""Shards: the faces of a source in a few files, each cut by a job of its own.

A shard is a NumPy file of shape (faces, C, H, W), uint8, and a table beside it with one line for
each photo that the shard was to cut.
"""

from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd

TABLE_COLUMNS = ["row", "status", "reason", "index", "width", "height", "grey", "digest"]


def share(sizes: np.ndarray, shards: int, shard: int) -> slice:
    """Which photos a shard cuts, so that each shard reads an equal share of the bytes.

    Args:
        sizes: bytes of each photo, in the order in which they lie in the archives.
        shards: number of shards.
        shard: which one, from 1.

    Returns:
        The positions of its photos.
    """
    sizes = sizes.astype(np.float64)
    middles = sizes.cumsum() - sizes / 2
    bounds = np.array([shard - 1, shard]) * sizes.sum() / shards
    start, stop = np.searchsorted(middles, bounds)
    return slice(int(start), len(sizes) if shard == shards else int(stop))


class FaceWriter:
    """Appends faces to a NumPy file whose number of faces is known at the end only."""

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
        """Put the number of faces into the header, which leaves room for it."""
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
    """The faces of a shard, (faces, C, H, W) uint8, mapped and not read; an empty one as zeros."""
    try:
        return np.load(faces_file, mmap_mode="r")
    except ValueError:  # an empty array cannot be mapped
        return np.load(faces_file)


def read_table(table_file: str | Path) -> pd.DataFrame:
    """Read a shard's table back."""
    return pd.read_csv(
        table_file,
        keep_default_na=False,
        na_values={name: [""] for name in ("index", "width", "height", "grey")},
        dtype={"index": "Int64", "width": "Int64", "height": "Int64", "grey": "Int64"},
    )
