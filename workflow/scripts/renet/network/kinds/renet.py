"""The kind renet: the course's network (section 3.1.3, `generate_rnn_model`)."""

import math

import numpy as np
import torch
from torch import Tensor

from renet.config.model import Architecture
from renet.network.batch_norm import BatchNorm
from renet.network.model import Classifier, ConvReLU, CourseNetwork, convolutions, draw_convolution
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
        layers, shape = convolutions(input_shape, architecture, mean)
        first = len(architecture.conv_channels) + 1  # of these normalisations
        for number, rnn in enumerate(architecture.spatial_rnns):
            block = SpatialRNN(shape, rnn.block, rnn.units, architecture)
            layers[f"rnn{number + 1}"], shape = block, block.output_shape
            layers[f"bn{first + number}"] = BatchNorm(shape[0])
        layers["cls"] = Classifier(shape[0], architecture.classes, architecture.classifier)
        super().__init__(layers, architecture, input_shape)


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
        elif isinstance(module, SpatialRNN) and module.around is not None:
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
