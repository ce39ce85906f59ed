"""Sprite sheets: many small images in one file, so that a page loads one file and not hundreds."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from renet.common import files

QUALITY = {
    ".webp": (cv2.IMWRITE_WEBP_QUALITY, 40),  # 40 pixels of a face in about 250 bytes
    ".jpg": (cv2.IMWRITE_JPEG_QUALITY, 88),
}


@dataclass(frozen=True)
class Grid:
    """The layout of a sheet: `columns` tiles a line, each `side` x `side` pixels."""

    columns: int
    side: int

    def position(self, number: int) -> tuple[int, int]:
        """x and y of a tile in the sheet, in pixels."""
        line, column = divmod(number, self.columns)
        return self.side * column, self.side * line

    def tile(self, face: np.ndarray) -> np.ndarray:
        """A face (C, H, W) uint8, RGB, as a square (side, side, 3) uint8, RGB."""
        shrinks = self.side < min(face.shape[1:])
        interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        picture = np.ascontiguousarray(face.transpose(1, 2, 0))
        return cv2.resize(picture, (self.side, self.side), interpolation=interpolation)

    def sheet(self, tiles: list[np.ndarray]) -> np.ndarray:
        """The tiles line by line, (lines * side, columns * side, 3) uint8, RGB.

        The rest of the last line is grey. Without a tile the sheet is one grey line.
        """
        lines = max(1, -(-len(tiles) // self.columns))
        sheet = np.full((lines * self.side, self.columns * self.side, 3), 128, np.uint8)
        for number, tile in enumerate(tiles):
            x, y = self.position(number)
            sheet[y : y + self.side, x : x + self.side] = tile
        return sheet

    def write_faces(self, path: Path, faces: Iterable[np.ndarray]) -> None:
        """Write faces (C, H, W) uint8, RGB, as a sheet."""
        write(path, self.sheet([self.tile(face) for face in faces]))


def write(path: Path, picture: np.ndarray) -> None:
    """Write an image (H, W, 3) uint8, RGB, in the format of its name's suffix."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    encoded = cv2.imencode(path.suffix, bgr, QUALITY[path.suffix])[1]
    with files.replacing(path) as temporary:
        temporary.write_bytes(encoded.tobytes())
