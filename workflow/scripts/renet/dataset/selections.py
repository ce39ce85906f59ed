"""Some faces of several HDF5 files as one file, without copying."""

import dataclasses
import hashlib

import numpy as np

from renet.dataset import hdf5
from renet.dataset.hdf5 import FaceFile


class SelectedPixels:
    """Rows of several memory-mapped arrays, read like one (N, C, H, W) uint8 array."""

    def __init__(self, parts: list[np.ndarray], rows: np.ndarray):
        self._parts, self._rows = parts, rows
        self._starts = np.cumsum([0, *map(len, parts)])
        self.shape = (len(rows), *parts[0].shape[1:])
        self.dtype = parts[0].dtype

    def __len__(self) -> int:
        return len(self._rows)

    def take(
        self, rows: np.ndarray, axis: int = 0, out: np.ndarray | None = None, mode: str = "raise"
    ) -> np.ndarray:
        """Faces of these rows of the selection, for `np.take`."""
        places = self._rows[rows]
        out = np.empty((len(places), *self.shape[1:]), self.dtype) if out is None else out
        owner = np.searchsorted(self._starts, places, side="right") - 1
        for number, part in enumerate(self._parts):
            ours = owner == number
            out[ours] = part[places[ours] - self._starts[number]]
        return out

    def __getitem__(self, rows: slice) -> "SelectedPixels":
        return SelectedPixels(self._parts, self._rows[rows])


def select(files: list[FaceFile], rows: np.ndarray) -> FaceFile:
    """Faces at these rows, counted over all files one after the other.

    The mean is that of the first file; the digest depends on all files and rows.
    """
    digest = hashlib.sha256("".join(map(hdf5.content_digest, files)).encode())
    digest.update(np.ascontiguousarray(rows, dtype=np.int64))
    return dataclasses.replace(
        files[0],
        pixels=SelectedPixels([file.pixels for file in files], rows),
        targets=np.concatenate([file.targets for file in files])[rows],
        digest=digest.hexdigest(),
    )
