"""The kind renet: the course's network (section 3.1.3, `generate_rnn_model`)."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from renet.config.architecture import Architecture, RNNBlock
from renet.network.batch_norm import BatchNorm
from renet.network.model import (
    Classifier,
    ConvReLU,
    CourseNetwork,
    check_size,
    convolutions,
    draw_convolution,
)
from renet.network.rnn import DIRECTIONS, BiRNNBank, SpatialRNN


class ReNet(CourseNetwork):
    """Convolutions for low-level features, SpatialRNNs for high-level ones, a 1x1 classifier."""

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        architecture: Architecture | None = None,
        mean: np.ndarray | None = None,
    ):
        """Make the network, by default the course's; see `renet.network.kinds.build`."""
        architecture = architecture or Architecture()
        check_size(input_shape, architecture)
        layers, shape = convolutions(input_shape, architecture.conv_channels, mean)
        first = len(architecture.conv_channels) + 1  # of these normalisations
        for number, rnn in enumerate(architecture.spatial_rnns):
            block = _make_block(shape, rnn, architecture)
            layers[f"rnn{number + 1}"], shape = block, block.output_shape
            layers[f"bn{first + number}"] = BatchNorm(shape[0])
        plain = architecture.classifier != "course"
        layers["cls"] = Classifier(shape[0], architecture.classes, plain)
        super().__init__(layers, architecture, input_shape)


class ResidualSweeps(SpatialRNN):
    """A SpatialRNN with paths around its sweeps, and layer normalisation after the first one.

    Attributes:
        norm: of the vertical sweep's output, over its units; nothing without `sweep_norm`.
        around: the linear map of the path around the vertical sweep; None without `residual`. The
            path around the horizontal sweep is the identity, as its input and output have one size.
    """

    def __init__(self, input_shape: tuple[int, int, int], rnn: RNNBlock, options: Architecture):
        """Make the block with the options cell, shared, sweep_norm and residual."""
        (height, width), units = rnn["block"], rnn["units"]
        super().__init__(input_shape, (height, width), units, options.cell, options.shared)
        outputs = DIRECTIONS * units
        self.norm = SweepNorm(outputs) if options.sweep_norm else nn.Identity()
        self.around = None
        if options.residual:
            self.around = nn.Linear(self.vertical.inputs, outputs, bias=False)

    def over_columns(self, maps: Tensor) -> Tensor:
        """The vertical sweep; see `SpatialRNN.over_columns`."""
        blocks = self.split(maps)
        swept = self.vertical(blocks)
        return self.norm(swept if self.around is None else swept + self.around(blocks))

    def over_rows(self, swept: Tensor) -> Tensor:
        """The horizontal sweep; see `SpatialRNN.over_rows`."""
        out = super().over_rows(swept)
        return out if self.around is None else out + swept.transpose(0, 1)


class SweepNorm(nn.LayerNorm):
    """Layer normalisation in the dtype of its input; CUDA's autocast would take float32."""

    def forward(self, swept: Tensor) -> Tensor:
        """(..., features) to the same shape and dtype."""
        # A CPU takes weights in float32 with an input in bfloat16, and rounds once; CUDA does not.
        dtype = self.weight.dtype if swept.device.type == "cpu" else swept.dtype
        weights = self.weight.to(dtype), self.bias.to(dtype)
        with torch.autocast(swept.device.type, enabled=False):
            return F.layer_norm(swept, self.normalized_shape, *weights, self.eps)


def _make_block(
    input_shape: tuple[int, int, int], rnn: RNNBlock, options: Architecture
) -> SpatialRNN:
    if options.sweep_norm or options.residual:
        return ResidualSweeps(input_shape, rnn, options)
    height, width = rnn["block"]
    return SpatialRNN(input_shape, (height, width), rnn["units"], options.cell, options.shared)


build = ReNet


@torch.no_grad()
def init_weights(model: ReNet, seed: int) -> None:
    """Give the network the initial weights that neon draws for this seed, bit for bit in float32.

    Kaiming's normal distribution for convolutions, Glorot's uniform distribution for each input and
    recurrent matrix, zeros for biases, drawn by NumPy in the order in which neon builds its layers.
    """
    random = np.random.RandomState(seed)  # the generator that neon uses
    for module in model.modules():
        if isinstance(module, ConvReLU):
            draw_convolution(module, random)
        elif isinstance(module, BiRNNBank):
            _draw_bank(module, random)
        elif isinstance(module, ResidualSweeps) and module.around is not None:
            _draw_glorot(module.around.weight, random)


def _draw_bank(bank: BiRNNBank, random: np.random.RandomState) -> None:
    recurrent_weight = bank.recurrent_weight.unflatten(0, (-1, DIRECTIONS)).flatten(1, 2)
    for inputs, recurrent in zip(bank.input_weight, recurrent_weight, strict=True):
        for gate in (*inputs.split(bank.units), *recurrent.split(bank.units)):
            _draw_glorot(gate, random)
    bank.bias.zero_()


def _draw_glorot(matrix: Tensor, random: np.random.RandomState) -> None:
    limit = math.sqrt(6 / sum(matrix.shape))
    matrix.copy_(torch.from_numpy(random.uniform(-limit, limit, matrix.shape)))
