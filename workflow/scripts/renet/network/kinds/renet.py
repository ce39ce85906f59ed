"""Kind renet: the course's network (section 3.1.3, `generate_rnn_model`)."""

from renet.config.model import Architecture
from renet.network.model import CourseNetwork, Shape
from renet.network.rnn import SpatialRNN


class ReNet(CourseNetwork):
    """Convolutions for low-level features, SpatialRNNs for high-level features, a classifier."""

    architecture: Architecture

    def make_block(self, number: int, shape: Shape) -> tuple[SpatialRNN, Shape]:
        """Return a SpatialRNN and the shape of its output."""
        rnn = self.architecture.spatial_rnns[number]
        block = SpatialRNN(shape, rnn.block, rnn.units, self.architecture)
        return block, block.output_shape


build = ReNet
