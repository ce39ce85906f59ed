"""Steps of one photo from the metadata to the HDF5 file, for the page walkthrough.html."""

import dataclasses
import math
from pathlib import Path

import numpy as np

from renet.common import files
from renet.common.errors import InputError
from renet.common.imdb_wiki import BOX_COLUMNS
from renet.faces import crop, detection
from renet.faces.crop import Box, CropSpec, RejectedImage
from renet.pages import galleries
from renet.walkthrough.lineage import Lineage

PHOTO_SIDE = 480  # pixels of the longer side of the photo on the page
PATCH = 8  # rows and columns of pixels that are shown as numbers


def steps(lineage: Lineage, spec: CropSpec, face: np.ndarray, pictures: Path) -> dict:
    """The values of the page's steps about the data; the pictures are written."""
    top, left = patch_corner(face)
    return {
        "crop": spec,
        "photo": _photo(lineage, spec, face, pictures),
        "digest": files.face_digest(face),
        "patch": face[0, top : top + PATCH, left : left + PATCH],  # red values
    }


def patch_corner(face: np.ndarray) -> tuple[int, ...]:
    """Row and column of the first pixel of the patch in the middle of a face (C, H, W)."""
    return tuple(max(0, (side - PATCH) // 2) for side in face.shape[1:])


def _photo(
    lineage: Lineage, spec: CropSpec, face: np.ndarray, pictures: Path
) -> dict[str, object] | None:
    """The photo and its crop, which are written as pictures; None without the archive.

    Raises:
        InputError: the bytes in the archive give no face.
    """
    if lineage.data is None:
        return None
    sides = (lineage.photo[name] for name in BOX_COLUMNS)
    box = Box(*(math.nan if side is None else side for side in sides))
    try:
        image = crop.decode(lineage.data, dataclasses.replace(spec, whole=True))  # in full size
        photo, scale = image.pixels, image.scale
        box = detection.find_box(photo, spec) if spec.detected else box.scaled(scale)
        cut = crop.cut(photo, spec, box)[..., ::-1]  # RGB
        # It may decode a large photo at half its size.
        pixels = crop.extract_face(lineage.data, spec, box.scaled(1 / scale)).pixels
    except RejectedImage as error:
        raise InputError(
            f"{lineage.photo['path']} in {lineage.archive} is not the photo that was cropped "
            f"({error}): the archive has changed; delete its receipt to have it read again."
        ) from error
    galleries.write_image(pictures / "photo.jpg", detection.shrink(photo[..., ::-1], PHOTO_SIDE))
    galleries.write_image(pictures / "crop.jpg", detection.shrink(cut, PHOTO_SIDE))
    return {
        "sides": photo.shape[:2],
        "box": box,
        "crop": cut.shape[:2],
        "largest_difference": int(np.abs(pixels.astype(int) - face).max()),
    }
