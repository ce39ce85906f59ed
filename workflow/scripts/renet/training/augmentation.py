"""Changes of the training faces, in batches on their device, that no generator's state decides.

Every draw is a function of the seed, the epoch and the row of train.h5 alone. A face therefore gets
the same pixels in any batch, process and loader, and after a resume. Libraries draw for a whole
batch from a generator with a state. The draws of one group of changes do not depend on which other
groups there are. What is computed for each pixel are operations of PyTorch that round alike
wherever a face stands in its batch: no sum over a face, and no sine or logarithm.
"""

import dataclasses
import math

import numpy as np
import torch
import torch.nn.functional as F
from scipy.special import betaincinv
from torch import Tensor

from renet.config.recipe import Recipe

GOLDEN = 0x9E3779B97F4A7C15  # 2**64 divided by the golden ratio: SplitMix64's step
MULTIPLIERS = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
SHIFTS = 30, 27, 31
WORD = 2**64

# The places of each group among the draws of a face.
DRAWS = {
    "flip": range(1),
    "affine": range(1, 5),
    "colour": range(5, 8),
    "grey": range(8, 9),
    "blur": range(9, 11),
    "noise": range(11, 13),
    "erase": range(13, 19),
    "mixup": range(19, 21),
}
# The strengths: angle in radians, and the largest change of size and fraction of the side.
ANGLE, SCALE, SHIFT = math.radians(12), 0.12, 0.06
BRIGHTNESS, CONTRAST, SATURATION = 32.0, 0.3, 0.5  # the first in grey levels
GREY, BLUR, NOISE, ERASE = 0.2, 0.2, 0.3, 0.25  # fractions of the faces
NEIGHBOURS = 0.33  # largest weight of a pixel's neighbour on each side, in a blur
DEVIATION = 16.0  # largest standard deviation of the noise, in grey levels
ERASED = 0.1, 0.35  # of a side
MIDDLE, WHITE = 128.0, 255.0
LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue, ITU-R BT.601


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """The changes of a recipe; see `DRAWS`.

    Attributes:
        names: of the groups, in any order.
        mixup: both parameters of the beta distribution of a partner's weight; 0: no partners.
        count: of the training faces, one of which is each partner.
    """

    names: frozenset[str]
    mixup: float
    seed: int
    count: int
    classes: int

    @classmethod
    def from_recipe(cls, recipe: Recipe, count: int, classes: int) -> "Augmentation | None":
        """The changes of a recipe for some training faces; None without any."""
        if not recipe.augments:
            return None
        return cls(frozenset(recipe.augment), recipe.mixup, recipe.seed, count, classes)

    def rows_to_read(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        """The rows, and behind them their partners for mixup."""
        if not self.mixup:
            return rows
        return np.concatenate([rows, self._partners(rows, epoch)[0]])

    def __call__(
        self, pixels: Tensor, targets: Tensor, rows: np.ndarray, epoch: int
    ) -> tuple[Tensor, Tensor]:
        """Change the faces of `rows_to_read`.

        Returns:
            The pixels of `rows`, (N, C, H, W) float32 from 0 to 255, and their targets: (N,) int64,
            or with mixup the weights of the classes, (N, classes) float32.
        """
        if not self.mixup:
            return change(pixels, self.names, keys(self.seed, epoch, rows)), targets
        partner_rows, own_weight = self._partners(rows, epoch)
        read = np.concatenate([rows, partner_rows])
        changed = change(pixels, self.names, keys(self.seed, epoch, read))
        weight = _column(own_weight, pixels.device)
        own, partners = changed.split(len(rows))
        ones = F.one_hot(targets, self.classes).float()
        own_ones, partner_ones = ones.split(len(rows))
        partner_weight, flat = 1 - weight, (len(rows), 1)
        return own * weight + partners * partner_weight, (
            own_ones * weight.view(flat) + partner_ones * partner_weight.view(flat)
        )

    def _partners(self, rows: np.ndarray, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """The partner of each row, and the row's own weight, at least a half."""
        drawn = uniform(keys(self.seed, epoch, rows), DRAWS["mixup"])
        partners = (drawn[:, 0] * self.count).astype(np.int64)
        weight = betaincinv(self.mixup, self.mixup, drawn[:, 1])
        return partners, np.maximum(weight, 1 - weight)


def keys(seed: int, epoch: int, rows: np.ndarray) -> np.ndarray:
    """A key, uint64, for each row of an epoch (from 0)."""
    key = np.zeros(len(rows), np.uint64)
    for part in (np.full(len(rows), seed), np.full(len(rows), epoch), rows):
        key = _mixed(key + part.astype(np.uint64) + np.uint64(GOLDEN))
    return key


def uniform(key: np.ndarray, places: range) -> np.ndarray:
    """Draws from 0 to below 1 at some places after each key, (N, places) float64."""
    steps = (np.arange(places.start, places.stop, dtype=np.uint64) + np.uint64(1)) * np.uint64(
        GOLDEN
    )
    return (_mixed(key[:, None] + steps) >> np.uint64(11)) * 2.0**-53


def _mixed(state: np.ndarray) -> np.ndarray:
    """SplitMix64's finaliser (Steele, Lea and Flood, 2014) of uint64."""
    for shift, multiplier in zip(SHIFTS, (*MULTIPLIERS, 1), strict=True):
        state = (state ^ (state >> np.uint64(shift))) * np.uint64(multiplier)
    return state


def _mixed_on_device(state: Tensor) -> Tensor:
    """SplitMix64's finaliser of int64, which wraps as uint64 does."""
    for shift, multiplier in zip(SHIFTS, (*MULTIPLIERS, 1), strict=True):
        shifted = (state >> shift) & ((1 << (64 - shift)) - 1)
        state = (state ^ shifted) * _signed(multiplier)
    return state


def _signed(word: int) -> int:
    return word - WORD if word >= WORD // 2 else word


def change(pixels: Tensor, names: frozenset[str], key: np.ndarray) -> Tensor:
    """Change faces (N, C, H, W) uint8 by their keys; float32 from 0 to 255."""
    faces = pixels.to(torch.float32)
    drawn = {name: uniform(key, DRAWS[name]) for name in names}
    if "flip" in names:
        flipped = _column(drawn["flip"][:, 0] < 0.5, pixels.device)
        faces = torch.where(flipped > 0, faces.flip(3), faces)
    if "affine" in names:
        faces = _affine(faces, drawn["affine"])
    if "colour" in names:
        faces = _colour(faces, drawn["colour"])
    if "grey" in names:
        chosen = _column(drawn["grey"][:, 0] < GREY, pixels.device)
        faces = torch.where(chosen > 0, _luminance(faces), faces)
    if "blur" in names:
        faces = _blur(faces, drawn["blur"])
    if "noise" in names:
        faces = _noise(faces, drawn["noise"], key)
    if "erase" in names:
        faces = _erase(faces, drawn["erase"])
    return faces.clamp(0, WHITE)


def _column(values: np.ndarray, device: torch.device) -> Tensor:
    """A value for each face, as (N, 1, 1, 1) float32 on the device."""
    return (
        torch.from_numpy(values.astype(np.float32)).view(-1, 1, 1, 1).to(device, non_blocking=True)
    )


def _around(drawn: np.ndarray, largest: float) -> np.ndarray:
    """Draws from 0 to 1 as values from -largest to largest."""
    return (2 * drawn - 1) * largest


def _affine(faces: Tensor, drawn: np.ndarray) -> Tensor:
    """Rotate, scale and shift; beyond the border is the face's reflection."""
    _, _, height, width = faces.shape
    angle, scale = _around(drawn[:, 0], ANGLE), 1 + _around(drawn[:, 1], SCALE)
    cosine, sine = np.cos(angle) / scale, np.sin(angle) / scale
    matrix = (cosine, -sine * height / width, 2 * _around(drawn[:, 2], SHIFT),
              sine * width / height, cosine, 2 * _around(drawn[:, 3], SHIFT))  # fmt: skip
    a, b, c, d, e, f = (_column(values, faces.device)[..., 0] for values in matrix)
    x = _centres(width, faces.device).view(1, 1, -1)
    y = _centres(height, faces.device).view(1, -1, 1)
    # Not F.affine_grid, a matrix product, which rounds by the number of faces.
    grid = torch.stack([a * x + b * y + c, d * x + e * y + f], 3)
    return F.grid_sample(faces, grid, padding_mode="reflection", align_corners=False)


def _centres(side: int, device: torch.device) -> Tensor:
    """The centres of the pixels on a side from -1 to 1."""
    centres = ((2 * np.arange(side) + 1) / side - 1).astype(np.float32)
    return torch.from_numpy(centres).to(device, non_blocking=True)


def _luminance(faces: Tensor) -> Tensor:
    """(N, 3, H, W) to (N, 1, H, W)."""
    red, green, blue = (
        weight * channel for weight, channel in zip(LUMINANCE, faces.split(1, 1), strict=True)
    )
    return red + green + blue


def _colour(faces: Tensor, drawn: np.ndarray) -> Tensor:
    """Change saturation, contrast about the middle grey, and brightness."""
    light = _column(MIDDLE + _around(drawn[:, 0], BRIGHTNESS), faces.device)
    contrast = _column(1 + _around(drawn[:, 1], CONTRAST), faces.device)
    saturation = _column(1 + _around(drawn[:, 2], SATURATION), faces.device)
    grey = _luminance(faces)
    return ((faces - grey) * saturation + grey - MIDDLE) * contrast + light


def _blur(faces: Tensor, drawn: np.ndarray) -> Tensor:
    """Mix each pixel of some faces with its neighbours, along rows and then along columns."""
    weight = _column((drawn[:, 0] < BLUR) * drawn[:, 1] * NEIGHBOURS, faces.device)
    middle = 1 - 2 * weight
    padded = F.pad(faces, (1, 1, 0, 0), mode="replicate")
    faces = faces * middle + (padded[..., :-2] + padded[..., 2:]) * weight
    padded = F.pad(faces, (0, 0, 1, 1), mode="replicate")
    return faces * middle + (padded[:, :, :-2] + padded[:, :, 2:]) * weight


def _noise(faces: Tensor, drawn: np.ndarray, key: np.ndarray) -> Tensor:
    """Add noise to some faces: nearly normal, the sum of four uniform numbers for each value."""
    deviation = _column((drawn[:, 0] < NOISE) * drawn[:, 1] * DEVIATION, faces.device)
    places = torch.arange(faces[0].numel(), device=faces.device) + DRAWS["mixup"].stop + 1
    start = torch.from_numpy(key.view(np.int64)).to(faces.device, non_blocking=True).unsqueeze(1)
    words = _mixed_on_device(start + places * _signed(GOLDEN))
    total = sum((words >> shift) & 0xFFFF for shift in (0, 16, 32, 48))
    unit = (total - 2 * 0xFFFF).to(torch.float32) * (math.sqrt(3) / 0x10000)
    return faces + unit.view(faces.shape) * deviation


def _erase(faces: Tensor, drawn: np.ndarray) -> Tensor:
    """Cover a rectangle of some faces with a grey."""
    _, _, height, width = faces.shape
    sides = ERASED[0] + (ERASED[1] - ERASED[0]) * drawn[:, 1:3]
    tops, lefts = ((1 - sides[:, axis]) * drawn[:, 3 + axis] for axis in (0, 1))
    inside = _column(drawn[:, 0] < ERASE, faces.device) > 0
    for starts, lengths, count, shape in ((tops, sides[:, 0], height, (1, 1, -1, 1)),
                                          (lefts, sides[:, 1], width, (1, 1, 1, -1))):  # fmt: skip
        places = torch.arange(count, device=faces.device).view(shape)
        first, end = np.round(starts * count), np.round((starts + lengths) * count)
        inside = inside & (places >= _column(first, faces.device))
        inside = inside & (places < _column(end, faces.device))
    return torch.where(inside, _column(drawn[:, 5] * WHITE, faces.device), faces)
