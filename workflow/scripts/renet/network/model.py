"""The course's network (section 3.1.3, `generate_rnn_model`) and its initial weights."""

import math
from collections import OrderedDict

import numpy as np
import torch
from torch import Tensor, nn

from renet.common.errors import InputError
from renet.config.architecture import Architecture
from renet.network import devices
from renet.network.batch_norm import BatchNorm
from renet.network.birnn import DIRECTIONS, BiRNNBank
from renet.network.layers import ConvReLU, Normalizer
from renet.network.spatial_rnn import SpatialRNN


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
        _check_size(input_shape, architecture)
        super().__init__(_layers(tuple(input_shape), architecture, _mean(mean, input_shape)))
        self.architecture = architecture
        self.input_shape = tuple(input_shape)

    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels (N, C, H, W), uint8 or float from 0 to 255, to logits (N, classes).

        The logits are means over the output of a ReLU, so that they are never negative. If the
        ReLU's output is 0 for every input, the probabilities stay 0.5 and training stops.
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


@torch.inference_mode()
def infer(model: nn.Module, pixels: Tensor, precision: str) -> Tensor:
    """Logits (N, classes) of pixels (N, C, H, W) uint8, without gradients.

    The network has to be in evaluation mode, and the pixels on its device.
    """
    with devices.precision_context(precision, pixels.device):
        return model(pixels)


def parameter_count(model: nn.Module) -> int:
    """The number of trainable parameters."""
    return sum(parameter.numel() for parameter in model.parameters())
