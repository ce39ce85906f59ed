"""Photos of the sample as JPEG files: drawn, encoded, and damaged where a quirk asks for it."""

import cv2
import numpy as np
from numpy.random import Generator

from renet.common.imdb_wiki import ARCHIVE_MARGIN
from renet.sample import people, portraits

Box = tuple[float, float, float, float]  # x1, y1, x2, y2, 1-based

WEB_PAGE = b"""<!DOCTYPE html>
<html><head><title>404 Not Found</title></head>
<body><h1>Not Found</h1><p>The requested file was not found on this server.</p></body></html>
"""
# An EXIF segment that asks viewers to turn the image by a quarter: one tag, orientation 6.
TURNED = bytes.fromhex("ffe100224578696600004d4d002a00000008000101120003000000010006000000000000")


def adapt_shot(shot: people.Shot, quirk: str | None) -> None:
    """Change a shot as a quirk asks for it."""
    match quirk:
        case "grey":
            shot.grey = True
        case "box outside":
            shot.border = (0, 0, round(0.25 * shot.size[1]), 0)
        case "whole-number box":  # 1.8 times its side is a whole number, too
            side = 9 * (min(shot.size) // 9) + 1
            shot.size, shot.border = (side, side), (0, 0, 0, 0)


def take_photo(
    rng: Generator, person: people.Person, shot: people.Shot, quirk: str | None
) -> tuple[bytes, Box]:
    """JPEG file of a shot, and the box of the face in the whole photo that it was cut from."""
    quality = int(rng.integers(50, 97))
    if quirk == "one pixel":
        return _jpeg(np.full((1, 1, 3), int(rng.integers(256)), np.uint8), quality), (1, 1, 1, 1)
    photo = portraits.draw(None if quirk == "no face" else person, shot)
    (height, width), (top, _, left, _) = shot.size, shot.border
    x1, x2 = _face_span(rng, width, left, quirk)
    y1, y2 = _face_span(rng, height, top, quirk)
    return _jpeg(photo[..., 0] if shot.grey else photo, quality), (x1, y1, x2, y2)


def _jpeg(image: np.ndarray, quality: int) -> bytes:
    """Encode RGB (h, w, 3) or grey (h, w) pixels, uint8."""
    bgr = image[..., ::-1] if image.ndim == 3 else image
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def _face_span(rng: Generator, length: int, border: int, quirk: str | None) -> tuple[float, float]:
    """First and last coordinate of the face in a crop that is `length` pixels long, 1-based.

    The crop adds 40 % of the face's size on each side; its first `border` pixels are outside the
    whole photo.
    """
    start: float = 1 - border if border else 1 + int(rng.integers(0, 300))
    end = start + length - 1
    if quirk != "whole-number box":  # the crop includes pixels that are covered in part
        start, end = start + rng.uniform(0.02, 0.98), end - rng.uniform(0.02, 0.98)
    margin = round((end - start) * ARCHIVE_MARGIN / (1 + 2 * ARCHIVE_MARGIN), 9)
    return float(start + margin), float(end - margin)


def damage_photo(photo: bytes, quirk: str | None) -> bytes | None:
    """The photo's file in the archive; None where it is missing."""
    match quirk:
        case "missing file":
            return None
        case "empty file":
            return b""
        case "cut in the header":
            return photo[:150]
        case "cut in the scan":
            return photo[: 2 * len(photo) // 3]
        case "web page":
            return WEB_PAGE
        case "turned by EXIF":
            return photo[:2] + TURNED + photo[2:]
    return photo
