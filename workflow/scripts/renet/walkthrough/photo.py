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
    """Write the pictures of the page's steps about the data, and return the page's variables."""
    top, left = patch_corner(face)
    return {
        "crop": spec,
        "photo": _photo(lineage, spec, face, pictures),
        "digest": files.face_digest(face),
        "patch": face[0, top : top + PATCH, left : left + PATCH],  # red values
    }


def patch_corner(face: np.ndarray) -> tuple[int, ...]:
    """Return the row and column at which the patch in the middle of a face (C, H, W) begins."""
    return tuple(max(0, (side - PATCH) // 2) for side in face.shape[1:])


def _photo(
    lineage: Lineage, spec: CropSpec, face: np.ndarray, pictures: Path
) -> dict[str, object] | None:
    """Write the photo and its crop as pictures, and return their sizes; None without the archive.

    An InputError is raised if no face can be cropped from the bytes in the archive.
    """
    if lineage.data is None:
        return None
    sides = (lineage.photo[name] for name in BOX_COLUMNS)
    box = Box(*(math.nan if side is None else side for side in sides))
    try:
        image = crop.decode(lineage.data, dataclasses.replace(spec, whole=True))  # in full size
        photo, scale = image.pixels, image.scale
        box = detection.find_box(photo, spec) if spec.detected else box.scaled(scale)
        cut, factor = crop.cut(photo, spec, box)
        # `extract_face` may decode a large photo at half its size.
        pixels = crop.extract_face(lineage.data, spec, box.scaled(1 / scale)).pixels
    except RejectedImage as error:
        raise InputError(
            f"{lineage.photo['path']} in {lineage.archive} cannot be cropped again ({error}): the "
            "archive has changed. Delete the archive's receipt, "
            f"{lineage.sample['source']}/{lineage.archive.stem}*.json in the folder "
            "`pathvars.resources`, and run the workflow again."
        ) from error
    galleries.write_image(pictures / "photo.jpg", detection.shrink(photo[..., ::-1], PHOTO_SIDE))
    galleries.write_image(pictures / "crop.jpg", detection.shrink(cut[..., ::-1], PHOTO_SIDE))
    return {
        "sides": photo.shape[:2],
        "box": box,
        "crop": [round(side / factor) for side in cut.shape[:2]],
        "largest_difference": int(np.abs(pixels.astype(int) - face).max()),
    }
