"""HDF5 files and shards of given pixels."""

from pathlib import Path

import numpy as np

from renet.dataset import hdf5


def write_hdf5(
    path: str | Path, pixels: np.ndarray, targets: np.ndarray, mean: str | np.ndarray = "none"
) -> None:
    """Write an HDF5 file of faces (N, C, H, W) uint8, in slabs of four."""
    slabs = (pixels[start : start + 4] for start in range(0, len(pixels), 4))
    hdf5.write(Path(path), pixels.shape, slabs, targets, mean)


def write_shard(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, pixels)
    return path
