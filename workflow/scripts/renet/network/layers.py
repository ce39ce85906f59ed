"""Small layers of the course's network, as neon computes them."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Normalizer(nn.Module):
    """neon's `Normalizer(divisor=128)`, after subtracting the mean of the data if there is one.

    Attributes:
        mean: (1,), (C, 1, 1) or (C, H, W), in grey levels; zero without a mean.
    """

    DIVISOR = 128.0

    def __init__(self, mean: Tensor | None = None):
        super().__init__()
        self.register_buffer("mean", torch.zeros(1) if mean is None else mean)

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, C, H, W) of any dtype, grey levels from 0 to 255, to the module's own dtype."""
        return (pixels.to(self.mean.dtype) - self.mean) / self.DIVISOR


class ConvReLU(nn.Conv2d):
    """A convolution with bias and ReLU: neon's `Conv(..., activation=Rectlin())`."""

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to (N, K, H', W')."""
        return F.relu(super().forward(maps))
