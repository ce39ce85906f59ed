"""Faces of an HDF5 file as a data set of PyTorch, for training code outside this project."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from renet.common.imdb_wiki import CLASSES
from renet.dataset import hdf5


class FaceDataset(Dataset):
    """Pairs of a face (3, height, width) uint8 RGB, after `transform`, and its class, 0 or 1.

    As in torchvision, `classes` has the names of the classes, and `targets` the class of each face.
    Each worker of a `DataLoader` maps the file into its own memory.
    """

    classes = CLASSES

    def __init__(self, path: str | Path, transform: Callable[[Tensor], Any] | None = None):
        """Open a file such as results/data/train.h5; see `hdf5.read`."""
        self.path, self.transform = path, transform
        self.faces = hdf5.read(path)
        self.targets = self.faces.targets

    def __reduce__(self) -> tuple:  # for another process
        return FaceDataset, (self.path, self.transform)

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, row: int) -> tuple[Any, int]:
        if isinstance(row, slice):
            raise TypeError("FaceDataset has no slices; use torch.utils.data.Subset(faces, rows).")
        face = torch.from_numpy(self.faces.pixels[row].copy())
        return self.transform(face) if self.transform else face, int(self.targets[row])
