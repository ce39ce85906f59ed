"""A canvas, and the curves and colours that are painted on it.

Positions are in head units (see `portraits`). Pixels are planes, (3, h, w) float32 with RGB in
0..255. A colour is (3, 1, 1), so that colours and masks (h, w) broadcast against each other.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.random import Generator

Points = np.ndarray | Sequence[tuple[float, float]]
Colour = np.ndarray | Callable[[np.ndarray, np.ndarray], np.ndarray]
Widths = float | Sequence[float]

SPAN = np.linspace(0, 1, 8, endpoint=False, dtype=np.float32)[:, None]
CIRCLE = np.array([(np.cos(k), np.sin(k)) for k in np.linspace(0, 2 * np.pi, 36, endpoint=False)])


def spline(points: Points, closed: bool = True) -> np.ndarray:
    """A smooth curve through (n, 2) points (Catmull-Rom), with eight points for each span."""
    points = np.asarray(points, np.float32)
    if closed:
        before, after = points[-1:], points[:2]
    else:
        before, after = 2 * points[:1] - points[1:2], 2 * points[-1:] - points[-2:-1]
    padded = np.vstack([before, points, after])
    a, b, c, d = (padded[k : len(padded) - 3 + k, None] for k in range(4))
    bend = (2 * a - 5 * b + 4 * c - d) + (3 * b - a - 3 * c + d) * SPAN
    curve = (b + SPAN / 2 * (c - a + SPAN * bend)).reshape(-1, 2)
    return curve if closed else np.vstack([curve, points[-1:]])


def mirrored(right: Points) -> np.ndarray:
    """A symmetric outline from its right half, given from the top to the bottom."""
    right = np.asarray(right, np.float32)
    left = right[::-1] * (-1, 1)
    return np.vstack([right, left[left[:, 0] < 0]])


def ellipse(x: float, y: float, width: float, height: float) -> np.ndarray:
    """The outline of an ellipse about (x, y) with these half axes, (36, 2)."""
    return np.add(CIRCLE * (width, height), (x, y))


def ribbon(points: Points, widths: Widths) -> np.ndarray:
    """The outline of a stroke along a curve through (n, 2) points; its width may vary."""
    curve = spline(points, closed=False)
    along = np.gradient(curve, axis=0)
    normal = along[:, ::-1] * (-1, 1) / np.maximum(np.linalg.norm(along, axis=1), 1e-6)[:, None]
    given = np.atleast_1d(widths)
    width = np.interp(np.linspace(0, len(given) - 1, len(curve)), range(len(given)), given)
    offset = normal * width[:, None] / 2
    return np.vstack([curve + offset, (curve - offset)[::-1]])


def rgb(red: float, green: float, blue: float) -> np.ndarray:
    """A colour from its values in 0..255."""
    return np.array((red, green, blue), np.float32)[:, None, None]


SHADOW = rgb(38, 22, 18)
WARM_SHADOWS = rgb(0.9, 1.03, 1.1)  # in less light a colour loses blue first, and red last


def from_hsv(hue: float, saturation: float, value: float) -> np.ndarray:
    """A colour from hue, saturation and value in 0..1."""
    ramp = np.abs((hue * 6 + np.array((0, 4, 2))) % 6 - 3) - 1
    return rgb(*(255 * value * (1 - saturation * (1 - np.clip(ramp, 0, 1)))))


def shaded(colour: np.ndarray, factor: float | np.ndarray) -> np.ndarray:
    """A colour in more or less light; `factor` is a number or (h, w)."""
    return colour * (1 + (factor - 1) * WARM_SHADOWS)


def mixed(one: np.ndarray, other: np.ndarray, fraction: float | np.ndarray) -> np.ndarray:
    """Two colours mixed; `fraction` of the other is a number or (h, w)."""
    return one + (other - one) * fraction


def clouds(rng: Generator, height: int, width: int, cells: int) -> np.ndarray:
    """Smooth noise in 0..1, (height, width) float32; its lumps are 1 / `cells` of the side."""
    noise = np.zeros((height, width), np.float32)
    for octave in range(3):
        grid = rng.random((cells * 2**octave, cells * 2**octave), dtype=np.float32)
        noise += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) / 2**octave
    return np.clip(noise / 1.75, 0, 1)


class Canvas:
    """Pixels, which several canvases may share, and how shapes land on them."""

    def __init__(self, pixels: np.ndarray, frame: np.ndarray, warp: Callable | None = None):
        """Take the affine map (2, 3) to pixels, and what moves points (n, 2) of a shape before."""
        self.pixels, self.frame, self.warp = pixels, frame, warp
        self.clip: np.ndarray | None = None  # (h, w) in 0..1, how much of a shape is seen where

    def within(self, outline: np.ndarray, warp: Callable | None = None) -> "Canvas":
        """A canvas on the same pixels that paints inside an outline only, with its own warp."""
        inside = Canvas(self.pixels, self.frame, warp or self.warp)
        inside.clip = np.zeros(self.pixels.shape[1:], np.float32)
        region, mask = self._mask(outline, 0.0)
        inside.clip[region] = mask
        return inside

    def fill(self, outline: Points, colour: Colour, alpha: float = 1.0, soft: float = 0.0) -> None:
        """Fill a shape with an opacity, and an edge that is blurred by `soft` head units.

        `colour` may be a function from x and y (h, w), in head units, to pixels (3, h, w).
        """
        region, mask = self._mask(np.asarray(outline), soft)
        if self.clip is not None:
            mask = mask * self.clip[region]
        if callable(colour):
            colour = colour(*self._grid(region)).astype(np.float32)
        part = self.pixels[:, *region]
        part += (colour - part) * (mask * np.float32(alpha))

    def stroke(self, points: Points, widths: Widths, colour: Colour, alpha: float = 1.0) -> None:
        """Paint a stroke along a curve through points, otherwise as `fill`."""
        self.fill(ribbon(points, widths), colour, alpha)

    def _mask(self, outline: np.ndarray, soft: float) -> tuple[tuple[slice, slice], np.ndarray]:
        """The region (rows, columns) around a shape, one pixel at least, and its coverage."""
        points = self.warp(outline) if self.warp else outline
        points = points @ self.frame[:, :2].T + self.frame[:, 2]
        points = np.round(points * 16).astype(np.int32)  # fillPoly takes sixteenths of a pixel
        blur = int(soft * np.hypot(*self.frame[:, 0]))
        margin, sides = 2 * blur + 1, np.array(self.pixels.shape[:0:-1])  # sides: width, height
        start = ((points.min(axis=0) >> 4) - margin).clip(0, sides - 1)
        stop = ((points.max(axis=0) + 1 >> 4) + margin + 1).clip(start + 1, sides)
        mask = np.zeros((stop - start)[::-1], np.uint8)
        cv2.fillPoly(mask, [(points - 16 * start).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
        if blur:
            kernel = (2 * blur + 1, 2 * blur + 1)
            mask = cv2.blur(cv2.blur(mask, kernel), kernel)
        (left, top), (right, bottom) = start, stop
        return (slice(top, bottom), slice(left, right)), mask * np.float32(1 / 255)

    def _grid(self, region: tuple[slice, slice]) -> tuple[np.ndarray, np.ndarray]:
        """x and y, in head units, of each pixel of a region."""
        y, x = np.mgrid[region].astype(np.float32)
        (a, b, c), (d, e, f) = cv2.invertAffineTransform(self.frame).astype(np.float32)
        return a * x + b * y + c, d * x + e * y + f
