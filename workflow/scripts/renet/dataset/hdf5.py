"""Write and read neon's HDF5 files; pixels are memory-mapped.

Layout (neon 2.6.0, `neon.data.HDF5Iterator`): the root dataset `input` (N, C*H*W) uint8 with the
attribute `lshape` = (C, H, W); the root dataset `output` (N, 1) uint8 with the attribute `nclass`;
optionally `mean`, (C, 1) or (C*H*W, 1) float64, which is subtracted before anything else. `input`
is contiguous and not compressed, so that it can be memory-mapped.
"""

import dataclasses
import hashlib
from collections.abc import Iterable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from renet.common.errors import InputError

CLASS_COUNT = 2
COLOR_ORDER = "RGB"


def write(
    path: Path,
    shape: tuple[int, int, int, int],
    slabs: Iterable[np.ndarray],
    samples: Iterable[pd.DataFrame],
    mean: str | np.ndarray = "none",
) -> None:
    """Write faces and their classes in neon's layout.

    In addition, the file's attributes give the `color_order` and the `digest` (SHA-256 over the
    faces' digests, classes and mean), by which a training recognises its data.

    Args:
        path: temporary file to write (see `files.replacing`).
        shape: (N, C, H, W) of all faces.
        slabs: the faces in order, uint8, in parts of shape (n, C, H, W).
        samples: in parts, `target`, the class, and `digest` (`shards.face_digest`) of each face;
            no more than one part is in memory.
        mean: `none`, or `channel` or `pixel` to compute it from these faces; or the mean of another
            file, (C,) or (C*H*W,).
    """
    count, channels = shape[:2]
    is_computed = isinstance(mean, str) and mean != "none"
    with h5py.File(path, "w", locking=False) as store:
        pixels = store.create_dataset("input", (count, int(np.prod(shape[1:]))), np.uint8)
        pixels.attrs["lshape"] = np.array(shape[1:], dtype=np.int64)
        sums = _write_pixels(pixels, slabs, sums=is_computed)
        digest, targets = hashlib.sha256(), []
        for part in samples:
            digest.update("".join(part.digest).encode())
            targets.append(part.target.to_numpy(np.uint8))
        classes = np.concatenate(targets).reshape(-1, 1)
        digest.update(classes)
        store.create_dataset("output", data=classes).attrs["nclass"] = CLASS_COUNT
        if is_computed:
            pixel_mean = sums / max(count, 1)
            by_channel = pixel_mean.reshape(channels, -1).mean(axis=1)
            mean = by_channel if mean == "channel" else pixel_mean
        if isinstance(mean, np.ndarray):
            digest.update(mean)
            store.create_dataset("mean", data=mean.reshape(-1, 1))
        store.attrs["color_order"] = COLOR_ORDER
        store.attrs["digest"] = digest.hexdigest()


def _write_pixels(pixels: h5py.Dataset, slabs: Iterable[np.ndarray], *, sums: bool) -> np.ndarray:
    """Write slabs one after the other; returns the sum of each pixel over all faces if asked."""
    total = np.zeros(pixels.shape[1], dtype=np.int64)
    start = 0
    for slab in slabs:
        rows = np.ascontiguousarray(slab).reshape(len(slab), pixels.shape[1])
        pixels[start : start + len(rows)] = rows
        start += len(rows)
        if sums:
            total += rows.sum(axis=0, dtype=np.int64)
    return total


@dataclasses.dataclass(frozen=True)
class FaceFile:
    """An HDF5 file of faces, open for reading."""

    path: Path
    pixels: np.ndarray  # (N, C, H, W) uint8, memory-mapped
    targets: np.ndarray  # (N,) int64, class of each face
    class_count: int
    mean: np.ndarray | None  # (C,) or (C*H*W,) float64, to subtract from the pixels
    digest: str  # of the contents; "" in a file that this project did not write

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one face."""
        return self.pixels.shape[1:]

    def __len__(self) -> int:
        return len(self.targets)


def read(path: str | Path) -> FaceFile:
    """Open a file in neon's layout, also one that this project did not write.

    Raises:
        InputError: the file is missing, is not HDF5, has another layout, or cannot be mapped.
    """
    path = Path(path)
    try:
        with h5py.File(path, "r", locking=False) as store:
            output = store["output"]
            targets = output[...].astype(np.int64).ravel()
            return FaceFile(
                path=path,
                pixels=_map_pixels(path, store["input"], len(targets)),
                targets=targets,
                class_count=int(output.attrs["nclass"]),
                mean=store["mean"][...].astype(np.float64).ravel() if "mean" in store else None,
                digest=str(store.attrs.get("digest", "")),
            )
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist.") from error
    except (OSError, KeyError) as error:
        raise InputError(
            f"{path} is not an HDF5 file with the datasets input (attribute lshape) and output "
            f"(attribute nclass): {error}"
        ) from error


def _map_pixels(path: Path, stored: h5py.Dataset, count: int) -> np.ndarray:
    """The memory-mapped pixels (N, C, H, W) of `count` faces."""
    shape = tuple(int(side) for side in stored.attrs["lshape"])
    offset = stored.id.get_offset()
    if stored.dtype != np.uint8 or (stored.size and offset is None):
        raise InputError(
            f"{path}: its dataset input must be uint8, contiguous and not compressed, so that it "
            "can be memory-mapped; `h5repack -l CONTI -f NONE` makes it so."
        )
    if stored.shape != (count, int(np.prod(shape))):
        raise InputError(
            f"{path}: its dataset input has the shape {stored.shape}, which does not fit {count} "
            f"classes in output and the attribute lshape {shape}."
        )
    if not count:  # an empty array cannot be mapped
        return np.zeros((0, *shape), np.uint8)
    return np.memmap(path, np.uint8, "r", offset, (count, *shape))
