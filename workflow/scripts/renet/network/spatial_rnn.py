"""The recurrent block of section 3.1.4 of the course, after ReNet (arXiv:1505.00393)."""

from torch import Tensor, nn

from renet.network.birnn import DIRECTIONS, BiRNNBank


class SpatialRNN(nn.Module):
    """Bidirectional RNNs over the columns of the map, then over the rows of their output.

    The map is split into blocks. Each column of blocks has its own bidirectional RNN that runs over
    the rows. In their output, each row of blocks has its own one that runs over the columns. The
    course's layers Split, Reshape, DimShuffle, Extract and MergeBroadcast are permutations here.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        block: tuple[int, int],
        units: int,
        cell: str = "tanh",
        shared: bool = False,
    ):
        """Make the block.

        Args:
            input_shape: (C, H, W) of the map.
            block: (height, width) of a block; H and W are multiples of them.
            units: of each RNN in each direction.
            cell: one of `GATES`.
            shared: one RNN for all columns and one for all rows, as in the ReNet paper.
        """
        super().__init__()
        channels, height, width = input_shape
        self.block = tuple(block)
        rows, columns = height // block[0], width // block[1]
        block_size = channels * block[0] * block[1]
        self.vertical = BiRNNBank(columns, block_size, units, cell, shared)
        self.horizontal = BiRNNBank(rows, DIRECTIONS * units, units, cell, shared)
        self.output_shape = (DIRECTIONS * units, rows, columns)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to (N, 2 * units, H / block height, W / block width), channels last."""
        swept = self.vertical(self.split(maps))
        swept = self.horizontal(swept.transpose(0, 1))
        return swept.permute(2, 0, 1, 3).contiguous().permute(0, 3, 1, 2)

    def split(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to (block columns, block rows, N, features), features ordered c, dy, dx."""
        count, channels, height, width = maps.shape
        block_height, block_width = self.block
        # Through channels_last, so that the gradient of the maps has that format too, and in two
        # steps, the first of which moves whole rows of channels.
        grid = maps.permute(0, 2, 3, 1).reshape(
            count, height // block_height, block_height, width // block_width, block_width, channels
        )
        blocks = grid.permute(3, 1, 0, 2, 4, 5).flatten(3, 4)
        return blocks.transpose(3, 4).flatten(3)
