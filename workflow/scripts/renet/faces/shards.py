"""Shards: the faces of a source in several files, each written by a job of its own.

A shard is a NumPy file (faces, C, H, W), uint8, and beside it a CSV table (`SHARD`) of its photos.
Both are called `<source>/faces/<number>-of-<count>`.
"""

from pathlib import Path
from typing import BinaryIO

import numpy as np

from renet.common.errors import InputError
from renet.common.files import face_digest
from renet.common.table import Table

# The table beside a shard: one row for each photo. A dropped photo has a reason and no numbers.
SHARD = Table(
    {
        "row": int, "status": str, "reason": str, "index": "Int64", "width": "Int64",
        "height": "Int64", "grey": "Int64", "digest": str, "phash": str, "photo_digest": str,
    }
)  # fmt: skip


def source_and_number(path: Path) -> tuple[str, int]:
    """Return the source and the number (from 1) of a shard, as the path of its file states them."""
    return path.parent.parent.name, int(path.name.partition("-of-")[0])


def write_header(handle: BinaryIO, shape: tuple[int, ...]) -> None:
    """Write a NumPy header for uint8; the header's length does not depend on the shape."""
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(handle, header)


def open_faces(faces_file: str | Path) -> np.memmap:
    """Map the faces of a shard into memory, (faces, C, H, W) uint8."""
    try:
        faces = np.load(faces_file, mmap_mode="r")
    except (ValueError, EOFError) as error:
        raise _damaged(faces_file, str(error)) from error
    if faces.dtype != np.uint8 or faces.ndim != 4:
        raise _damaged(faces_file, f"{faces.dtype}, {faces.shape}, not uint8 in four dimensions")
    return faces


def _damaged(faces_file: str | Path, reason: str) -> InputError:
    return InputError(f"{faces_file} is damaged ({reason}); delete it and run the workflow again.")


def check_face(faces_file: str | Path, index: int, face: np.ndarray, digest: str) -> None:
    """Raise an InputError if a face of a shard differs from its digest in split.csv."""
    if face_digest(face) != digest:
        raise _damaged(faces_file, f"face number {index} has changed since it was cut")
