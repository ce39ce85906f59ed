"""The steps of one photo from the metadata to the HDF5 file, for the page walkthrough.html."""

import math
from pathlib import Path

import cv2
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
SCALE = 2  # scale of the picture that shows where they are
HEAD_BYTES = 12  # first bytes of the photo's file
FRAME, FRAME_WIDTH = (255, 200, 0), 1 / 120  # RGB; of the photo's longer side


def steps(lineage: Lineage, spec: CropSpec, face: np.ndarray, pictures: Path) -> dict:
    """The values of the page's steps about the data; the pictures are written."""
    galleries.write_image(pictures / "face.png", _picture(face))
    middle = tuple(side // 2 for side in face.shape[1:])
    return {
        "crop": spec,
        "photo": _photo(lineage, spec, face, pictures),
        "digest": files.face_digest(face),
        "patch": _patch(face, middle, pictures),
        "middle": middle,
    }


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
        photo, scale = crop.decode(lineage.data, turn=spec.turn), crop.scale(lineage.data)
        box = detection.find_box(photo, spec) if spec.detected else box.scaled(scale)
        cut = crop.cut(photo, spec, box)[..., ::-1]  # RGB
        # It may decode a large photo at half its size.
        pixels = crop.extract_face(lineage.data, spec, box.scaled(1 / scale)).pixels
    except RejectedImage as error:
        raise InputError(
            f"{lineage.member} in {lineage.archive} is not the photo that was cropped ({error}): "
            "the archive has changed; delete its receipt to have it read again."
        ) from error
    framed = np.ascontiguousarray(photo[..., ::-1])
    if spec.whole:  # the face is cropped by its box
        width = max(1, round(max(photo.shape) * FRAME_WIDTH))
        corners = [(round(x) - 1, round(y) - 1) for x, y in (box[:2], box[2:])]
        cv2.rectangle(framed, *corners, FRAME, width)
    galleries.write_image(pictures / "photo.jpg", _shrink(framed))
    galleries.write_image(pictures / "crop.jpg", _shrink(cut))
    differences = np.abs(pixels.astype(int) - face)
    return {
        "head": lineage.data[:HEAD_BYTES].hex(" "),
        "sides": photo.shape[:2],
        "crop": cut.shape[:2],
        "largest_difference": int(differences.max()),
    }


def _shrink(picture: np.ndarray) -> np.ndarray:
    scale = min(1, PHOTO_SIDE / max(picture.shape))
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _picture(face: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(face.transpose(1, 2, 0))


def _patch(face: np.ndarray, middle: tuple[int, int], pictures: Path) -> dict:
    """The red values in the middle of the face, with a picture of where they are."""
    top, left = (max(0, place - PATCH // 2) for place in middle)
    values = face[0, top : top + PATCH, left : left + PATCH]
    picture = _picture(face).repeat(SCALE, axis=0).repeat(SCALE, axis=1)
    corners = ([SCALE * (side + more) for side in (left, top)] for more in (0, PATCH))
    galleries.write_image(pictures / "patch.png", cv2.rectangle(picture, *corners, FRAME, SCALE))
    return {"top": top, "left": left, "rows": values.tolist()}
