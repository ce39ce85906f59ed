"""The kind cnn: renet with strided convolutions in place of the SpatialRNNs."""

import numpy as np

from renet.config.model import CnnArchitecture
from renet.network.batch_norm import BatchNorm
from renet.network.model import Classifier, ConvReLU, CourseNetwork, convolutions, draw_convolution


def build(
    input_shape: tuple[int, int, int],
    architecture: CnnArchitecture,
    mean: np.ndarray | None = None,
) -> CourseNetwork:
    """Make the network, to be given weights; see `renet.network.kinds`."""
    layers, shape = convolutions(input_shape, architecture, mean)
    channels, first = shape[0], len(architecture.conv_channels) + 1
    for number, conv in enumerate(architecture.strided_convs, first):
        layers[f"conv{number}"] = ConvReLU(
            channels, conv.channels, 3, stride=tuple(conv.stride), padding=1
        )
        channels = conv.channels
        layers[f"bn{number}"] = BatchNorm(channels)
    layers["cls"] = Classifier(channels, architecture.classes, architecture.classifier)
    return CourseNetwork(layers, architecture, input_shape)


def init_weights(network: CourseNetwork, seed: int) -> None:
    """Kaiming's normal distribution for all convolutions, drawn as those of renet."""
    random = np.random.RandomState(seed)
    for layer in network.modules():
        if isinstance(layer, ConvReLU):
            draw_convolution(layer, random)
