"""From an image's bytes to the pixels of one face: one way for training, prediction and export.

The steps are decode (RGB in the end, EXIF orientation ignored for the archives), cut out the face
with its margin, resize without keeping the aspect.
"""

import math
from typing import NamedTuple

import cv2
import numpy as np

from renet.imdb_wiki import ARCHIVE_MARGIN
from renet.reasons import BOX_INVALID, TOO_SMALL, UNREADABLE

MIN_SIDE = 8  # pixels; below this there is no face to see (WIKI has 8,070 one-pixel images)
MAX_BOX_TO_IMAGE = 3  # a box with more than three times the image's longer side is a slip

JPEG_START, JPEG_SCAN, JPEG_END = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"


class RejectedImage(ValueError):
    """This image gives no face; `reason` is one of `reasons.OF_CROPPING`, the message says more."""

    def __init__(self, reason: str, message: str):
        super().__init__(message)
        self.reason = reason


class Box(NamedTuple):
    """A face's place as IMDB-WIKI gives it: 1-based pixels, both ends included."""

    x1: float
    y1: float
    x2: float
    y2: float


class Face(NamedTuple):
    """One face: `pixels` (3, height, width) uint8 RGB, and what it was before the resizing."""

    pixels: np.ndarray
    width: int
    height: int
    grey: bool


def decode(data: bytes, apply_orientation: bool = False) -> np.ndarray:
    """Decode an image file's bytes into (H, W, 3) uint8, in OpenCV's order BGR.

    Args:
        apply_orientation: turn the image as its EXIF tag says. False for the archives, whose
            face_location is in the stored frame; True for a user's own photos.

    Raises:
        RejectedImage: empty, truncated or no image at all.
    """
    # Some OpenCV versions fill a truncated JPEG with grey and call it decoded. Within the last
    # scan neither marker can occur as data, so the end marker has to come after it.
    if data.startswith(JPEG_START) and data.rfind(JPEG_END) < data.rfind(JPEG_SCAN):
        raise RejectedImage(UNREADABLE, "the JPEG is truncated")
    flags = cv2.IMREAD_COLOR | (0 if apply_orientation else cv2.IMREAD_IGNORE_ORIENTATION)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    except cv2.error as error:
        raise RejectedImage(UNREADABLE, f"OpenCV cannot decode it: {error}") from error
    if image is None:
        raise RejectedImage(UNREADABLE, "it is empty or no image" if data else "it is empty")
    return image


def cut_face(photo: np.ndarray, box: Box, margin: float) -> np.ndarray:
    """Cut `box` out of a whole photo with `margin` times its size on each side.

    As the data set's own crops were made: the border pixel is repeated where the cut reaches
    outside the photo, and pixels that are touched in part are taken in.

    Args:
        photo: (H, W, 3) uint8.

    Raises:
        RejectedImage: the box is empty, not finite, outside the photo or absurdly large.
    """
    height, width = photo.shape[:2]
    box_width, box_height = box.x2 - box.x1, box.y2 - box.y1
    if not all(map(math.isfinite, box)) or box_width <= 0 or box_height <= 0:
        raise RejectedImage(BOX_INVALID, f"the box {tuple(box)} is empty")
    if box.x2 < 1 or box.y2 < 1 or box.x1 > width or box.y1 > height:
        raise RejectedImage(BOX_INVALID, f"the box {tuple(box)} is outside {width}x{height}")
    if max(box_width, box_height) > MAX_BOX_TO_IMAGE * max(width, height):
        raise RejectedImage(BOX_INVALID, f"the box {tuple(box)} is too large for {width}x{height}")
    columns = _span(box.x1, box.x2, margin * box_width, width)
    rows = _span(box.y1, box.y2, margin * box_height, height)
    return photo[rows][:, columns]


def _span(first: float, last: float, margin: float, length: int) -> np.ndarray:
    """0-based pixel numbers of a 1-based span with its margin, kept inside the photo."""
    return np.arange(math.floor(first - margin) - 1, math.ceil(last + margin)).clip(0, length - 1)


def trim_crop(crop: np.ndarray, margin: float) -> np.ndarray:
    """Cut a ready-made crop, which has 40 % of the face on each side, down to a smaller margin."""
    if margin >= ARCHIVE_MARGIN:
        return crop
    height, width = crop.shape[:2]
    share = (ARCHIVE_MARGIN - margin) / (1 + 2 * ARCHIVE_MARGIN)
    top, left = round(height * share), round(width * share)
    return crop[top : height - top, left : width - left]


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize (H, W, 3) to `size` (height, width), by area where it shrinks, else linearly."""
    height, width = size
    shrinks = image.shape[0] * image.shape[1] > height * width
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(image, (width, height), interpolation=method)


def extract_face(
    data: bytes,
    size: tuple[int, int],
    margin: float,
    box: Box | None = None,
    apply_orientation: bool = False,
) -> Face:
    """Make the network's input from an image file's bytes.

    Args:
        size: (height, width) of the result.
        margin: of the face's size, on each side.
        box: where the face is in a whole photo; None for an image that is cut to the face already.

    Raises:
        RejectedImage: with the reason.
    """
    image = decode(data, apply_orientation)
    if min(image.shape[:2]) < MIN_SIDE:
        raise RejectedImage(TOO_SMALL, f"{image.shape[1]}x{image.shape[0]} pixels are no face")
    crop = trim_crop(image, margin) if box is None else cut_face(image, box, margin)
    if min(crop.shape[:2]) < MIN_SIDE:
        raise RejectedImage(TOO_SMALL, f"{crop.shape[1]}x{crop.shape[0]} pixels are no face")
    pixels = np.ascontiguousarray(resize(crop, size)[:, :, ::-1].transpose(2, 0, 1))
    grey = bool((pixels[0] == pixels[1]).all() and (pixels[1] == pixels[2]).all())
    return Face(pixels, crop.shape[1], crop.shape[0], grey)
