"""The layers of the course's network that torch does not have as they are.

Sources: section 3.1 of the course text (SpatialRNN and its shape layers), Visin et al. 2015 (ReNet,
arXiv:1505.00393), and neon 2.6.0 for what its BatchNorm and BiRNN compute.
"""

import torch
import torch.distributed
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

    Attributes:
        synchronised: whether processes that train together normalise by the statistics of the
            whole batch; else each by those of its own share.
        counted: whether the maps are part of that batch; a process that has no share of it
            computes something all the same, to keep step with the others.
    """

    EPS = 1e-3
    MOMENTUM = 0.1  # in torch's sense; neon's rho is 0.9

    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.zeros(channels))
        self.synchronised, self.counted = False, True

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape; in training mode the running statistics move."""
        if not self.training:
            return F.batch_norm(
                maps, self.running_mean, self.running_var, self.weight, self.bias, eps=self.EPS
            )
        if self.synchronised:
            count = maps.numel() // maps.shape[1] if self.counted else 0
            mean, variance = common_statistics(*batch_statistics(maps.detach()), count)
            self._move(mean, variance)
            return SynchronisedNorm.apply(
                maps, self.weight, self.bias, mean, variance, self.EPS, count
            )
        count = maps.numel() // maps.shape[1]
        if count == 1:  # torch refuses a single value a channel; its variance is 0
            self._move(maps.detach().flatten(), torch.zeros_like(self.running_var))
            centred = maps - maps  # zero, but tied to the graph
            return self.weight.reshape(1, -1, 1, 1) * centred + self.bias.reshape(1, -1, 1, 1)
        normalised, mean, variance = normalise(maps, self.weight, self.bias, self.EPS)
        self._move(mean, variance)
        return normalised

    @torch.no_grad()
    def _move(self, mean: Tensor, variance: Tensor) -> None:
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.MOMENTUM)
        self.running_var.lerp_(variance, self.MOMENTUM)


def normalise(
    maps: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalised maps (N, C, H, W), and the batch's own mean and biased variance, each (C,)."""
    mean, variance = (
        torch.zeros(maps.shape[1], dtype=_statistics_dtype(maps), device=maps.device)
        for _ in range(2)
    )
    # With momentum 1 torch leaves the batch's own statistics, at no cost, in these two.
    normalised = F.batch_norm(maps, mean, variance, weight, bias, True, 1.0, eps)
    count = maps.numel() // maps.shape[1]
    return normalised, mean, variance * ((count - 1) / count)


def _statistics_dtype(maps: Tensor) -> torch.dtype:
    return torch.float64 if maps.dtype == torch.float64 else torch.float32


def batch_statistics(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of each channel of (N, C, H, W), each (C,)."""
    if maps.numel() == maps.shape[1]:
        mean = maps.flatten().to(_statistics_dtype(maps))
        return mean, torch.zeros_like(mean)
    return normalise(maps, None, None, 1.0)[1:]


def common_statistics(mean: Tensor, variance: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Mean and biased variance over the maps of all processes, from those of this one's.

    Args:
        count: of this process's values in each channel; 0 leaves them out.
    """
    wide = mean.double()
    moments = torch.cat([wide, variance.double() + wide**2, torch.ones_like(wide[:1])])
    sums = moments * count
    torch.distributed.all_reduce(sums)
    first, second = (sums[:-1] / sums[-1]).chunk(2)
    return first.to(mean.dtype), (second - first**2).clamp(min=0).to(mean.dtype)


class SynchronisedNorm(torch.autograd.Function):
    """Normalisation by statistics over all processes, on a CPU too, where torch has none."""

    @staticmethod
    def forward(
        ctx,
        maps: Tensor,
        weight: Tensor,
        bias: Tensor,
        mean: Tensor,
        variance: Tensor,
        eps: float,
        count: int,
    ) -> Tensor:
        """Maps (N, C, H, W) by `mean` and `variance` of the whole batch, (C,).

        `count` is this process's part of the batch, as in `common_statistics`.
        """
        ctx.save_for_backward(maps, weight, mean, (variance + eps).rsqrt())
        ctx.count = count
        return F.batch_norm(maps, mean, variance, weight, bias, eps=eps)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of maps, weight and bias; mean and variance are functions of the maps."""
        maps, weight, mean, scale = ctx.saved_tensors
        shape = (1, -1, 1, 1)
        normal = (maps - mean.view(shape)) * scale.view(shape)
        of_bias = gradient.sum((0, 2, 3), dtype=mean.dtype)
        of_weight = (gradient * normal).sum((0, 2, 3), dtype=mean.dtype)
        count = torch.full_like(of_bias[:1], ctx.count, dtype=torch.double)
        sums = torch.cat([of_bias.double(), of_weight.double(), count])
        torch.distributed.all_reduce(sums)
        by_mean, by_variance = (sums[:-1] / sums[-1]).to(mean.dtype).chunk(2)
        centred = gradient - by_mean.view(shape) - normal * by_variance.view(shape)
        of_maps = (centred * (weight * scale).view(shape)).to(maps.dtype)
        if not ctx.count:  # the statistics do not depend on these maps
            of_maps = torch.zeros_like(of_maps)
        return of_maps, of_weight, of_bias, None, None, None, None


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
        inputs, *weights = _in_one_dtype(
            inputs, self.input_weight, self.recurrent_weight, self.bias
        )
        weights = [self._for_each_sequence(weight) for weight in weights]
        if self.cell in ("gru", "lstm"):
            return self._sweep_gated(inputs, *weights)
        first = self._from_carried_state(weights[1]) if self.carry_state else None
        hidden = ElmanSweep.apply(inputs, *weights, self.cell, first)
        if self.carry_state:
            last = hidden.detach().unflatten(3, (DIRECTIONS, -1))
            self._carried = torch.stack([last[:, -1, :, 0], last[:, 0, :, 1]], 1).flatten(0, 1)
        return hidden

    def _for_each_sequence(self, weights: Tensor) -> Tensor:
        """The weights of all sequences, also where these share one set."""
        copies = self.sequences // len(self.bias)
        return weights if copies == 1 else weights.repeat(copies, *[1] * (weights.dim() - 1))

    def _from_carried_state(self, recurrent_weight: Tensor) -> Tensor | None:
        """What the batch before adds to the first step; neon lets no gradient through it."""
        if self._carried is None:
            return None
        return torch.bmm(self._carried, recurrent_weight.detach().transpose(1, 2))

    def _sweep_gated(
        self, inputs: Tensor, input_weight: Tensor, recurrent_weight: Tensor, bias: Tensor
    ) -> Tensor:
        drive = project(inputs, input_weight, bias)
        weight = recurrent_weight.transpose(1, 2)
        step = self._gru_step if self.cell == "gru" else self._lstm_step
        zeros = drive.new_zeros(len(weight), inputs.shape[2], self.units)
        state = (zeros,) if self.cell == "gru" else (zeros, zeros)
        hidden = []
        for time in range(inputs.shape[1]):
            state = step(both_directions(drive, time), weight, *state)
            hidden.append(state[0].unflatten(0, (-1, DIRECTIONS)))
        forwards, backwards = torch.stack(hidden, 1).unbind(2)
        return torch.cat([forwards, backwards.flip(1)], 3)

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


def _in_one_dtype(*tensors: Tensor) -> list[Tensor]:
    """The tensors in the dtype of the running autocast, or else in that of the first."""
    device = tensors[0].device.type
    dtype = tensors[0].dtype
    if torch.is_autocast_enabled(device) and dtype != torch.float64:
        dtype = torch.get_autocast_dtype(device)
    return [tensor.to(dtype) for tensor in tensors]


def project(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """W x + b for all sequences and times: (S, T, N, inputs) to (S, T, N, outputs)."""
    sequences, time, count, _ = inputs.shape
    flat = inputs.reshape(sequences, time * count, -1)
    return torch.baddbmm(bias.unsqueeze(1), flat, weight.transpose(1, 2)).view(
        sequences, time, count, -1
    )


def both_directions(values: Tensor, time: int) -> Tensor:
    """What the two directions meet at their step number `time`, the backward one from the end.

    (S, T, N, 2 * units) to (S * 2, N, units).
    """
    forwards, backwards = values.chunk(DIRECTIONS, 3)
    return torch.stack([forwards[:, time], backwards[:, -1 - time]], 1).flatten(0, 1)


def _put_both_directions(values: Tensor, time: int, step: Tensor) -> None:
    """The opposite of `both_directions`."""
    forwards, backwards = values.chunk(DIRECTIONS, 3)
    now = step.unflatten(0, (-1, DIRECTIONS))
    forwards[:, time], backwards[:, -1 - time] = now[:, 0], now[:, 1]


class ElmanSweep(torch.autograd.Function):
    """A bank's whole pass for tanh and relu, with a backward pass of its own.

    autograd alone would add up a gradient of the recurrent weights at every step, and turn each
    weight's gradient over in memory; here each is one product over all steps, laid out as the
    weight is.
    """

    @staticmethod
    def forward(
        ctx,
        inputs: Tensor,
        input_weight: Tensor,
        recurrent_weight: Tensor,
        bias: Tensor,
        cell: str,
        first: Tensor | None,
    ) -> Tensor:
        """Inputs (S, T, N, I) and a bank's weights to hidden states (S, T, N, 2 * units).

        Args:
            first: (S * 2, N, units), a constant that is added to what the first step's tanh takes.
        """
        inputs = inputs.contiguous()
        hidden = project(inputs, input_weight, bias)
        weight = recurrent_weight.transpose(1, 2)
        before = None
        for time in range(inputs.shape[1]):
            state = both_directions(hidden, time)
            if before is not None:
                state = torch.baddbmm(state, before, weight)
            elif first is not None:
                state = state + first
            before = state.tanh_() if cell == "tanh" else state.relu_()
            _put_both_directions(hidden, time, before)
        ctx.save_for_backward(inputs, input_weight, recurrent_weight, hidden)
        ctx.cell = cell
        return hidden

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of inputs, weights and bias."""
        inputs, input_weight, recurrent_weight, hidden = ctx.saved_tensors
        sequences, time, count, _ = hidden.shape
        units = recurrent_weight.shape[2]
        drive = torch.empty_like(hidden)  # the gradient of what the tanh took
        later = None
        for now in reversed(range(time)):
            step, state = both_directions(gradient, now), both_directions(hidden, now)
            if later is not None:
                step = torch.baddbmm(step, later, recurrent_weight)
            if ctx.cell == "tanh":
                later = torch.ops.aten.tanh_backward(step, state)
            else:
                later = torch.ops.aten.threshold_backward(step, state, 0)
            _put_both_directions(drive, now, later)
        drive, hidden, inputs = (
            value.view(sequences, time * count, -1) for value in (drive, hidden, inputs)
        )
        of_inputs = None
        if ctx.needs_input_grad[0]:
            of_inputs = torch.bmm(drive, input_weight).view(sequences, time, count, -1)
        forwards = drive[:, count:, :units].transpose(1, 2), hidden[:, :-count, :units]
        backwards = drive[:, :-count, units:].transpose(1, 2), hidden[:, count:, units:]
        of_recurrent = torch.stack([torch.bmm(*forwards), torch.bmm(*backwards)], 1)
        return (
            of_inputs,
            torch.bmm(drive.transpose(1, 2), inputs),
            of_recurrent.flatten(0, 1),
            drive.sum(1),
            None,
            None,
        )


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
        """(N, C, H, W) to (N, 2 * units, H / block height, W / block width), channels last."""
        swept = self.vertical(self.split(maps))
        swept = self.horizontal(swept.transpose(0, 1))
        return swept.permute(2, 0, 1, 3).contiguous().permute(0, 3, 1, 2)

    def split(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to (block columns, block rows, N, features), features ordered c, dy, dx."""
        count, channels, height, width = maps.shape
        block_height, block_width = self.block
        # By way of channels last, so that the gradient of the maps comes back in that format, and
        # in two steps, which move whole rows of channels before any single number.
        grid = maps.permute(0, 2, 3, 1).reshape(
            count, height // block_height, block_height, width // block_width, block_width, channels
        )
        blocks = grid.permute(3, 1, 0, 2, 4, 5).flatten(3, 4)
        return blocks.transpose(3, 4).flatten(3)
