"""The photos of the sample: drawn, encoded as JPEG files, and damaged where an oddity wants it."""

import dataclasses

import cv2
import numpy as np

from renet.common.imdb_wiki import ARCHIVE_MARGIN
from renet.sample import people, portraits

WEB_PAGE = b"""<!DOCTYPE html>
<html><head><title>404 Not Found</title></head>
<body><h1>Not Found</h1><p>The requested file was not found on this server.</p></body></html>
"""


def adapt_shot(rng: np.random.Generator, shot: people.Shot, oddity: str | None) -> people.Shot:
    """The shot as an oddity wants it."""
    side = min(shot.size)
    if oddity == "grey":
        return dataclasses.replace(shot, grey=True)
    if oddity == "box outside":
        return dataclasses.replace(shot, border=(0, 0, round(0.25 * shot.size[1]), 0))
    if oddity == "whole-number box":  # 1.8 times its side is a whole number, too
        side = 9 * (side // 9) + 1
        return dataclasses.replace(shot, size=(side, side), border=(0, 0, 0, 0))
    if oddity == "no face":
        wide = int(rng.integers(220, 351))
        return dataclasses.replace(shot, size=(wide * 3 // 4, wide), border=(0, 0, 0, 0))
    return shot


def take_photo(
    rng: np.random.Generator, person: people.Person, shot: people.Shot, oddity: str | None
) -> tuple[bytes, tuple[float, float, float, float]]:
    """The JPEG file of a shot, and where in the whole photo the face was found."""
    if oddity == "one pixel":
        return _jpeg(np.full((1, 1, 3), int(rng.integers(256)), np.uint8), 75, False), (1, 1, 1, 1)
    quality = int(rng.integers(50, 97))
    if oddity == "no face":
        scene = portraits.draw_scene(shot)
        return _jpeg(scene, quality, shot.grey), (1, 1, shot.size[1], shot.size[0])
    beside = _neighbour(rng, shot) if oddity == "second face" else None
    image = portraits.draw(person, shot, beside)
    return _jpeg(image, quality, shot.grey), _face_box(rng, shot, oddity == "whole-number box")


def _neighbour(rng: np.random.Generator, shot: people.Shot) -> tuple[people.Person, people.Shot]:
    """Somebody else, a little behind and to one side."""
    other = people.random_person(rng, int(rng.integers(2)))
    theirs = people.random_shot(rng, other, float(rng.uniform(15, 70)), old_photo=False)
    aside = float(rng.choice((-1, 1)) * rng.uniform(0.95, 1.15))
    return other, dataclasses.replace(
        theirs, shift=(aside, -0.1), zoom=0.68, light=shot.light, light_strength=shot.light_strength
    )


def _jpeg(image: np.ndarray, quality: int, grey: bool) -> bytes:
    """Encode RGB (h, w, 3) uint8 as a JPEG file, with one channel where it is grey."""
    stored = image[..., 0] if grey else image[..., ::-1]
    done, data = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise RuntimeError("OpenCV did not encode a JPEG")
    return data.tobytes()


def _face_box(
    rng: np.random.Generator, shot: people.Shot, whole_numbers: bool
) -> tuple[float, float, float, float]:
    """The face box of which the shot is the crop: the face and 40 % of its size on each side."""
    (height, width), (top, _, left, _) = shot.size, shot.border
    x1, x2 = _face_span(rng, width, left, whole_numbers)
    y1, y2 = _face_span(rng, height, top, whole_numbers)
    return x1, y1, x2, y2


def _face_span(
    rng: np.random.Generator, length: int, border: int, whole_numbers: bool
) -> tuple[float, float]:
    """First and last coordinate of a face whose cut is `length` pixels long, 1-based.

    The `border` pixels at its start lie outside the whole photo.
    """
    first = 1 - border if border else 1 + int(rng.integers(0, 300))
    start, end = first, first + length - 1
    if not whole_numbers:  # the cut takes in pixels that are touched in part
        start, end = start + rng.uniform(0.02, 0.98), end - rng.uniform(0.02, 0.98)
    margin = (end - start) * ARCHIVE_MARGIN / (1 + 2 * ARCHIVE_MARGIN)
    if whole_numbers:
        margin = round(margin)
    return float(start + margin), float(end - margin)


def damage_photo(photo: bytes, oddity: str | None) -> bytes | None:
    """What of a photo is in the archive."""
    match oddity:
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
            return _with_orientation(photo, 6)
    return photo


def _with_orientation(photo: bytes, orientation: int) -> bytes:
    """A JPEG file with an EXIF segment that asks viewers to turn the image."""
    entry = (0x0112).to_bytes(2) + (3).to_bytes(2) + (1).to_bytes(4)
    entry += orientation.to_bytes(2) + bytes(2)
    tiff = b"MM\0*" + (8).to_bytes(4) + (1).to_bytes(2) + entry + bytes(4)
    segment = b"Exif\0\0" + tiff
    return photo[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2) + segment + photo[2:]
