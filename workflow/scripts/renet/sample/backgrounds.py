"""What lies behind the person on a drawn portrait, from a plain wall to shelves of books."""

import cv2
import numpy as np

from renet.sample.canvas import Canvas, clouds, ellipse, from_hsv, mixed, ramps, rgb
from renet.sample.framing import frame
from renet.sample.people import Shot


def background(shot: Shot, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """What lies behind the person, (height, width, 3) float32."""
    small = height // 2, width // 2  # it is out of focus: half the pixels will do
    canvas = Canvas(np.zeros((*small, 3), np.float32), frame(shot, *small, 0.0))
    hue, saturation, value = shot.backdrop
    near = (hue + rng.normal(0, 0.08)) % 1
    colour = from_hsv(hue, saturation * 0.7, value)
    other = from_hsv(near, saturation * 0.7, value * rng.uniform(0.45, 0.8))
    _BACKGROUND_PAINTERS[shot.background](canvas, rng, colour, other)
    return cv2.resize(canvas.pixels, (width, height), interpolation=cv2.INTER_LINEAR)


def _paint_flat(canvas: Canvas, _: np.random.Generator, colour: np.ndarray, __: np.ndarray):
    canvas.pixels[:] = colour


def _paint_gradient(
    canvas: Canvas, rng: np.random.Generator, colour: np.ndarray, other: np.ndarray
) -> None:
    down, across = ramps(*canvas.pixels.shape[:2])
    share = (down * rng.uniform(0.3, 1) + across * rng.uniform(-0.8, 0.8)) / 2 + 0.5
    canvas.pixels[:] = mixed(colour, other, np.clip(share, 0, 1))


def _paint_texture(
    canvas: Canvas, rng: np.random.Generator, colour: np.ndarray, other: np.ndarray
) -> None:
    share = clouds(rng, *canvas.pixels.shape[:2], int(rng.integers(3, 9)))
    canvas.pixels[:] = mixed(colour, other, share)


def _paint_curtain(
    canvas: Canvas, rng: np.random.Generator, colour: np.ndarray, other: np.ndarray
) -> None:
    down, across = ramps(*canvas.pixels.shape[:2])
    folds = np.sin(across * rng.uniform(9, 18) + 0.6 * np.sin(across * 7) + down * 0.3)
    canvas.pixels[:] = mixed(colour, other, (folds + 1) / 2)


def _paint_blobs(
    canvas: Canvas, rng: np.random.Generator, colour: np.ndarray, other: np.ndarray
) -> None:
    """Lamps at night, out of focus."""
    _paint_gradient(canvas, rng, colour * 0.6, other * 0.6)
    hue = rng.random()
    lamps = [from_hsv((hue + turn) % 1, 0.45, 1) for turn in (0, 0.06, 0.12, 0.5)]
    _paint_spots(canvas, rng, lamps, 26, (0.08, 0.3), 0.03)


def _paint_foliage(
    canvas: Canvas, rng: np.random.Generator, colour: np.ndarray, _: np.ndarray
) -> None:
    green = from_hsv(rng.uniform(0.2, 0.38), 0.55, 0.3 + 0.35 * colour.max() / 255)
    canvas.pixels[:] = mixed(green * 0.6, green, clouds(rng, *canvas.pixels.shape[:2], 7))
    leaves = [green * 1.25, from_hsv(0.18, 0.5, 0.85), green * 0.5]
    _paint_spots(canvas, rng, leaves, 34, (0.06, 0.22), 0.04)


def _paint_spots(
    canvas: Canvas,
    rng: np.random.Generator,
    colours: list[np.ndarray],
    number: int,
    radii: tuple[float, float],
    soft: float,
) -> None:
    """Round spots all over the canvas."""
    height, width = canvas.pixels.shape[:2]
    for _ in range(number):
        x, y = canvas.inverse[:, :2] @ rng.uniform(0, (width, height)) + canvas.inverse[:, 2]
        radius = rng.uniform(*radii)
        colour = colours[rng.integers(len(colours))]
        canvas.paint(ellipse(x, y, radius, radius), colour, rng.uniform(0.2, 0.6), soft)


def _paint_sky(canvas: Canvas, rng: np.random.Generator, _: np.ndarray, __: np.ndarray) -> None:
    height, width = canvas.pixels.shape[:2]
    blue = from_hsv(rng.uniform(0.54, 0.62), rng.uniform(0.25, 0.6), 0.9)
    share = clouds(rng, height, width, 3) * 2.2 - 0.8 + 0.3 * ramps(height, width)[0]
    canvas.pixels[:] = mixed(blue, rgb(248, 248, 246), np.clip(share, 0, 1))


def _paint_shelves(
    canvas: Canvas, rng: np.random.Generator, colour: np.ndarray, _: np.ndarray
) -> None:
    """Rows of books, out of focus."""
    canvas.pixels[:] = colour * 0.45
    height, width = canvas.pixels.shape[:2]
    bindings = [
        mixed(from_hsv(*rng.uniform((0, 0.15, 0.25), (1, 0.6, 0.8))), colour, 0.35).tolist()
        for _ in range(24)
    ]
    shelf = max(width, height) // 6
    for low in range(int(rng.integers(shelf)), height + shelf, shelf):
        x = 0
        while x < width:
            thick, high = int(rng.integers(3, 9)), int(shelf * rng.uniform(0.62, 0.92))
            binding = bindings[rng.integers(len(bindings))]
            cv2.rectangle(canvas.pixels, (x, low - high), (x + thick, low - 3), binding, cv2.FILLED)
            x += thick + 1
    canvas.pixels[:] = cv2.GaussianBlur(canvas.pixels, (0, 0), 1.6)


_BACKGROUND_PAINTERS = {
    "flat": _paint_flat,
    "gradient": _paint_gradient,
    "texture": _paint_texture,
    "blobs": _paint_blobs,
    "curtain": _paint_curtain,
    "foliage": _paint_foliage,
    "sky": _paint_sky,
    "shelves": _paint_shelves,
}
