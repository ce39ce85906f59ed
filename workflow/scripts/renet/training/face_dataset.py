"""The faces of an HDF5 file as a PyTorch data set, for programs other than this workflow."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from renet.dataset import hdf5


class FaceDataset(Dataset[tuple[Any, int]]):
    """Faces (C, H, W) uint8 RGB and their classes, 0 for female and 1 for male.

    The pixels stay in the file, which is mapped into memory. Processes of a `DataLoader` map it
    anew.
    """

    def __init__(self, path: str | Path, transform: Callable[[Tensor], Any] | None = None):
        """Open a file such as results/data/train.h5.

        Args:
            transform: applied to each face.

        Raises:
            InputError: see `renet.dataset.hdf5.read`.
        """
        self.faces, self.transform = hdf5.read(path), transform

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, row: int) -> tuple[Any, int]:
        face = torch.from_numpy(self.faces.pixels[row].copy())
        return self.transform(face) if self.transform else face, int(self.faces.targets[row])

    def __reduce__(self) -> tuple:
        return type(self), (self.faces.path, self.transform)
