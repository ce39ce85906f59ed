"""Drawn portraits, painted with NumPy and OpenCV.

Shapes are given in head units: the origin is between the eyes and the nose, x runs to the right, y
down, the chin is at y = 1. They are painted at a higher resolution than small photos have; then the
painting becomes a photo of the right size, with a camera's light, blur and noise.
"""

import cv2
import numpy as np
from numpy.random import Generator

from renet.sample.body import paint_body
from renet.sample.canvas import Canvas, clouds, ellipse, from_hsv, mixed, rgb
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
        head = Head(pixels, person, shot, rng)
        paint_back_hair(head)
        paint_body(head)
        paint_skin(head)
        paint_beard(head)
        paint_features(head)
        paint_front_hair(head)
        paint_earrings(head)
        paint_glasses(head)
    return _photo(pixels, shot, rng)


def _painted_background(shot: Shot, rng: Generator) -> np.ndarray:
    """The background in the size of the painting; half that resolution will do."""
    scale = np.clip(1.5 * min(shot.size), *PAINTED_SIDE) / min(shot.size)
    height, width = round(shot.size[0] * scale), round(shot.size[1] * scale)
    small = np.zeros((3, height // 2, width // 2), np.float32)
    _paint_background(Canvas(small, frame(shot, small)), shot, rng)
    return np.stack([cv2.resize(plane, (width, height)) for plane in small])


def _paint_background(canvas: Canvas, shot: Shot, rng: Generator) -> None:
    """Paint what is out of focus behind the person: two colours mixed, and spots on them."""
    height, width = canvas.pixels.shape[1:]
    down, across = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    hue, saturation, value = shot.backdrop
    first = from_hsv(hue, saturation * 0.7, value)
    second = from_hsv(hue + rng.normal(0, 0.08), saturation * 0.7, value * rng.uniform(0.45, 0.8))
    fraction, spots = clouds(rng, height, width, int(rng.integers(3, 9))), []
    match shot.background:
        case "wall":
            fraction = (down * rng.uniform(0.1, 1) + across * rng.uniform(-0.8, 0.8) + 1) / 2
        case "curtain":
            fraction = (np.sin(across * rng.uniform(9, 18) + 0.6 * np.sin(across * 7)) + 1) / 2
        case "sky":
            first, second = from_hsv(rng.uniform(0.54, 0.62), 0.45, 0.9), rgb(248, 248, 246)
            fraction = 2.2 * clouds(rng, height, width, 3) - 0.8 + 0.3 * down
        case "foliage":
            second = from_hsv(rng.uniform(0.2, 0.38), 0.55, 0.3 + 0.3 * value)
            first, spots = second * 0.6, [second * 1.25, from_hsv(0.18, 0.5, 0.85), second * 0.5]
        case "lamps":
            first, second = first * 0.4, second * 0.4
            spots = [from_hsv(3 * hue + turn, 0.45, 1) for turn in (0, 0.06, 0.12, 0.5)]
        case "books":
            books = rng.uniform(30, 200, (6, 40, 3)).astype(np.float32)
            books = cv2.resize(books, (width, height), interpolation=cv2.INTER_NEAREST)
            first, second = first * 0.5, np.moveaxis(cv2.GaussianBlur(books, (0, 0), 1.5), 2, 0)
            fraction = 0.6 * np.clip(2 + 2.5 * np.cos(np.pi * (1 + 6 * down)), 0, 1)
    canvas.pixels[:] = mixed(first, second, np.clip(fraction, 0, 1))
    for colour in spots * 9:
        (x, y), radius = rng.uniform(-2.2, 2.2, 2), rng.uniform(0.08, 0.28)
        canvas.fill(ellipse(x, y, radius, radius), colour, rng.uniform(0.2, 0.6), 0.03)


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
