"""The layers of the course's network that torch does not have as they are.

Sources: section 3.1 of the course text (SpatialRNN and its shape layers), Visin et al. 2015 (ReNet,
arXiv:1505.00393), and neon 2.6.0 for what its BatchNorm and BiRNN compute.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

DIRECTIONS = 2
GATES = {"tanh": 1, "relu": 1, "gru": 3, "lstm": 4}


class Normalizer(nn.Module):
    """neon's `Normalizer(divisor=128)`, after the subtraction of the data's mean if there is one.

    Attributes:
        mean: (1,), (C, 1, 1) or (C, H, W), in grey levels; a zero stands for none.
    """

    DIVISOR = 128.0

    def __init__(self, mean: Tensor | None = None):
        super().__init__()
        self.register_buffer("mean", torch.zeros(1) if mean is None else mean)

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, C, H, W) of any dtype, grey levels from 0 to 255, to the module's own dtype."""
        return (pixels.to(self.mean.dtype) - self.mean) / self.DIVISOR


class BatchNorm(nn.Module):
    """Batch normalisation over (N, H, W), with neon's rules for the running statistics.

    Unlike torch's: running mean and variance start at 0, and the running variance takes the biased
    variance of the batch. Both move by a tenth of the difference with each batch; eps is 1e-3.
    """

    EPS = 1e-3
    MOMENTUM = 0.1  # in torch's sense; neon's rho is 0.9

    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.zeros(channels))

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape; in training mode the running statistics move."""
        if not self.training:
            return F.batch_norm(
                maps, self.running_mean, self.running_var, self.weight, self.bias, eps=self.EPS
            )
        count = maps.numel() // maps.shape[1]
        if count == 1:  # torch refuses a single value a channel; its variance is 0
            self._move(maps.detach().flatten(), torch.zeros_like(self.running_var))
            centred = maps - maps  # zero, but tied to the graph
            return self.weight.reshape(1, -1, 1, 1) * centred + self.bias.reshape(1, -1, 1, 1)
        # With momentum 1 torch leaves the batch's own statistics, at no cost, in these two.
        mean, variance = torch.empty_like(self.running_mean), torch.empty_like(self.running_var)
        normalised = F.batch_norm(
            maps, mean.zero_(), variance.zero_(), self.weight, self.bias, True, 1.0, self.EPS
        )
        self._move(mean, variance * ((count - 1) / count))
        return normalised

    @torch.no_grad()
    def _move(self, mean: Tensor, variance: Tensor) -> None:
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.MOMENTUM)
        self.running_var.lerp_(variance, self.MOMENTUM)


class ConvReLU(nn.Conv2d):
    """A convolution with its bias and ReLU, as neon's `Conv(..., activation=Rectlin())`."""

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to (N, K, H', W')."""
        return F.relu(super().forward(maps))


class BiRNNBank(nn.Module):
    """Many independent bidirectional RNNs of one size, stepped together.

    Sequence s has weights of its own for each direction d, all banked in three tensors, so that a
    pass takes one batched product for all inputs and one a time step, whatever the number of
    sequences. In the recurrences h[t] depends on h[t-1] forwards and on h[t+1] backwards, and both
    start from zero:

        tanh, relu   h[t] = f(W x[t] + b + R h[t-1])
        gru          r, z as usual; n = tanh(W x[t] + b + r * R h[t-1]); h[t] = (1-z) n + z h[t-1]
        lstm         gates in the order input, forget, candidate, output, without peepholes

    Attributes:
        input_weight: W, (sequences, 2 * gates * units, inputs), forward rows first.
        recurrent_weight: R, (sequences * 2, gates * units, units), a sequence's two in a row.
        bias: b, (sequences, 2 * gates * units).
        carry_state: whether a batch starts from the state that the one before ended with, as
            neon's BiRNN does unless told to reset. For comparison with neon, tanh and relu only.
    """

    def __init__(self, sequences: int, inputs: int, units: int, cell: str = "tanh", shared=False):
        """Make a bank for `sequences` sequences; `shared` gives all of them the same weights."""
        super().__init__()
        self.sequences, self.inputs, self.units, self.cell = sequences, inputs, units, cell
        banks, outputs = 1 if shared else sequences, GATES[cell] * units
        # None has four dimensions: a change of the memory format would turn it over.
        self.input_weight = nn.Parameter(torch.zeros(banks, DIRECTIONS * outputs, inputs))
        self.recurrent_weight = nn.Parameter(torch.zeros(banks * DIRECTIONS, outputs, units))
        self.bias = nn.Parameter(torch.zeros(banks, DIRECTIONS * outputs))
        self.carry_state = False
        self._carried: Tensor | None = None

    def forward(self, inputs: Tensor) -> Tensor:
        """(sequences, time, N, inputs) to (sequences, time, N, 2 * units), forward units first."""
        drive = self._drive(inputs)
        weight = self._for_each_sequence(self.recurrent_weight).transpose(1, 2)
        if self.carry_state:
            drive = self._with_carried_state(drive, weight)
        state = self._initial_state(drive)
        step = getattr(self, f"_{self.cell}_step")
        hidden = []
        for drive_now in drive:
            state = step(drive_now, weight, *state)
            hidden.append(state[0])
        if self.carry_state:
            self._carried = state[0].detach()
        return self._untwist(torch.stack(hidden))

    def _drive(self, inputs: Tensor) -> Tensor:
        """What the inputs add to each step: (time, sequences * 2, N, gates * units).

        The backward direction is turned round in time, so that one step serves both.
        """
        sequences, time, count, _ = inputs.shape
        weight = self._for_each_sequence(self.input_weight).transpose(1, 2)
        bias = self._for_each_sequence(self.bias).unsqueeze(1)
        product = torch.baddbmm(bias, inputs.reshape(sequences, time * count, -1), weight)
        forwards, backwards = product.view(sequences, time, count, DIRECTIONS, -1).unbind(3)
        return (
            torch.stack([forwards, backwards.flip(1)], 1)
            .transpose(0, 2)
            .transpose(1, 2)
            .reshape(time, sequences * DIRECTIONS, count, -1)
        )

    def _for_each_sequence(self, weights: Tensor) -> Tensor:
        """The weights of all sequences, also where these share one set."""
        copies = self.sequences // len(self.bias)
        return weights if copies == 1 else weights.repeat(copies, *[1] * (weights.dim() - 1))

    def _untwist(self, hidden: Tensor) -> Tensor:
        """(time, sequences * 2, N, units) to (sequences, time, N, 2 * units)."""
        time, _, count, units = hidden.shape
        forwards, backwards = hidden.view(time, -1, DIRECTIONS, count, units).unbind(2)
        return torch.cat([forwards, backwards.flip(0)], dim=3).transpose(0, 1)

    def _initial_state(self, drive: Tensor) -> tuple[Tensor, ...]:
        zeros = drive.new_zeros(drive.shape[1], drive.shape[2], self.units)
        return (zeros, zeros) if self.cell == "lstm" else (zeros,)

    def _with_carried_state(self, drive: Tensor, weight: Tensor) -> Tensor:
        """What the first step gets from the batch before; neon lets no gradient through it."""
        if self._carried is None:
            return drive
        first = drive[0] + torch.bmm(self._carried, weight).detach()
        return torch.cat([first.unsqueeze(0), drive[1:]])

    @staticmethod
    def _tanh_step(drive: Tensor, weight: Tensor, hidden: Tensor) -> tuple[Tensor]:
        return (torch.baddbmm(drive, hidden, weight).tanh(),)

    @staticmethod
    def _relu_step(drive: Tensor, weight: Tensor, hidden: Tensor) -> tuple[Tensor]:
        return (torch.baddbmm(drive, hidden, weight).relu(),)

    @staticmethod
    def _gru_step(drive: Tensor, weight: Tensor, hidden: Tensor) -> tuple[Tensor]:
        gates_in, candidate_in = drive.split([2 * hidden.shape[2], hidden.shape[2]], 2)
        recurrent = torch.bmm(hidden, weight)
        gates_rec, candidate_rec = recurrent.split([2 * hidden.shape[2], hidden.shape[2]], 2)
        reset, update = (gates_in + gates_rec).sigmoid().chunk(2, 2)
        candidate = (candidate_in + reset * candidate_rec).tanh()
        return (torch.lerp(candidate, hidden, update),)

    @staticmethod
    def _lstm_step(
        drive: Tensor, weight: Tensor, hidden: Tensor, memory: Tensor
    ) -> tuple[Tensor, Tensor]:
        gates = torch.baddbmm(drive, hidden, weight)
        take, forget, candidate, give = gates.chunk(4, 2)
        memory = forget.sigmoid() * memory + take.sigmoid() * candidate.tanh()
        return give.sigmoid() * memory.tanh(), memory


class SpatialRNN(nn.Module):
    """The course's recurrent block: sweeps the image vertically, then horizontally.

    The map is cut into blocks. Each column of blocks has a bidirectional RNN of its own that runs
    over the rows; over what these give, each row of blocks has one that runs over the columns. The
    seed's Split, Reshape, DimShuffle, Extract and MergeBroadcast are the permutations here.
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
            block: (height, width) of a block; they divide H and W.
            units: of each RNN and direction.
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
        """(N, C, H, W) to (N, 2 * units, H / block height, W / block width)."""
        swept = self.vertical(self.split(maps))
        return self.horizontal(swept.transpose(0, 1)).permute(2, 3, 0, 1)

    def split(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to (block columns, block rows, N, features), features ordered c, dy, dx."""
        count, channels, height, width = maps.shape
        block_height, block_width = self.block
        blocks = maps.reshape(
            count, channels, height // block_height, block_height, width // block_width, block_width
        )
        return blocks.permute(4, 2, 0, 1, 3, 5).flatten(3)
