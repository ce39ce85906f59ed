"""Kind cnn: renet with strided convolutions in place of the SpatialRNNs."""

from renet.config.model import CnnArchitecture
from renet.network.model import ConvReLU, CourseNetwork, Shape


class Cnn(CourseNetwork):
    """Convolutions for low-level features, strided convolutions for high-level features."""

    architecture: CnnArchitecture

    def make_block(self, number: int, shape: Shape) -> tuple[ConvReLU, Shape]:
        """Return a strided convolution and the shape of its output."""
        conv = self.architecture.strided_convs[number]
        layer = ConvReLU(shape[0], conv.channels, 3, stride=tuple(conv.stride), padding=1)
        return layer, (conv.channels, *shape[1:])


build = Cnn
