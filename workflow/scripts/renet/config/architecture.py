"""The shape of the network, as the config says it (no torch needed)."""

import dataclasses
import math

from renet.common.imdb_wiki import CLASSES


@dataclasses.dataclass(frozen=True)
class Architecture:
    """What the config's section `model` says; the defaults are the course's network.

    Attributes:
        conv_channels: widths of the convolutions; each is followed by a pooling but the last.
        spatial_rnns: units of the RNNs and (height, width) of the blocks, for each SpatialRNN.
        cell: kind of RNN, one of tanh, relu, gru, lstm.
        shared: one RNN for all columns and one for all rows, as in the ReNet paper; the course
            gives each column and row its own.
        classes: number of classes.
    """

    conv_channels: list[int] = dataclasses.field(default_factory=lambda: [32, 64, 128, 256])
    spatial_rnns: list[dict] = dataclasses.field(
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
