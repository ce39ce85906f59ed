"""The means of painting: smooth shapes, colours in light and shadow, and a canvas that blends them.

OpenCV rasterises the shapes with antialiasing, numpy mixes the colours in float32.
"""

from collections.abc import Sequence

import cv2
import numpy as np

Points = np.ndarray | Sequence[tuple[float, float]]
Region = tuple[slice, slice]  # rows, columns


def _catmull_rom(steps: int) -> np.ndarray:
    """The weights of four neighbouring points along the span between the middle two: (steps, 4)."""
    t = np.linspace(0, 1, steps, endpoint=False, dtype=np.float32)[:, None]
    matrix = np.array(
        [(0, 2, 0, 0), (-1, 0, 1, 0), (2, -5, 4, -1), (-1, 3, -3, 1)],
        np.float32,
    )
    return t ** np.arange(4) @ matrix / 2


CATMULL_ROM = _catmull_rom(8)


def spline(points: Points, closed: bool = True) -> np.ndarray:
    """A smooth curve through (n, 2) points (Catmull-Rom), about eight times as many."""
    points = np.asarray(points, np.float32)
    if closed:
        padded = np.concatenate([points[-1:], points, points[:2]])
    else:
        ends = 2 * points[:1] - points[1:2], 2 * points[-1:] - points[-2:-1]
        padded = np.concatenate([ends[0], points, ends[1]])
    spans = np.stack([padded[k : len(padded) - 3 + k] for k in range(4)])
    curve = np.einsum("sk,knd->nsd", CATMULL_ROM, spans).reshape(-1, 2)
    return curve if closed else np.concatenate([curve, points[-1:]])


def mirrored(right: Points) -> np.ndarray:
    """The whole outline from its right half, given from the top to the bottom."""
    right = np.asarray(right, np.float32)
    left = right[::-1] * (-1, 1)
    return np.vstack([right, left[(right[::-1, 0] > 1e-6)]])


CIRCLE = np.array([(np.cos(k), np.sin(k)) for k in np.linspace(0, 2 * np.pi, 36, endpoint=False)])


def ellipse(x: float, y: float, width: float, height: float, turn: float = 0.0) -> np.ndarray:
    """The outline of an ellipse about (x, y) with these half axes, turned by radians: (36, 2)."""
    cos, sin = np.cos(turn), np.sin(turn)
    return CIRCLE @ ((width * cos, width * sin), (-height * sin, height * cos)) + (x, y)


def shifted(points: Points, x: float, y: float) -> np.ndarray:
    """Points (n, 2) moved by (x, y)."""
    return np.asarray(points, np.float32) + np.array((x, y), np.float32)


def ribbon(points: Points, width: float | Sequence[float], smooth: bool = True) -> np.ndarray:
    """The outline of a brush stroke along points (n, 2); `width` is one, or some along the way."""
    curve = spline(points, closed=False) if smooth else np.asarray(points, np.float32)
    along = np.empty_like(curve)
    along[1:-1] = curve[2:] - curve[:-2]
    along[0], along[-1] = curve[1] - curve[0], curve[-1] - curve[-2]
    normal = along[:, ::-1] * (-1, 1)
    normal /= np.maximum(np.sqrt((normal**2).sum(axis=1, keepdims=True)), 1e-6)
    places = np.arange(len(curve)) * ((np.size(width) - 1) / (len(curve) - 1))
    widths = np.interp(places, np.arange(np.size(width)), np.atleast_1d(width))
    offset = normal * widths[:, None] / 2
    return np.vstack([curve + offset, (curve - offset)[::-1]])


def rgb(red: float, green: float, blue: float) -> np.ndarray:
    """A colour from its values in 0..255: (3,) float32, as all colours here."""
    return np.array((red, green, blue), np.float32)


WHITE = rgb(255, 255, 255)


def from_hsv(hue: float, saturation: float, value: float) -> np.ndarray:
    """RGB in 0..255 from hue, saturation and value in 0..1."""
    ramp = np.abs((hue * 6 + np.array((0, 4, 2))) % 6 - 3) - 1
    return (255 * value * (1 - saturation * (1 - np.clip(ramp, 0, 1)))).astype(np.float32)


def shaded(colour: np.ndarray, factor: float | np.ndarray) -> np.ndarray:
    """A colour in more or less light: shadows of skin and hair turn warmer, not only darker.

    `colour` is one (3,) or one for each pixel (h, w, 3); `factor` is a number or (h, w).
    """
    channels = (1 + (factor - 1) * np.float32(share) for share in (0.9, 1.03, 1.1))
    if np.ndim(factor) == 0:
        return colour * np.array([*channels], np.float32)
    if colour.ndim == 1:
        return cv2.merge([value * channel for value, channel in zip(colour, channels, strict=True)])
    return colour * cv2.merge([*channels])


def mixed(one: np.ndarray, other: np.ndarray, share: float | np.ndarray) -> np.ndarray:
    """Two colours (3,) mixed; `share` of the other is a number, or (h, w) for each pixel."""
    if np.ndim(share) == 0:
        return (one + (other - one) * share).astype(np.float32)
    share = np.asarray(share, np.float32)
    return cv2.merge([a + (b - a) * share for a, b in zip(one, other, strict=True)])


def ramps(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """From -1 to 1 down (height, 1) and across (1, width), float32."""
    down = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    return down, np.linspace(-1, 1, width, dtype=np.float32)[None]


def clouds(rng: np.random.Generator, height: int, width: int, cells: int) -> np.ndarray:
    """Soft noise in 0..1, (height, width) float32, its largest lumps 1/cells of the side."""
    noise = np.zeros((height, width), np.float32)
    for octave in range(3):
        n = cells * 2**octave
        grid = rng.random((n, n), dtype=np.float32)
        noise += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) / 2**octave
    return np.clip(noise / 1.75, 0, 1)


class Canvas:
    """Pixels and a frame: shapes come in units of their own and land moved, turned and scaled.

    Attributes:
        pixels: (h, w, 3) float32, RGB in 0..255; several canvases may share them.
        frame: the affine map (2, 3) from units to pixels.
        unit: pixels to a unit.
    """

    def __init__(self, pixels: np.ndarray, frame: np.ndarray):
        self.pixels = pixels
        self.frame = frame
        self.unit = float(np.hypot(frame[0, 0], frame[1, 0]))
        self.inverse = cv2.invertAffineTransform(frame)

    def mask(self, outline: np.ndarray, soft: float = 0.0) -> tuple[Region, np.ndarray]:
        """A shape's region of the canvas, as slices, and its coverage there in 0..1, float32.

        The region holds a pixel at least, be the shape on the canvas or not.
        """
        points = outline @ self.frame[:, :2].T + self.frame[:, 2]
        fixed = np.round(points * 16).astype(np.int32)  # fillPoly takes sixteenths of a pixel
        x, y, across, down = cv2.boundingRect(fixed)
        blur = int(soft * self.unit)
        margin = 2 * blur + 2
        height, width = self.pixels.shape[:2]
        left = min(max((x >> 4) - margin, 0), width - 1)
        top = min(max((y >> 4) - margin, 0), height - 1)
        right = max(min((x + across >> 4) + margin, width), left + 1)
        bottom = max(min((y + down >> 4) + margin, height), top + 1)
        mask = np.zeros((bottom - top, right - left), np.uint8)
        cv2.fillPoly(mask, [fixed - (left * 16, top * 16)], 255, cv2.LINE_AA, shift=4)
        if blur:
            kernel = (2 * blur + 1, 2 * blur + 1)
            mask = cv2.blur(cv2.blur(mask, kernel), kernel)
        region = slice(top, bottom), slice(left, right)
        return region, mask * np.float32(1 / 255)

    def lay(self, region: Region, mask: np.ndarray, colour: np.ndarray) -> None:
        """Put a colour, one or one for each pixel of the region, on as the mask covers."""
        part = self.pixels[region]
        rows = part.reshape(len(part), -1)  # long rows: numpy is slow where the last axis is 3
        colour = np.tile(colour, part.shape[1]) if colour.ndim == 1 else colour.reshape(rows.shape)
        rows += (colour - rows) * cv2.merge((mask, mask, mask)).reshape(rows.shape)

    def paint(
        self,
        outline: np.ndarray,
        colour: np.ndarray,
        alpha: float = 1.0,
        soft: float = 0.0,
        clip: np.ndarray | None = None,
    ) -> None:
        """Fill a shape, with a soft edge where asked, only where `clip` (whole canvas) is 1."""
        region, mask = self.mask(outline, soft)
        if clip is not None:
            mask = mask * clip[region]
        self.lay(region, mask * alpha, colour)

    def tint(
        self,
        outline: np.ndarray,
        factor: float,
        alpha: float = 1.0,
        soft: float = 0.0,
        clip: np.ndarray | None = None,
    ) -> None:
        """Darken or lighten what lies under a shape; otherwise as `paint`."""
        region, mask = self.mask(outline, soft)
        if clip is not None:
            mask = mask * clip[region]
        self.lay(region, mask * alpha, shaded(self.pixels[region], factor))

    def grid(self, region: Region) -> tuple[np.ndarray, np.ndarray]:
        """x and y, in head units, of each pixel of a region, float32."""
        rows, columns = region
        y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None]
        x = np.arange(columns.start, columns.stop, dtype=np.float32)[None]
        (a, b, c), (d, e, f) = self.inverse.astype(np.float32)
        return a * x + b * y + c, d * x + e * y + f

    def coverage(self, outline: np.ndarray, soft: float = 0.0) -> np.ndarray:
        """A shape's mask over the whole canvas, for clipping."""
        whole = np.zeros(self.pixels.shape[:2], np.float32)
        region, mask = self.mask(outline, soft)
        whole[region] = mask
        return whole
