"""Drawn portraits, painted with NumPy and OpenCV.

Shapes are given in head units: the origin is between the eyes and the nose, x runs to the right, y
down, the chin is at y = 1. They are painted at a higher resolution than small photos have; then the
painting becomes a photo of the right size, with a camera's light, blur and noise.
"""

import cv2
import numpy as np
from numpy.random import Generator

from renet.sample.background import paint_background
from renet.sample.body import paint_body
from renet.sample.canvas import Canvas
from renet.sample.face import paint_earrings, paint_features, paint_glasses, paint_skin
from renet.sample.hair import paint_back_hair, paint_beard, paint_front_hair
from renet.sample.head import Head, frame
from renet.sample.people import Person, Shot

PAINTED_SIDE = (190, 260)  # pixels along the shorter side of a painting: at least, at most


def draw(person: Person | None, shot: Shot) -> np.ndarray:
    """Draw a photo of a person, or of the background alone.

    Returns:
        RGB pixels, `shot.size` + (3,), uint8; three equal channels where the photo is grey. The
        same arguments give the same pixels.
    """
    rng = np.random.default_rng(shot.texture)
    pixels = _painted_background(shot, rng)
    if person:
        _paint_person(pixels, person, shot, rng)
    return _photo(pixels, shot, rng)


def _painted_background(shot: Shot, rng: Generator) -> np.ndarray:
    """The background in the size of the painting; half that resolution will do."""
    scale = np.clip(1.5 * min(shot.size), *PAINTED_SIDE) / min(shot.size)
    height, width = round(shot.size[0] * scale), round(shot.size[1] * scale)
    small = np.zeros((3, height // 2, width // 2), np.float32)
    paint_background(Canvas(small, frame(shot, small)), shot, rng)
    return np.stack([cv2.resize(plane, (width, height)) for plane in small])


def _paint_person(pixels: np.ndarray, person: Person, shot: Shot, rng: Generator) -> None:
    head = Head(pixels, person, shot, rng)
    paint_back_hair(head)
    paint_body(head)
    paint_skin(head)
    paint_beard(head)
    paint_features(head)
    paint_front_hair(head)
    paint_earrings(head)
    paint_glasses(head)


def _photo(pixels: np.ndarray, shot: Shot, rng: Generator) -> np.ndarray:
    """The photo of a painting (3, h, w), `shot.size` + (3,) uint8: light, focus, noise, border."""
    height, width = shot.size
    way = cv2.INTER_AREA if height < pixels.shape[1] else cv2.INTER_CUBIC
    photo = cv2.resize(cv2.merge([*pixels]), (width, height), interpolation=way)
    down, across = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    light = 1 + 0.16 * shot.light_strength * (across * shot.light[0] - down * shot.light[1])
    light = (light - 0.06 * (across**2 + down**2)) * shot.exposure  # the corners are dim
    photo *= cv2.merge([light * (1 + shot.cast), light, light * (1 - shot.cast)])
    if shot.grey:
        photo = cv2.merge([photo @ np.array((0.299, 0.587, 0.114), np.float32)] * 3)
    if shot.blur > 0.3:
        photo = cv2.GaussianBlur(photo, (0, 0), shot.blur)
    noise = rng.standard_normal((height, width), dtype=np.float32) * shot.noise
    photo = np.clip(photo + cv2.merge([noise] * 3), 0, 255).astype(np.uint8)
    top, bottom, left, right = shot.border
    photo = photo[top : height - bottom, left : width - right]
    return cv2.copyMakeBorder(photo, top, bottom, left, right, cv2.BORDER_REPLICATE)
