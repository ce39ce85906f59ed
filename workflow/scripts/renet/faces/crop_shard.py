"""Crop the faces of one shard, from the bytes of its photos in the archives to its two files."""

import contextlib
import logging
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from renet.archives import tar_index
from renet.common import files
from renet.common.drop_reasons import DROPPED, KEPT
from renet.common.progress import Progress
from renet.faces import crop, shards
from renet.faces.crop import Box, CropSpec, RejectedImage
from renet.faces.perceptual_hash import perceptual_hash
from renet.faces.shards import SHARD


def crop_shard(
    photos: pd.DataFrame,
    tar_paths: Sequence[Path],
    faces: Path,
    spec: CropSpec,
    find_box: Callable[[np.ndarray], Box] | None,
) -> pd.DataFrame:
    """Write the faces of some photos to a NumPy file; return the table `SHARD` of the photos.

    `find_box` finds the box of the face in a photo; None: the table `photos` has the boxes.
    """
    with (
        files.replacing(faces, size=len(photos) * 3 * math.prod(spec.size)) as temporary,
        temporary.open("wb") as handle,
        contextlib.ExitStack() as opened,
    ):
        tars = [opened.enter_context(tar_path.open("rb")) for tar_path in tar_paths]
        shards.write_header(handle, (0, 3, *spec.size))  # the number of faces is not known yet
        bar = Progress(photos.itertuples(), total=len(photos), desc="crop", unit=" photos")
        rows = (_crop_photo(photo, tars[photo.file], handle, spec, find_box) for photo in bar)
        table = SHARD.frame(rows)
        is_kept = table.status == KEPT
        handle.seek(0)
        shards.write_header(handle, (int(is_kept.sum()), 3, *spec.size))
    return table.assign(index=(is_kept.cumsum() - 1).where(is_kept))


def _crop_photo(
    photo: Any, tar: BinaryIO, shard: BinaryIO, spec: CropSpec, find_box: Callable | None
) -> dict[str, object]:
    """Crop one face, append it to the shard, and return its row of the table without `index`."""
    try:
        crop.require_bytes(photo.size)
        data = tar_index.read_member(tar, photo.offset, photo.size)
        box = Box(photo.x1, photo.y1, photo.x2, photo.y2)
        face = crop.extract_face(data, spec, box, find_box)
    except RejectedImage as rejection:
        logging.info("%s dropped as %s: %s", photo.path, rejection.reason, rejection)
        return {"row": photo.row, "status": DROPPED, "reason": rejection.reason}
    shard.write(face.pixels.data)
    return {
        "row": photo.row,
        "status": KEPT,
        "reason": "",
        "width": face.width,
        "height": face.height,
        "grey": int(face.grey),
        "digest": files.face_digest(face.pixels),
        "phash": perceptual_hash(face.pixels),
        "photo_digest": files.face_digest(data),
    }
