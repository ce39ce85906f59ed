"""Write and read neon's HDF5 files.

Layout (neon 2.6.0, `neon.data.HDF5Iterator`): the root dataset `input` (N, C*H*W) uint8 with the
attribute `lshape` = (C, H, W); the root dataset `output` (N, 1) uint8 with the attribute `nclass`;
optionally `mean`, (C, 1) or (C*H*W, 1) float64, which is subtracted before anything else. `input`
is contiguous and not compressed, so that it can be mapped into memory.
"""

import dataclasses
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from renet.common import disk, files
from renet.common.errors import InputError
from renet.common.imdb_wiki import CLASSES
from renet.common.progress import Progress
from renet.dataset.tables import SPLIT

RESERVED_BYTES = 1 << 18  # for HDF5's own tables at the end; without this space, HDF5 crashes


def write(
    path: Path,
    shape: tuple[int, int, int, int],
    slabs: Iterable[np.ndarray],
    targets: np.ndarray,
    mean: str | np.ndarray | None = None,
) -> None:
    """Write faces and their classes in neon's layout, with attributes `color_order` and `digest`.

    Args:
        shape: (N, C, H, W) of all faces.
        slabs: the faces in order, uint8, in parts of shape (n, C, H, W).
        mean: mean of another file, `channel` to compute the mean of these faces, or none.
    """
    (count, channels), length = shape[:2], int(np.prod(shape[1:]))
    is_computed = isinstance(mean, str) and mean == "channel"
    digest, sums, start = hashlib.sha256(), np.zeros(length, dtype=np.int64), 0
    with h5py.File(path, "w", locking=False) as store:
        pixels = store.create_dataset("input", (count, length), np.uint8)
        pixels.attrs["lshape"] = np.array(shape[1:], dtype=np.int64)
        for slab in slabs:
            rows = np.ascontiguousarray(slab).reshape(len(slab), length)
            disk.require_space(path, rows.nbytes + RESERVED_BYTES)
            pixels[start : start + len(rows)] = rows
            digest.update(rows)
            start += len(rows)
            if is_computed:
                sums += rows.sum(axis=0, dtype=np.int64)
        classes = targets.astype(np.uint8).reshape(-1, 1)
        digest.update(classes)
        store.create_dataset("output", data=classes).attrs["nclass"] = len(CLASSES)
        if is_computed:
            mean = (sums / max(count, 1)).reshape(channels, -1).mean(axis=1)
        if isinstance(mean, np.ndarray):
            digest.update(mean)
            store.create_dataset("mean", data=mean.reshape(-1, 1))
        store.attrs["color_order"] = "RGB"
        store.attrs["digest"] = digest.hexdigest()


@dataclasses.dataclass(frozen=True)
class FaceFile:
    """An HDF5 file of faces, open for reading."""

    path: Path
    pixels: Any  # (N, C, H, W) uint8, memory-mapped: an array, or indexed like one
    targets: np.ndarray  # (N,) int64, class of each face
    class_count: int
    mean: np.ndarray | None  # (C,) or (C*H*W,) float64, to subtract from the pixels
    digest: str  # identifies the data of a training; "" in a file of another program
    ages: np.ndarray | None = None  # (N,) float64 in years, NaN where unknown; see `with_ages`

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one face."""
        return self.pixels.shape[1:]

    def __len__(self) -> int:
        return len(self.targets)


def read(path: str | Path) -> FaceFile:
    """Open a file in neon's layout, which another program may have written."""
    path = Path(path)
    try:
        if not path.is_file():  # opening a pipe could wait for ever
            raise InputError(f"{path} does not exist or is no file; check the path.")
        with h5py.File(path, "r", locking=False) as store:
            output = store["output"]
            targets = _whole_numbers(output[...], "output")
            (class_count,) = _whole_numbers(output.attrs["nclass"], "the attribute nclass")
            if not np.isin(targets, np.arange(class_count)).all():
                raise ValueError(f"a class in output is not one of 0 to {class_count - 1}")
            pixels = _map_pixels(path, store["input"], len(targets))
            return FaceFile(
                path=path,
                pixels=pixels,
                targets=targets,
                class_count=int(class_count),
                mean=_mean(store["mean"], pixels.shape) if "mean" in store else None,
                digest=str(store.attrs.get("digest", "")),
            )
    except PermissionError as error:
        raise InputError(f"{path} cannot be read; change its permissions.") from error
    except InputError:
        raise
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:  # also a group
        raise InputError(
            f"{path} is not an HDF5 file with valid datasets `input` (attribute `lshape`) and "
            f"`output` (attribute `nclass`): {error}. Use another copy of the file."
        ) from error


def _whole_numbers(values: Any, name: str) -> np.ndarray:
    """Return stored numbers as (N,) int64; raise a ValueError for texts and fractions."""
    found = np.ravel(values)
    if found.dtype.kind not in "iuf" or (found != np.floor(found)).any():
        raise ValueError(f"{name} must be whole numbers")
    return found.astype(np.int64)


def _mean(stored: h5py.Dataset, shape: tuple[int, ...]) -> np.ndarray:
    """Return the stored mean, (C,) or (C*H*W,) float64, of faces of `shape` (N, C, H, W)."""
    mean = stored[...].astype(np.float64).ravel()
    if not np.isfinite(mean).all() or mean.size not in (shape[1], int(np.prod(shape[1:]))):
        raise ValueError(f"mean must be a finite number for each channel or pixel of {shape[1:]}")
    return mean


def content_digest(faces: FaceFile) -> str:
    """Return the digest that identifies the faces: the stored digest, or else the file's own."""
    return faces.digest or files.file_digest(faces.path)


def with_ages(faces: FaceFile, ages: pd.Series) -> FaceFile:
    """Return the faces with their ages in years; the new digest also depends on the ages."""
    values = ages.to_numpy(np.float64, na_value=np.nan)
    digest = hashlib.sha256(content_digest(faces).encode() + values.tobytes())
    return dataclasses.replace(faces, ages=values, digest=digest.hexdigest())


def check_digest(faces: FaceFile) -> None:
    """Raise an InputError if faces differ from the digest stored when the file was written."""
    if not faces.digest:  # this project did not write it
        return
    digest = hashlib.sha256()
    for face in Progress(faces.pixels, desc=f"checking {faces.path.name}", unit=" faces"):
        digest.update(face)
    digest.update(faces.targets.astype(np.uint8))
    if faces.mean is not None:
        digest.update(faces.mean)
    if digest.hexdigest() != faces.digest:
        raise InputError(
            f"{faces.path} is damaged: its pixels or classes have changed since it was written. "
            "Delete it and run the workflow again."
        )


def check_table(faces: FaceFile, table: Path, predictions: Path | None = None) -> None:
    """Raise an InputError unless the table (class, digest) and predictions (id) fit the faces."""
    rows = SPLIT.read(table, ("id", "target", "digest"))
    is_equal = np.array_equal(rows.target, faces.targets) and all(
        digest == files.face_digest(face)
        for digest, face in zip(rows.digest, faces.pixels, strict=True)
    )
    if not is_equal:
        raise InputError(
            f"{table} and {faces.path} do not belong together, because their faces differ; "
            "delete both, and run the workflow again."
        )
    if predictions and not SPLIT.read(predictions, ["id", "target"]).equals(rows[["id", "target"]]):
        raise InputError(f"{predictions} has other faces than {table}; delete it and run again.")


def _map_pixels(path: Path, stored: h5py.Dataset, count: int) -> np.ndarray:
    """Map the pixels of `count` faces into memory, (N, C, H, W) uint8."""
    shape = tuple(_whole_numbers(stored.attrs["lshape"], "the attribute lshape").tolist())
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"the attribute lshape must be channels, height and width, not {shape}")
    offset = stored.id.get_offset()
    if stored.dtype != np.uint8 or (stored.size and offset is None):
        raise InputError(
            f"{path}: the dataset `input` must be uint8, contiguous and not compressed, so that it "
            "can be memory-mapped; convert the file with `h5repack -l CONTI -f NONE`."
        )
    if stored.shape != (count, int(np.prod(shape))):
        raise ValueError(
            f"the shape {stored.shape} of input does not fit {count} classes and the lshape {shape}"
        )
    if not count:  # an empty array cannot be mapped
        return np.zeros((0, *shape), np.uint8)
    return np.memmap(path, np.uint8, "r", offset, (count, *shape))


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
        """Return the faces of these rows of the selection; `np.take` calls this method."""
        places = self._rows[rows]
        out = np.empty((len(places), *self.shape[1:]), self.dtype) if out is None else out
        owner = np.searchsorted(self._starts, places, side="right") - 1
        for number, part in enumerate(self._parts):
            ours = owner == number
            out[ours] = part[places[ours] - self._starts[number]]
        return out

    def __getitem__(self, rows: slice) -> "SelectedPixels":
        return SelectedPixels(self._parts, self._rows[rows])


def select(faces: list[FaceFile], rows: np.ndarray) -> FaceFile:
    """Return rows of several files, numbered from the first file to the last, without copying.

    The mean is the first file's; the digest depends on all files and rows.
    """
    digest = hashlib.sha256("".join(map(content_digest, faces)).encode())
    digest.update(np.ascontiguousarray(rows, dtype=np.int64))
    return dataclasses.replace(
        faces[0],
        pixels=SelectedPixels([file.pixels for file in faces], rows),
        targets=np.concatenate([file.targets for file in faces])[rows],
        digest=digest.hexdigest(),
    )
