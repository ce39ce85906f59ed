"""The architectures of all kinds of networks, the config's section `model` (no torch needed)."""

import dataclasses
import math
from collections.abc import Mapping
from typing import ClassVar, TypedDict

from renet.common.imdb_wiki import CLASSES


class RNNBlock(TypedDict):
    """One of the config's `model.spatial_rnns`."""

    block: list[int]
    units: int


class StridedConv(TypedDict):
    """One of the config's `model.strided_convs`."""

    channels: int
    stride: list[int]


class Kind:
    """What the workflow must know about a kind of network."""

    kind: str
    has_layers: ClassVar[bool] = True  # which are trained step by step; others are fitted
    has_walkthrough: ClassVar[bool] = True  # a page of what each layer makes of one photo

    @classmethod
    def modules(cls) -> list[str]:
        """The modules that are imported by the kind's name, so that no other kind depends on them.

        The first one builds the network, and the other one, if any, fits it.
        """
        packages = ["network.kinds"] if cls.has_layers else ["network.kinds", "training"]
        return [f"renet.{package}.{cls.kind}" for package in packages]

    def size_divisors(self) -> tuple[int, int]:
        """The divisors of the height and the width that an image must have."""
        return 1, 1


@dataclasses.dataclass(frozen=True)
class Architecture(Kind):
    """The kind renet; the defaults are the course's network."""

    conv_channels: list[int] = dataclasses.field(default_factory=lambda: [32, 64, 128, 256])
    spatial_rnns: list[RNNBlock] = dataclasses.field(
        default_factory=lambda: [
            {"block": [2, 2], "units": 256},
            {"block": [2, 2], "units": 512},
        ]
    )
    cell: str = "tanh"
    shared: bool = False
    sweep_norm: bool = False
    residual: bool = False
    classifier: str = "course"
    flip_average: bool = False
    classes: int = len(CLASSES)
    kind: str = "renet"

    def size_divisors(self) -> tuple[int, int]:
        return _divisors(self.conv_channels, [rnn["block"] for rnn in self.spatial_rnns])


@dataclasses.dataclass(frozen=True)
class CnnArchitecture(Kind):
    """The kind cnn: convolutions of 3 x 3 with a stride where renet has SpatialRNNs.

    The defaults have the shapes of renet's defaults, and 106 % of its operations for one image.
    """

    conv_channels: list[int] = dataclasses.field(default_factory=lambda: [32, 64, 128, 256])
    strided_convs: list[StridedConv] = dataclasses.field(
        default_factory=lambda: [
            {"channels": 512, "stride": [2, 2]},
            {"channels": 1024, "stride": [2, 2]},
        ]
    )
    classifier: str = "course"
    flip_average: bool = False
    classes: int = len(CLASSES)
    kind: str = "cnn"

    def size_divisors(self) -> tuple[int, int]:
        return _divisors(self.conv_channels, [conv["stride"] for conv in self.strided_convs])


@dataclasses.dataclass(frozen=True)
class ResNet18Architecture(Kind):
    """The kind resnet18, for images of any size."""

    has_walkthrough: ClassVar[bool] = False

    flip_average: bool = False
    classes: int = len(CLASSES)
    kind: str = "resnet18"


@dataclasses.dataclass(frozen=True)
class HogSvmArchitecture(Kind):
    """The kind hog_svm: a linear SVM on histograms of oriented gradients."""

    has_layers: ClassVar[bool] = False
    has_walkthrough: ClassVar[bool] = False

    cells: int = 8
    orientations: int = 9
    alpha: float = 0.0001
    flip_average: bool = False
    classes: int = len(CLASSES)
    kind: str = "hog_svm"


AnyArchitecture = Architecture | CnnArchitecture | ResNet18Architecture | HogSvmArchitecture
KINDS: dict[str, type[AnyArchitecture]] = {
    made.kind: made
    for made in (Architecture, CnnArchitecture, ResNet18Architecture, HogSvmArchitecture)
}


def from_settings(settings: Mapping) -> AnyArchitecture:
    """The architecture of a section `model`; without a kind it is renet's."""
    return KINDS[settings.get("kind", Architecture.kind)](**settings)


def _divisors(conv_channels: list[int], strides: list[list[int]]) -> tuple[int, int]:
    pooling = 2 ** (len(conv_channels) - 1)
    return tuple(pooling * math.prod(stride[axis] for stride in strides) for axis in (0, 1))
