"""Random changes of the training faces, in batches on their device, without a stateful generator.

Every draw is a function of the seed, the epoch and the row of train.h5 alone. A face therefore gets
the same pixels in any batch, process and loader, and after a resume. PyTorch operations whose
rounding depends on the place in a batch are not used: sums over a face, sine, logarithm.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from scipy.special import betaincinv
from torch import Tensor

from renet.config.train import Recipe
from renet.network.loader import queued_copy

# SplitMix64's step and multipliers, as int64, which wraps as uint64 does.
GOLDEN = 0x9E3779B97F4A7C15 - 2**64  # 2**64 divided by the golden ratio
MULTIPLIERS = 0xBF58476D1CE4E5B9 - 2**64, 0x94D049BB133111EB - 2**64
SHIFTS = 30, 27, 31

# Largest rotation in radians, change of scale, and shift as a fraction of the face's side.
ANGLE, SCALE, SHIFT = math.radians(12), 0.12, 0.06
SMALLEST = 0.6  # smallest scale of `zoom`: portraits show head and shoulders
BRIGHTNESS, CONTRAST, SATURATION = 32.0, 0.3, 0.5  # largest changes, BRIGHTNESS in grey levels
ZOOM, GREY, BLUR, NOISE, ERASE = 0.2, 0.2, 0.2, 0.3, 0.25  # fractions of the faces that are changed
NEIGHBOURS = 0.33  # largest weight of a pixel's neighbour on each side, in a blur
DEVIATION = 16.0  # largest standard deviation of the noise, in grey levels
ERASED = 0.1, 0.35  # shortest and longest side of a rectangle, as fractions of a face's side
MIDDLE, WHITE = 128.0, 255.0
PART = 4  # faces that a CPU changes at once, because noise needs eight bytes for each value
LUMINANCE = (0.299, 0.587, 0.114)  # weights of red, green and blue, ITU-R BT.601

Columns = Sequence[np.ndarray] | np.ndarray  # arrays (N,), each with a number for each face
Words = TypeVar("Words", np.ndarray, Tensor)  # int64


@dataclasses.dataclass(frozen=True)
class Change:
    """A group of changes.

    Attributes:
        apply: returns changed faces; its arguments are faces (n, C, H, W) float32, columns, each
            (n, 1, 1, 1) float32, and keys (n, 1) int64.
        columns: computes the columns from the group's draws (n, places) and (height, width).
        fraction: fraction of the faces to change: those whose first draw is below `fraction`.
    """

    draws: range  # places among the draws of a face
    apply: Callable[[Tensor, Sequence[Tensor], Tensor], Tensor]
    columns: Callable[[np.ndarray, tuple[int, int]], Columns] = lambda drawn, size: drawn[:, :0].T
    fraction: float = 1


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """Changes the training faces by a recipe; see `CHANGES`."""

    recipe: Recipe
    count: int  # number of training faces
    classes: int

    def rows_to_read(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        """Return the rows to load: `rows`, and with mixup then the partner of each row."""
        if not self.recipe.mixup:
            return rows
        partners = (self._mixup_draws(rows, epoch)[:, 0] * self.count).astype(np.int64)
        return np.concatenate([rows, partners])

    def __call__(
        self, pixels: Tensor, targets: Tensor, rows: np.ndarray, epoch: int
    ) -> tuple[Tensor, Tensor]:
        """Change the faces of `rows_to_read`; changed pixels are float32 from 0 to 255.

        With mixup, the targets (2N,) int64 become weights of the classes, (N, classes) float32.
        """
        mixup = self.recipe.mixup
        if self.recipe.augment:
            key = keys(self.recipe.seed, epoch, self.rows_to_read(rows, epoch))
            pixels = change(pixels, self.recipe.augment, key)
        if not mixup:
            return pixels, targets
        drawn = betaincinv(mixup, mixup, self._mixup_draws(rows, epoch)[:, 1])
        own_weight = np.maximum(drawn, 1 - drawn).astype(np.float32)
        (weight,) = _on_device([own_weight], pixels.device)
        ones = F.one_hot(targets, self.classes).float()
        return _blend(pixels, weight.view(-1, 1, 1, 1)), _blend(ones, weight.view(-1, 1))

    def _mixup_draws(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        """Return two draws for each row, (N, 2): for its partner and for its own weight."""
        return uniform(keys(self.recipe.seed, epoch, rows), MIXUP_DRAWS)


def _blend(values: Tensor, weight: Tensor) -> Tensor:
    """Mix the first half, the values of the faces, with the second half, of their partners."""
    own, partners = values.chunk(2)
    return own * weight + partners * (1 - weight)


def keys(seed: int, epoch: int, rows: np.ndarray) -> np.ndarray:
    """Compute a key, (N,) int64, for each row of an epoch (from 0)."""
    key = np.zeros(len(rows), np.int64)
    for part in (seed, epoch, rows):
        key = _mix(key + part + GOLDEN)
    return key


def uniform(key: np.ndarray, places: range) -> np.ndarray:
    """Draw numbers from 0 to below 1, (N, places) float64, at `places` in each key's sequence."""
    steps = np.arange(places.start + 1, places.stop + 1) * GOLDEN
    return _shifted(_mix(key[:, None] + steps), 11) * 2.0**-53


def _mix(state: Words) -> Words:
    """Apply SplitMix64's finaliser (Steele, Lea and Flood, 2014) in place."""
    for shift, multiplier in zip(SHIFTS, (*MULTIPLIERS, 1), strict=True):
        state ^= _shifted(state, shift)
        state *= multiplier
    return state


def _shifted(words: Words, shift: int) -> Words:
    """Shift words to the right like unsigned integers."""
    return (words >> shift) & ((1 << (64 - shift)) - 1)


def change(pixels: Tensor, names: Sequence[str], key: np.ndarray) -> Tensor:
    """Change faces (N, C, H, W) uint8 by their keys; return float32 from 0 to 255."""
    faces, rows, columns = pixels.to(torch.float32), [], []
    wanted = [made for name, made in CHANGES.items() if name in names]
    for made in wanted:
        drawn = uniform(key, made.draws)
        rows.append(np.flatnonzero(drawn[:, 0] < made.fraction))
        of_faces = made.columns(drawn[rows[-1]], pixels.shape[2:])
        columns.append(np.array(of_faces, np.float32)[..., None, None, None])
    on_device, *rows = _on_device([key[:, None], *rows], faces.device)
    columns = _on_device(columns, faces.device)
    for made, *of_rows in zip(wanted, rows, columns, strict=True):
        faces = _applied(made, faces, on_device, *of_rows)
    return faces.clamp_(0, WHITE)


def _applied(made: Change, faces: Tensor, key: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return the faces with the change applied to `rows`, in place, or to all faces."""
    if made.fraction == 1:
        return made.apply(faces, columns, key)
    at_once = PART if faces.device.type == "cpu" else len(faces)
    for part, of_part in zip(rows.split(at_once), columns.split(at_once, 1), strict=True):
        chosen = faces.index_select(0, part), of_part, key.index_select(0, part)
        faces.index_copy_(0, part, made.apply(*chosen))
    return faces


def _on_device(arrays: Sequence[np.ndarray], device: torch.device) -> list[Tensor]:
    """Copy arrays of one dtype to the device, in one transfer."""
    joined = torch.from_numpy(np.concatenate([array.ravel() for array in arrays]))
    parts = queued_copy(joined, device).split([array.size for array in arrays])
    return [part.view(array.shape) for part, array in zip(parts, arrays, strict=True)]


def _around(drawn: np.ndarray, largest: float) -> np.ndarray:
    """Scale draws from 0 to 1 to values from -largest to largest."""
    return (2 * drawn - 1) * largest


def _affine_columns(drawn: np.ndarray, size: tuple[int, int]) -> Columns:
    """Compute the six values of each face's affine matrix (2, 3), row by row."""
    height, width = size
    angle, scale = _around(drawn[:, 0], ANGLE), 1 + _around(drawn[:, 1], SCALE)
    cosine, sine = np.cos(angle) / scale, np.sin(angle) / scale
    return [cosine, -sine * height / width, 2 * _around(drawn[:, 2], SHIFT),
            sine * width / height, cosine, 2 * _around(drawn[:, 3], SHIFT)]  # fmt: skip


def _zoom_columns(drawn: np.ndarray, size: tuple[int, int]) -> Columns:
    """Compute the affine matrix of a scale from SMALLEST to 1, whose logarithm is uniform."""
    inverse = SMALLEST ** -drawn[:, 1]
    zero = np.zeros_like(inverse)
    return [inverse, zero, zero, zero, inverse, zero]


def _affine(faces: Tensor, columns: Sequence[Tensor], key: Tensor) -> Tensor:
    """Rotate, scale and shift the faces; beyond its border, a face is reflected."""
    _, _, height, width = faces.shape
    a, b, c, d, e, f = (values[..., 0] for values in columns)
    x = _centres(width, faces.device).view(1, 1, -1)
    y = _centres(height, faces.device).view(1, -1, 1)
    # Not F.affine_grid: the rounding of its matrix product depends on the number of faces.
    grid = torch.stack([a * x + b * y + c, d * x + e * y + f], 3)
    return F.grid_sample(faces, grid, padding_mode="reflection", align_corners=False)


@functools.cache
def _centres(side: int, device: torch.device) -> Tensor:
    """Compute the centres of a side's pixels; the side is from -1 to 1."""
    return _on_device([((2 * np.arange(side) + 1) / side - 1).astype(np.float32)], device)[0]


def _luminance(faces: Tensor) -> Tensor:
    """Convert RGB (N, 3, H, W) to luminance (N, 1, H, W)."""
    red, green, blue = map(torch.mul, faces.split(1, 1), LUMINANCE)
    return red + green + blue


def _colour_columns(drawn: np.ndarray, size: tuple[int, int]) -> Columns:
    """Compute the brightness, contrast and saturation of each face."""
    light = MIDDLE + _around(drawn[:, 0], BRIGHTNESS)
    return [light, 1 + _around(drawn[:, 1], CONTRAST), 1 + _around(drawn[:, 2], SATURATION)]


def _colour(faces: Tensor, columns: Sequence[Tensor], key: Tensor) -> Tensor:
    """Change saturation, contrast about the middle grey, and brightness."""
    light, contrast, saturation = columns
    grey = _luminance(faces)
    return ((faces - grey) * saturation + grey - MIDDLE) * contrast + light


def _blur(faces: Tensor, columns: Sequence[Tensor], key: Tensor) -> Tensor:
    """Mix each pixel with its neighbours, along rows and then along columns."""
    (weight,) = columns
    middle = 1 - 2 * weight
    padded = F.pad(faces, (1, 1, 0, 0), mode="replicate")
    faces = faces * middle + (padded[..., :-2] + padded[..., 2:]) * weight
    padded = F.pad(faces, (0, 0, 1, 1), mode="replicate")
    return faces * middle + (padded[:, :, :-2] + padded[:, :, 2:]) * weight


def _noise(faces: Tensor, columns: Sequence[Tensor], key: Tensor) -> Tensor:
    """Add nearly normal noise, the sum of four uniform numbers for each value."""
    (deviation,) = columns
    places = torch.arange(faces.shape[1:].numel(), device=faces.device) + MIXUP_DRAWS.stop + 1
    words = _mix(key + places * GOLDEN)
    total = sum((words >> shift) & 0xFFFF for shift in (0, 16, 32, 48))
    unit = (total - 2 * 0xFFFF).to(torch.float32) * (math.sqrt(3) / 0x10000)
    return faces + unit.view(faces.shape) * deviation


def _erase_columns(drawn: np.ndarray, size: tuple[int, int]) -> Columns:
    """Compute top, bottom (exclusive), left, right (exclusive) and grey of each rectangle."""
    sides = ERASED[0] + (ERASED[1] - ERASED[0]) * drawn[:, 1:3]
    starts = (1 - sides) * drawn[:, 3:5]
    first, end = np.round(starts * size), np.round((starts + sides) * size)
    return [first[:, 0], end[:, 0], first[:, 1], end[:, 1], drawn[:, 5] * WHITE]


def _erase(faces: Tensor, columns: Sequence[Tensor], key: Tensor) -> Tensor:
    """Cover a rectangle with a grey."""
    top, bottom, left, right, grey = columns
    y = torch.arange(faces.shape[2], device=faces.device).view(-1, 1)
    x = torch.arange(faces.shape[3], device=faces.device)
    inside = (y >= top) & (y < bottom) & (x >= left) & (x < right)
    return torch.where(inside, grey, faces)


# Applied in this order. The draws of a group do not depend on the other groups.
CHANGES = {
    "flip": Change(range(1), lambda faces, *_: faces.flip(3), fraction=0.5),
    "affine": Change(range(1, 5), _affine, _affine_columns),
    # Its draws are beyond the draws of the noise, one for each value of a face.
    "zoom": Change(range(1 << 32, (1 << 32) + 2), _affine, _zoom_columns, ZOOM),
    "colour": Change(range(5, 8), _colour, _colour_columns),
    "grey": Change(
        range(8, 9), lambda faces, *_: _luminance(faces).expand_as(faces), fraction=GREY
    ),
    "blur": Change(range(9, 11), _blur, lambda drawn, size: [drawn[:, 1] * NEIGHBOURS], BLUR),
    "noise": Change(range(11, 13), _noise, lambda drawn, size: [drawn[:, 1] * DEVIATION], NOISE),
    "erase": Change(range(13, 19), _erase, _erase_columns, ERASE),
}
MIXUP_DRAWS = range(19, 21)
