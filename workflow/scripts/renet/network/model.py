"""The course's network (section 3.1.3, `generate_rnn_model`) and its initial weights."""

import math
from collections import OrderedDict

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from renet.common.errors import InputError
from renet.config.architecture import Architecture
from renet.network import devices
from renet.network.batch_norm import BatchNorm
from renet.network.rnn import DIRECTIONS, BiRNNBank, SpatialRNN


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


class ReNet(nn.Sequential):
    """Convolutions for low-level features, SpatialRNNs for high-level ones, a 1x1 classifier.

    The layers are named after the course's listing: norm, bn0, conv1, bn1, pool1, … rnn1, … cls.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        architecture: Architecture | None = None,
        mean: np.ndarray | None = None,
    ):
        """Make the network with all weights zero; see `init_weights`.

        Args:
            input_shape: (C, H, W) of the images.
            architecture: None for the course's.
            mean: (C,) or (C*H*W,), in grey levels, subtracted from every image.

        Raises:
            InputError: H or W is not a multiple of what poolings and blocks need.
        """
        architecture = architecture or Architecture()
        sides = zip(("height", "width"), input_shape[1:], architecture.size_divisors(), strict=True)
        for name, side, divisor in sides:
            if side % divisor:
                raise InputError(
                    f"The {name} of the images, {side}, is not a multiple of {divisor} as this "
                    "network needs it; change crop.size, or the blocks and convolutions in model."
                )
        if mean is not None:
            shape = (-1, 1, 1) if mean.size == input_shape[0] else input_shape
            mean = torch.from_numpy(np.asarray(mean, dtype=np.float32)).reshape(shape)
        super().__init__(_layers(tuple(input_shape), architecture, mean))
        self.architecture = architecture
        self.input_shape = tuple(input_shape)

    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels (N, C, H, W), uint8 or float from 0 to 255, to logits (N, classes).

        The logits are means over the output of a ReLU, so that they are never negative. If the
        ReLU's output is 0 for every input, the probabilities stay 0.5 and training stops.
        """
        return super().forward(pixels).mean(dim=(2, 3))


def _layers(
    input_shape: tuple[int, int, int], architecture: Architecture, mean: Tensor | None
) -> OrderedDict[str, nn.Module]:
    channels, height, width = input_shape
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        norm=Normalizer(mean), bn0=BatchNorm(channels)
    )
    convolutions = len(architecture.conv_channels)
    for number, out_channels in enumerate(architecture.conv_channels, 1):
        layers[f"conv{number}"] = ConvReLU(channels, out_channels, 3, padding=2, dilation=2)
        layers[f"bn{number}"] = BatchNorm(out_channels)
        if number < convolutions:
            layers[f"pool{number}"] = nn.MaxPool2d(3, stride=2, padding=1)
            height, width = height // 2, width // 2
        channels = out_channels
    shape = (channels, height, width)
    for number, rnn in enumerate(architecture.spatial_rnns, 1):
        block = SpatialRNN(
            shape, tuple(rnn["block"]), rnn["units"], architecture.cell, architecture.shared
        )
        layers[f"rnn{number}"] = block
        shape = block.output_shape
        layers[f"bn{convolutions + number}"] = BatchNorm(shape[0])
    # As in the course, the padding of this 1x1 convolution adds a border of relu(bias).
    layers["cls"] = ConvReLU(shape[0], architecture.classes, 1, padding=1)
    return layers


@torch.no_grad()
def init_weights(model: ReNet, seed: int) -> None:
    """Give the network the initial weights that neon draws for this seed, bit for bit in float32.

    Kaiming's normal distribution for convolutions, Glorot's uniform distribution for each input and
    recurrent matrix, zeros for biases, drawn by NumPy in the order in which neon builds its layers.
    """
    random = np.random.RandomState(seed)  # the generator that neon uses
    for module in model.modules():
        if isinstance(module, ConvReLU):
            kernels, fan_in = len(module.weight), module.weight[0].numel()
            drawn = random.normal(0, math.sqrt(2 / fan_in), (fan_in, kernels))
            module.weight.copy_(torch.from_numpy(drawn.T.reshape(module.weight.shape)))
            module.bias.zero_()
        elif isinstance(module, BiRNNBank):
            recurrent_weight = module.recurrent_weight.unflatten(0, (-1, DIRECTIONS)).flatten(1, 2)
            for inputs, recurrent in zip(module.input_weight, recurrent_weight, strict=True):
                for gate in (*inputs.split(module.units), *recurrent.split(module.units)):
                    limit = math.sqrt(6 / sum(gate.shape))
                    gate.copy_(torch.from_numpy(random.uniform(-limit, limit, gate.shape)))
            module.bias.zero_()


@torch.inference_mode()
def infer(model: nn.Module, pixels: Tensor, precision: str) -> Tensor:
    """Logits (N, classes) of pixels (N, C, H, W) uint8 by a network in evaluation mode."""
    with devices.precision_context(precision, pixels.device):
        return model(pixels)


def parameter_count(model: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(parameter.numel() for parameter in model.parameters())
