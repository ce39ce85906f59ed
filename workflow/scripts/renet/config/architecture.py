"""The architecture of the network (no torch needed)."""

import dataclasses
import math
from typing import TypedDict

from renet.common.imdb_wiki import CLASSES


class RNNBlock(TypedDict):
    """One of the config's `model.spatial_rnns`."""

    units: int
    block: list[int]


@dataclasses.dataclass(frozen=True)
class Architecture:
    """The config's section `model`; the defaults are the course's network."""

    conv_channels: list[int] = dataclasses.field(default_factory=lambda: [32, 64, 128, 256])
    spatial_rnns: list[RNNBlock] = dataclasses.field(
        default_factory=lambda: [
            {"units": 256, "block": [2, 2]},
            {"units": 512, "block": [2, 2]},
        ]
    )
    cell: str = "tanh"
    shared: bool = False
    classes: int = len(CLASSES)

    def size_divisors(self) -> tuple[int, int]:
        """What the height and the width of an image have to be multiples of."""
        pooling = 2 ** (len(self.conv_channels) - 1)
        return tuple(
            pooling * math.prod(rnn["block"][axis] for rnn in self.spatial_rnns) for axis in (0, 1)
        )
