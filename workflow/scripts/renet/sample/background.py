"""What is behind the person, out of focus: a wall, a curtain, lamps, books, leaves or the sky."""

import cv2
import numpy as np
from numpy.random import Generator

from renet.sample.canvas import Canvas, clouds, ellipse, from_hsv, mixed, rgb
from renet.sample.people import Shot


def paint_background(canvas: Canvas, shot: Shot, rng: Generator) -> None:
    """Paint the shot's background on the whole canvas: two colours mixed, and spots on them."""
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
