"""The course's network (section 3.1.3, `generate_rnn_model`): how it is built, begun and stored."""

import dataclasses
import json
import math
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from renet.common import files
from renet.common.errors import InputError
from renet.common.imdb_wiki import CLASSES
from renet.config.architecture import Architecture
from renet.network.layers import DIRECTIONS, BatchNorm, BiRNNBank, ConvReLU, Normalizer, SpatialRNN

FORMAT = "renet-model-1"


class ReNet(nn.Sequential):
    """Convolutions for low-level features, SpatialRNNs for high-level ones, a 1x1 classifier.

    The stages are named as in the course's listing: norm, bn0, conv1, bn1, pool1, … rnn1, … cls.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        architecture: Architecture | None = None,
        mean: np.ndarray | None = None,
    ):
        """Make the network with all weights zero; `initialise` gives it its start.

        Args:
            input_shape: (C, H, W) of the images.
            architecture: the course's where none is given.
            mean: (C,) or (C*H*W,), in grey levels, subtracted from every image.

        Raises:
            InputError: H or W do not fit the poolings and blocks.
        """
        architecture = architecture or Architecture()
        _check_size(input_shape, architecture)
        super().__init__(_stages(tuple(input_shape), architecture, _mean(mean, input_shape)))
        self.architecture = architecture
        self.input_shape = tuple(input_shape)

    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels (N, C, H, W), uint8 or float from 0 to 255, to logits (N, classes).

        The logits are means over a map that went through a ReLU: never negative, and where they
        all become zero the network has died and answers one half for ever.
        """
        return super().forward(pixels).mean(dim=(2, 3))


def _check_size(input_shape: tuple[int, int, int], architecture: Architecture) -> None:
    for name, side, divisor in zip(
        ("height", "width"), input_shape[1:], architecture.size_divisors(), strict=True
    ):
        if side % divisor:
            raise InputError(
                f"The {name} of the images, {side}, is not a multiple of {divisor} as this network "
                "needs it; change crop.size, or the blocks and convolutions in model."
            )


def _mean(mean: np.ndarray | None, input_shape: tuple[int, int, int]) -> Tensor | None:
    if mean is None:
        return None
    shape = (-1, 1, 1) if mean.size == input_shape[0] else input_shape
    return torch.from_numpy(np.asarray(mean, dtype=np.float32)).reshape(shape)


def _stages(
    input_shape: tuple[int, int, int], architecture: Architecture, mean: Tensor | None
) -> OrderedDict[str, nn.Module]:
    channels, height, width = input_shape
    stages: OrderedDict[str, nn.Module] = OrderedDict(
        norm=Normalizer(mean), bn0=BatchNorm(channels)
    )
    convolutions = len(architecture.conv_channels)
    for number, out_channels in enumerate(architecture.conv_channels, 1):
        stages[f"conv{number}"] = ConvReLU(channels, out_channels, 3, padding=2, dilation=2)
        stages[f"bn{number}"] = BatchNorm(out_channels)
        if number < convolutions:
            stages[f"pool{number}"] = nn.MaxPool2d(3, stride=2, padding=1)
            height, width = height // 2, width // 2
        channels = out_channels
    shape = (channels, height, width)
    for number, rnn in enumerate(architecture.spatial_rnns, 1):
        block = SpatialRNN(
            shape, tuple(rnn["block"]), rnn["units"], architecture.cell, architecture.shared
        )
        stages[f"rnn{number}"] = block
        shape = block.output_shape
        stages[f"bn{convolutions + number}"] = BatchNorm(shape[0])
    # The padding of a 1x1 convolution adds a border of relu(bias): the course has it so.
    stages["cls"] = ConvReLU(shape[0], architecture.classes, 1, padding=1)
    return stages


@torch.no_grad()
def initialise(model: ReNet, seed: int) -> None:
    """Give the network neon's own initial weights for this seed, bit for bit in float32.

    Kaiming's normal distribution for convolutions, Glorot's uniform one for each input and
    recurrent matrix, zeros for biases; drawn by NumPy in the order in which neon builds its layers.
    """
    random = np.random.RandomState(seed)  # neon's own generator
    for module in model.modules():
        if isinstance(module, ConvReLU):
            _kaiming(module, random)
        elif isinstance(module, BiRNNBank):
            _glorot(module, random)


def _kaiming(convolution: ConvReLU, random: np.random.RandomState) -> None:
    kernels, *kernel_shape = convolution.weight.shape
    fan_in = math.prod(kernel_shape)
    drawn = random.normal(0, math.sqrt(2 / fan_in), (fan_in, kernels))
    convolution.weight.copy_(torch.from_numpy(drawn.T.reshape(convolution.weight.shape)))
    convolution.bias.zero_()


def _glorot(bank: BiRNNBank, random: np.random.RandomState) -> None:
    for inputs, recurrent in zip(
        bank.input_weight, bank.recurrent_weight.unflatten(0, (-1, DIRECTIONS)), strict=True
    ):
        for gate in (*inputs.split(bank.units), *recurrent.flatten(0, 1).split(bank.units)):
            limit = math.sqrt(6 / sum(gate.shape))
            gate.copy_(torch.from_numpy(random.uniform(-limit, limit, gate.shape)))
    bank.bias.zero_()


def save(path: str | Path, model: ReNet, **more: object) -> None:
    """Store a network with its architecture, so that it can be built again from the file alone.

    Args:
        more: further plain values and tensors to store beside it.
    """
    content = {
        "format": FORMAT,
        # Through JSON: pickled bytes depend on which equal strings are one object.
        "architecture": json.loads(json.dumps(dataclasses.asdict(model.architecture))),
        "input_shape": list(model.input_shape),
        "classes": list(CLASSES),
        "state": {name: value.detach().cpu() for name, value in model.state_dict().items()},
        **more,
    }
    # Through a file object: torch.save writes a file's name into its bytes.
    with files.replacing(path) as temporary, temporary.open("wb") as handle:
        torch.save(content, handle)


def read(path: str | Path) -> dict:
    """Read what `save` stored.

    Raises:
        InputError: the file is missing or no model of this project.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"The model {path} does not exist.") from error
    except Exception as error:  # a decoder of foreign bytes raises anything
        raise InputError(f"{path} is not a model that torch can load: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{path} is not a model of this project ({FORMAT}).")
    return content


def build(content: dict) -> ReNet:
    """Build the network that `read` returned, on the CPU, in the precision it was stored in."""
    state = content["state"]
    mean = state["norm.mean"]
    model = ReNet(
        tuple(content["input_shape"]),
        Architecture(**content["architecture"]),
        None if mean.dim() == 1 else mean.numpy(),
    ).to(mean.dtype)
    model.load_state_dict(state)
    return model


def load(path: str | Path) -> ReNet:
    """The network stored in a file; see `read` for the errors."""
    return build(read(path))


def parameter_count(model: nn.Module) -> int:
    """The number of trained values."""
    return sum(parameter.numel() for parameter in model.parameters())
