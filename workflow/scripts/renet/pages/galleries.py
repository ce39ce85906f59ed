"""Faces that pages show: which faces, and how they are drawn as tiles of one image."""

import base64
import mimetypes
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from renet.common import files

GALLERY_SIZE = 24  # faces
EXAMPLE_COUNT = 8  # first faces of the test set, whose order is random and the same for all runs
EXPLAINED = 4  # number of correct and number of wrong predictions with saliency maps
QUALITY = {
    ".webp": (cv2.IMWRITE_WEBP_QUALITY, 40),  # about 250 bytes for a face of 40 x 40 pixels
    ".jpg": (cv2.IMWRITE_JPEG_QUALITY, 88),
    ".png": (cv2.IMWRITE_PNG_COMPRESSION, 9),
}


def mistakes(predictions: pd.DataFrame, count: int = GALLERY_SIZE) -> pd.DataFrame:
    """Return the wrong predictions with the highest confidence."""
    return _by_confidence(predictions[predictions.correct == 0], ascending=False).head(count)


def hard_cases(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the correct predictions with the lowest confidence."""
    return _by_confidence(predictions[predictions.correct == 1]).head(GALLERY_SIZE)


def to_explain(predictions: pd.DataFrame, count: int = EXPLAINED) -> pd.DataFrame:
    """Return the most confident predictions: `count / 2` correct for each class, `count` wrong."""
    correct = _by_confidence(predictions[predictions.correct == 1], ascending=False)
    correct = correct.groupby("target").head(count // 2)
    return pd.concat([correct, mistakes(predictions, count)])


def _by_confidence(predictions: pd.DataFrame, *, ascending: bool = True) -> pd.DataFrame:
    confidence = predictions[["p_female", "p_male"]].max(axis=1)
    return predictions.loc[confidence.sort_values(ascending=ascending, kind="stable").index]


@dataclass(frozen=True)
class Grid:
    """Layout of an image of many faces, which a page loads faster than many images."""

    columns: int  # tiles in a line
    side: int  # height and width of a tile in pixels

    def placed(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Add the columns `x` and `y` to rows of faces: the place of each tile, in pixels."""
        line, column = np.divmod(np.arange(len(rows)), self.columns)
        return rows.assign(x=self.side * column, y=self.side * line)

    def tile(self, face: np.ndarray) -> np.ndarray:
        """Resize a face (C, H, W) to a tile (side, side, 3); both are uint8, RGB."""
        shrinks = self.side < min(face.shape[1:])
        interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        picture = np.ascontiguousarray(face.transpose(1, 2, 0))
        return cv2.resize(picture, (self.side, self.side), interpolation=interpolation)

    def sheet(self, tiles: list[np.ndarray]) -> np.ndarray:
        """Return one image, (lines * side, columns * side, 3) uint8, of tiles; gaps are grey."""
        lines = max(1, -(-len(tiles) // self.columns))
        sheet = np.full((lines, self.columns, self.side, self.side, 3), 128, np.uint8)
        for number, tile in enumerate(tiles):
            sheet[divmod(number, self.columns)] = tile
        return sheet.swapaxes(1, 2).reshape(lines * self.side, self.columns * self.side, 3)

    def write_faces(self, path: Path, faces: Iterable[np.ndarray]) -> None:
        """Write faces (C, H, W) uint8, RGB, as one image of tiles."""
        write_image(path, self.sheet([self.tile(face) for face in faces]))


def write_image(path: Path, picture: np.ndarray) -> None:
    """Write an image (H, W, 3) uint8, RGB, in the format of the path's suffix."""
    with files.replacing(path) as temporary:
        temporary.write_bytes(encode(picture, path.suffix))


def encode(picture: np.ndarray, suffix: str) -> bytes:
    """Encode an image (H, W, 3) uint8, RGB, in the format of a suffix in `QUALITY`."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    return cv2.imencode(suffix, bgr, QUALITY[suffix])[1].tobytes()


def as_url(picture: np.ndarray) -> str:
    """Return the data URL of an image (H, W, 3) uint8, RGB, as a JPEG."""
    return embedded(encode(picture, ".jpg"), ".jpg")


def embedded(data: bytes, suffix: str) -> str:
    """Return a data URL of the content of a file with this suffix."""
    return f"data:{mimetypes.types_map[suffix]};base64,{base64.b64encode(data).decode()}"
