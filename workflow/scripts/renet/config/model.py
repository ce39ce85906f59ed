"""The config's section `model`: the architectures of all kinds of networks (no torch needed)."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from renet.common.errors import InputError
from renet.config.section import Count, Pair, Positive, Section

LAST = ("classifier", "flip_average", "classes", "kind")  # keys in model files


class RNNBlock(Section):
    """Entry of `spatial_rnns`: the block and the units of a SpatialRNN."""

    block: Pair
    """[height, width]: the feature map is divided into blocks of this size"""
    units: Count
    """units of each RNN in each direction"""


class StridedConv(Section):
    """Entry of `strided_convs`: a 3x3 convolution with a stride."""

    channels: Count
    """output channels"""
    stride: Pair
    """[vertical, horizontal] stride in pixels of the feature map"""


class Kind(Section):
    """Settings that all kinds of networks share, and facts about each kind for the workflow."""

    kind: str
    has_layers: ClassVar[bool] = True  # the layers are trained step by step; an SVM is fitted
    has_walkthrough: ClassVar[bool] = True  # a page shows the output of each layer for one photo

    flip_average: bool = False
    """true: average the predictions of the face and its mirror image, in twice the time"""
    classes: Literal[2] = 2
    """always 2"""

    @model_serializer(mode="wrap")
    def _order_as_in_model_files(self, values: SerializerFunctionWrapHandler) -> dict[str, Any]:
        found = values(self)
        first = [name for name in found if name not in LAST]
        return {name: found[name] for name in (*first, *LAST) if name in found}

    @classmethod
    def modules(cls) -> list[str]:
        """Return the modules, named after the kind, that build and fit only this kind."""
        packages = ["network.kinds"] if cls.has_layers else ["network.kinds", "training"]
        return [f"renet.{package}.{cls.model_fields['kind'].default}" for package in packages]

    def size_divisors(self) -> tuple[int, int]:
        """Return the numbers by which an image's height and width must be divisible."""
        return 1, 1

    def check_size(self, size: Sequence[int], network: str) -> None:
        """Raise an InputError about `network` unless images of `size` (height, width) fit it."""
        divisors = self.size_divisors()
        if any(side % divisor for side, divisor in zip(size, divisors, strict=True)):
            raise InputError(
                f"`crop.size` is {[*size]}, but {network} needs multiples of {[*divisors]} "
                "(height, width); set it to multiples, or change `model`."
            )

    def layers(self) -> list[str]:
        """Return the names of the network's layers in their order, [] for an SVM."""
        return []


class Convolutions(Kind):
    """Settings that the kinds renet and cnn share."""

    conv_channels: Annotated[list[Count], Field(min_length=1)] = [32, 64, 128, 256]
    """output channels of 3x3 convolutions with dilation 2; max-pooling follows all but the last"""
    classifier: Literal["course", "plain"] = "course"
    """a convolution to one map for each class, whose mean is the logit; course: with padding and
    ReLU; plain: with neither"""

    def blocks(self) -> dict[str, list[int]]:
        """Return {layer: [height, width] that it reduces to one value} after `conv_channels`."""
        raise NotImplementedError

    def size_divisors(self) -> tuple[int, int]:
        pooling = 2 ** (len(self.conv_channels) - 1)
        down, right = map(math.prod, zip((1, 1), *self.blocks().values(), strict=True))
        return pooling * down, pooling * right

    def stages(self) -> list[list[str]]:
        """Return each stage's layer names: normalisation, max-pooling (if any), and main layer."""
        depth = len(self.conv_channels)
        layers = [*(f"conv{number}" for number in range(1, depth + 1)), *self.blocks(), "cls"]
        return [
            [f"bn{number}", *([f"pool{number}"] if 0 < number < depth else []), layer]
            for number, layer in enumerate(layers)
        ]

    def layers(self) -> list[str]:
        return ["norm", *itertools.chain(*self.stages())]


class Architecture(Convolutions):
    """the course's network: convolutions, then SpatialRNNs"""

    spatial_rnns: list[RNNBlock] = [
        RNNBlock(block=[2, 2], units=256), RNNBlock(block=[2, 2], units=512),
    ]  # fmt: skip
    """SpatialRNN blocks; each sweeps the map vertically, then horizontally"""
    cell: Literal["tanh", "relu", "gru", "lstm"] = "tanh"
    """cell of the RNNs: tanh, relu, gru (3 times the parameters) or lstm (4 times)"""
    shared: bool = False
    """false: each column and row has its own RNN; true: one RNN for all columns, and one for all
    rows, as in the ReNet paper"""
    sweep_norm: bool = False
    """true: layer normalisation after each vertical sweep"""
    residual: bool = False
    """true: a residual connection around each sweep"""
    kind: Literal["renet"] = "renet"
    """renet, cnn, resnet18 or hog_svm"""

    def blocks(self) -> dict[str, list[int]]:
        return {f"rnn{number}": rnn.block for number, rnn in enumerate(self.spatial_rnns, 1)}


class CnnArchitecture(Convolutions):
    """3x3 convolutions with a stride in place of the SpatialRNNs; by default, the feature maps have
    the shapes of renet's, and an image takes 6 % more operations"""

    strided_convs: list[StridedConv] = [
        StridedConv(channels=512, stride=[2, 2]), StridedConv(channels=1024, stride=[2, 2]),
    ]  # fmt: skip
    """3x3 convolutions with a stride"""
    kind: Literal["cnn"] = "cnn"

    def blocks(self) -> dict[str, list[int]]:
        numbered = enumerate(self.strided_convs, len(self.conv_channels) + 1)
        return {f"conv{number}": conv.stride for number, conv in numbered}


class ResNet18Architecture(Kind):
    """torchvision's ResNet-18, for images of any size"""

    has_walkthrough: ClassVar[bool] = False
    kind: Literal["resnet18"] = "resnet18"

    def layers(self) -> list[str]:
        blocks = [f"layer{number}" for number in range(1, 5)]
        return ["norm", "conv1", "bn1", "relu", "maxpool", *blocks, "avgpool", "flatten", "fc"]


class HogSvmArchitecture(Kind):
    """a linear SVM on histograms of oriented gradients, fitted on at most 50,000 faces; it
    uses only `seed` of `train`"""

    has_layers: ClassVar[bool] = False
    has_walkthrough: ClassVar[bool] = False

    cells: Annotated[int, Field(ge=2)] = 8
    """cells along each side of the face"""
    orientations: Count = 9
    """bins of each histogram"""
    alpha: Positive = 0.0001
    """strength of the SVM's regularisation"""
    kind: Literal["hog_svm"] = "hog_svm"


AnyArchitecture = Architecture | CnnArchitecture | ResNet18Architecture | HogSvmArchitecture
Model = Annotated[AnyArchitecture, Field(discriminator="kind")]
KINDS: dict[str, type[AnyArchitecture]] = {
    kind.model_fields["kind"].default: kind for kind in get_args(AnyArchitecture)
}


def from_settings(settings: Mapping) -> AnyArchitecture:
    """Return the architecture in a record or model file; settings without `kind` are renet's."""
    return KINDS[settings.get("kind", "renet")].model_validate(settings)
