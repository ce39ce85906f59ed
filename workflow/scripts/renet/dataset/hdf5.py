"""neon's HDF5 files: how they are written, and how their pixels are read at memory speed.

Layout (neon 2.6.0, `neon.data.HDF5Iterator`): the root dataset `input` (N, C*H*W) uint8 with the
attribute `lshape` = (C, H, W); the root dataset `output` (N, 1) uint8 with the attribute `nclass`;
optionally `mean`, (C, 1) or (C*H*W, 1) float64, which is subtracted before anything else. `input`
is contiguous and not compressed, so that it can be mapped into memory.
"""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

import h5py
import numpy as np

from renet.common.errors import InputError
from renet.faces import digests

CLASS_COUNT = 2
COLOR_ORDER = "RGB"
MEANS = ("none", "channel", "pixel")


def write(
    path: Path,
    shape: tuple[int, int, int],
    slabs: Iterable[np.ndarray],
    targets: np.ndarray,
    mean_kind: str = "none",
    mean: np.ndarray | None = None,
    face_digests: Iterable[str] | None = None,
) -> None:
    """Write faces and their classes in neon's layout.

    Beside what neon knows, the file's own attributes say the `color_order` and the `digest`
    (SHA-256 over the faces' digests, classes and mean), by which a training knows its data again.

    Args:
        path: the temporary file to write (see `files.replacing`).
        shape: (C, H, W) of one face.
        slabs: the faces in order, uint8, in pieces of shape (n, C, H, W).
        targets: class of each face, (N,).
        mean_kind: one of `MEANS`, to compute from these faces.
        mean: (C,) or (C*H*W,), another file's mean to store instead.
        face_digests: as from `digests.face_digest`, of each face in order, where they are known.
    """
    computed: list[str] = []
    with h5py.File(path, "w", locking=False) as store:
        length = int(np.prod(shape))
        pixels = store.create_dataset("input", (len(targets), length), np.uint8)
        pixels.attrs["lshape"] = np.array(shape, dtype=np.int64)
        sums = np.zeros(length, dtype=np.int64)
        start = 0
        for slab in slabs:
            rows = np.ascontiguousarray(slab).reshape(len(slab), length)
            pixels[start : start + len(rows)] = rows
            start += len(rows)
            if face_digests is None:
                computed += map(digests.face_digest, rows)
            if mean_kind != "none" and mean is None:
                sums += rows.sum(axis=0, dtype=np.int64)
        classes = targets.astype(np.uint8).reshape(-1, 1)
        store.create_dataset("output", data=classes).attrs["nclass"] = CLASS_COUNT
        if mean_kind != "none":
            mean = _mean(sums / max(start, 1), shape, mean_kind) if mean is None else mean
            store.create_dataset("mean", data=mean.reshape(-1, 1))
        store.attrs["color_order"] = COLOR_ORDER
        known = computed if face_digests is None else face_digests
        means = () if mean is None else (mean,)
        store.attrs["digest"] = digests.set_digest(known, classes, *means)


def _mean(pixel_mean: np.ndarray, shape: tuple[int, int, int], kind: str) -> np.ndarray:
    return pixel_mean.reshape(shape[0], -1).mean(axis=1) if kind == "channel" else pixel_mean


@dataclasses.dataclass(frozen=True)
class FaceFile:
    """An HDF5 file of faces, open for reading.

    Attributes:
        path: where it lies.
        shape: (C, H, W) of one face.
        pixels: (N, C, H, W) uint8, mapped: rows are read when they are touched.
        targets: (N,) int64, class of each face.
        class_count: number of classes.
        mean: (C,) or (C*H*W,) float64, to subtract from the pixels; None without one.
        digest: of its content, or "" in a file that this project did not write.
    """

    path: Path
    shape: tuple[int, int, int]
    pixels: np.ndarray
    targets: np.ndarray
    class_count: int
    mean: np.ndarray | None
    digest: str

    def __len__(self) -> int:
        return len(self.targets)


def read(path: str | Path) -> FaceFile:
    """Open a file in neon's layout, by whomever it was written.

    Raises:
        InputError: it is missing, no HDF5 file, of another layout, or stored in a way that cannot
            be mapped.
    """
    path = Path(path)
    try:
        with h5py.File(path, "r", locking=False) as store:
            stored, output = store["input"], store["output"]
            shape = tuple(int(side) for side in stored.attrs["lshape"])
            offset = stored.id.get_offset()
            if stored.dtype != np.uint8 or (stored.size and offset is None):
                raise InputError(
                    f"{path}: its dataset input must be uint8, contiguous and not compressed, so "
                    "that it can be mapped into memory; `h5repack -l CONTI -f NONE` makes it so."
                )
            targets = output[...].astype(np.int64).ravel()
            count = len(targets)
            if stored.shape != (count, int(np.prod(shape))):
                raise InputError(
                    f"{path}: its dataset input has the shape {stored.shape}, which does not fit "
                    f"{count} classes in output and the attribute lshape {shape}."
                )
            pixels = (
                np.memmap(path, np.uint8, "r", offset, (count, *shape))
                if count
                else np.zeros((0, *shape), np.uint8)
            )
            return FaceFile(
                path=path,
                shape=shape,
                pixels=pixels,
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
