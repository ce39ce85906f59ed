"""Many small pictures in one file: a page that shows them loads one file instead of hundreds."""

from pathlib import Path

import cv2
import numpy as np

from renet.common import files

QUALITY = {
    ".webp": (cv2.IMWRITE_WEBP_QUALITY, 40),  # 40 pixels of a face in about 250 bytes
    ".jpg": (cv2.IMWRITE_JPEG_QUALITY, 88),
}


def tile(face: np.ndarray, side: int) -> np.ndarray:
    """A face (C, H, W) uint8, RGB, as a square (side, side, 3) uint8, RGB."""
    height, width = face.shape[1:]
    shrinks = side < min(height, width)
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    picture = np.ascontiguousarray(face.transpose(1, 2, 0))
    return cv2.resize(picture, (side, side), interpolation=interpolation)


def sheet(tiles: list[np.ndarray], columns: int, side: int) -> np.ndarray:
    """Tiles side by side, line after line, (lines * side, columns * side, 3) uint8, RGB.

    What is left of the last line stays grey; without a tile there is one grey line.
    """
    lines = max(1, -(-len(tiles) // columns))
    picture = np.full((lines * side, columns * side, 3), 128, np.uint8)
    for place, one in enumerate(tiles):
        top, left = (side * part for part in divmod(place, columns))
        picture[top : top + side, left : left + side] = one
    return picture


def write(path: Path, picture: np.ndarray) -> None:
    """Write a picture (H, W, 3) uint8, RGB, as the format that its name ends in."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    encoded = cv2.imencode(path.suffix, bgr, QUALITY[path.suffix])[1]
    with files.replacing(path) as temporary:
        temporary.write_bytes(encoded.tobytes())
