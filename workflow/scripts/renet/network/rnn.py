"""Recurrent block of section 3.1.4 of the course, after ReNet (arXiv:1505.00393)."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from renet.config.model import Architecture

DIRECTIONS = 2
GATES = {"tanh": 1, "relu": 1, "gru": 3, "lstm": 4}


class SpatialRNN(nn.Module):
    """Bidirectional RNNs over the columns of the map, then over the rows of their output.

    The map is split into blocks. In the vertical sweep, each column of blocks has a bidirectional
    RNN of its own, which runs over the rows. In the horizontal sweep, each row of the vertical
    sweep's output has an RNN, which runs over the columns. The course's layers Split, Reshape,
    DimShuffle, Extract and MergeBroadcast are permutations here. With `residual`, a sweep's input
    is added to its output; in the vertical sweep, the linear layer `around` maps the input first.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        block: Sequence[int],
        units: int,
        options: Architecture | None = None,
    ):
        """Build the layer for maps (C, H, W); H and W are multiples of `block` (height, width)."""
        super().__init__()
        options = options or Architecture()
        channels, height, width = input_shape
        self.block = tuple(block)
        rows, columns = height // block[0], width // block[1]
        block_size = channels * block[0] * block[1]
        outputs, form = DIRECTIONS * units, (options.cell, options.shared)
        self.vertical = BiRNNBank(columns, block_size, units, *form)
        self.horizontal = BiRNNBank(rows, outputs, units, *form)
        self.norm = SweepNorm(outputs) if options.sweep_norm else None
        self.around = nn.Linear(block_size, outputs, bias=False) if options.residual else None
        self.output_shape = (outputs, rows, columns)

    def draw_weights(self, random: np.random.RandomState) -> None:
        """Draw the weights of the layer `around`, if any; each BiRNNBank draws its own."""
        if self.around is not None:
            draw_glorot(self.around.weight, random)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to (N, 2 * units, H / block height, W / block width), channels last."""
        swept = self.over_rows(self.over_columns(maps))
        return swept.permute(2, 0, 1, 3).contiguous().permute(0, 3, 1, 2)

    def over_columns(self, maps: Tensor) -> Tensor:
        """Vertical sweep: (N, C, H, W) to (block columns, block rows, N, 2 * units)."""
        blocks = self.split(maps)
        swept = self.vertical(blocks)
        if self.around is not None:
            swept = swept + self.around(blocks)
        return swept if self.norm is None else self.norm(swept)

    def over_rows(self, swept: Tensor) -> Tensor:
        """Horizontal sweep of `swept`, to (block rows, block columns, N, 2 * units)."""
        rows = swept.transpose(0, 1)
        return self.horizontal(rows) if self.around is None else self.horizontal(rows) + rows

    def split(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to (block columns, block rows, N, features), features ordered c, dy, dx."""
        count, channels, height, width = maps.shape
        block_height, block_width = self.block
        # Maps and their gradient are channels_last: the first permutation moves whole pixels.
        grid = maps.permute(0, 2, 3, 1).reshape(
            count, height // block_height, block_height, width // block_width, block_width, channels
        )
        blocks = grid.permute(3, 1, 0, 2, 4, 5).flatten(3, 4)
        return blocks.transpose(3, 4).flatten(3)


class SweepNorm(nn.LayerNorm):
    """Layer normalisation in the dtype of its input; CUDA's autocast would use float32."""

    def forward(self, swept: Tensor) -> Tensor:
        """Normalise (..., features) to the same shape and dtype."""
        # On a CPU, the kernel takes float32 weights with a bfloat16 input; on CUDA it does not.
        dtype = self.weight.dtype if swept.device.type == "cpu" else swept.dtype
        weights = self.weight.to(dtype), self.bias.to(dtype)
        with torch.autocast(swept.device.type, enabled=False):
            return F.layer_norm(swept, self.normalized_shape, *weights, self.eps)


class BiRNNBank(nn.Module):
    """Independent bidirectional RNNs of one size; each computes the same as neon 2.6.0's BiRNN.

    Each sequence has its own weights for each direction, stacked in three tensors. For any number
    of sequences, a pass computes one batched product for all inputs and one for each time step.
    Both directions start from zero. The formulas of both, with time reversed for backward:

        tanh, relu   h[t] = f(W x[t] + b + R h[t-1])
        gru          r, z as usual; n = tanh(W x[t] + b + r * R h[t-1]); h[t] = (1-z) n + z h[t-1]
        lstm         gates in the order input, forget, candidate, output, without peepholes

    W is (sequences, 2 * gates * units, inputs), forward direction first; R (sequences * 2, gates *
    units, units), both directions of a sequence together; b (sequences, 2 * gates * units).
    """

    def __init__(self, sequences: int, inputs: int, units: int, cell: str = "tanh", shared=False):
        """With `shared`, all sequences have the same weights."""
        super().__init__()
        self.sequences, self.inputs, self.units, self.cell = sequences, inputs, units, cell
        banks, outputs = 1 if shared else sequences, GATES[cell] * units
        # Three dimensions: channels_last would transpose tensors of four dimensions.
        self.input_weight = nn.Parameter(torch.zeros(banks, DIRECTIONS * outputs, inputs))
        self.recurrent_weight = nn.Parameter(torch.zeros(banks * DIRECTIONS, outputs, units))
        self.bias = nn.Parameter(torch.zeros(banks, DIRECTIONS * outputs))

    def draw_weights(self, random: np.random.RandomState) -> None:
        """Draw each gate's input and recurrent matrix from Glorot's uniform distribution."""
        recurrent_weight = self.recurrent_weight.unflatten(0, (-1, DIRECTIONS)).flatten(1, 2)
        for inputs, recurrent in zip(self.input_weight, recurrent_weight, strict=True):
            for gate in (*inputs.split(self.units), *recurrent.split(self.units)):
                draw_glorot(gate, random)

    def forward(self, inputs: Tensor) -> Tensor:
        """(sequences, time, N, inputs) to (sequences, time, N, 2 * units), forward units first."""
        dtype, device = inputs.dtype, inputs.device.type
        if torch.is_autocast_enabled(device):
            dtype = torch.get_autocast_dtype(device)
        given = inputs, self.input_weight, self.recurrent_weight, self.bias
        inputs, *weights = (tensor.to(dtype) for tensor in given)
        copies = self.sequences // len(self.bias)
        if copies > 1:  # all sequences share one set of weights
            weights = [weight.repeat(copies, *[1] * (weight.dim() - 1)) for weight in weights]
        if self.cell in ("gru", "lstm") or torch.compiler.is_exporting():
            return self._sweep_by_steps(inputs, *weights)
        return ElmanSweep.apply(inputs, *weights, self.cell)

    def _sweep_by_steps(
        self, inputs: Tensor, input_weight: Tensor, recurrent_weight: Tensor, bias: Tensor
    ) -> Tensor:
        """Compute `forward` without in-place operations, as autograd and torch.export need it."""
        drives = to_steps(project(inputs, input_weight, bias))
        weight = recurrent_weight.transpose(1, 2)
        steps: dict[str, Callable] = {"gru": self._gru_step, "lstm": self._lstm_step}
        step = steps.get(self.cell, self._elman_step)
        zeros = drives.new_zeros(len(weight), inputs.shape[2], self.units)
        state = (zeros, zeros) if self.cell == "lstm" else (zeros,)
        hidden = []
        for drive in drives.unbind():
            state = step(drive, weight, *state)
            hidden.append(state[0])
        return from_steps(torch.stack(hidden))

    def _elman_step(self, drive: Tensor, weight: Tensor, hidden: Tensor) -> tuple[Tensor]:
        total = torch.baddbmm(drive, hidden, weight)
        return (total.tanh() if self.cell == "tanh" else total.relu(),)

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


def draw_glorot(matrix: Tensor, random: np.random.RandomState) -> None:
    """Draw a matrix from Glorot's uniform distribution."""
    limit = math.sqrt(6 / sum(matrix.shape))
    matrix.copy_(torch.from_numpy(random.uniform(-limit, limit, matrix.shape)))


def project(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Compute W x + b for all sequences and times: (S, T, N, inputs) to (S, T, N, outputs)."""
    flat = torch.baddbmm(bias.unsqueeze(1), inputs.flatten(1, 2), weight.transpose(1, 2))
    return flat.unflatten(1, inputs.shape[1:3])


def to_steps(values: Tensor) -> Tensor:
    """Convert (S, T, N, 2 * units) to (T, S * 2, N, units); the backward half is time-reversed."""
    forwards, backwards = values.transpose(0, 1).chunk(DIRECTIONS, 3)
    return torch.stack([forwards, backwards.flip(0)], 2).flatten(1, 2)


def from_steps(steps: Tensor) -> Tensor:
    """Invert `to_steps`."""
    forwards, backwards = steps.unflatten(1, (-1, DIRECTIONS)).unbind(2)
    return torch.cat([forwards, backwards.flip(0)], 3).transpose(0, 1)


class ElmanSweep(torch.autograd.Function):
    """Forward pass of a whole bank for tanh and relu, with its own backward pass.

    PyTorch's autograd would add a gradient of the recurrent weights at every step, and transpose
    the gradients in memory. Here, one product over all steps computes each gradient in the
    weight's layout. FlopCounterMode counts `baddbmm` with `out`, but not `baddbmm_`.
    """

    @staticmethod
    def forward(  # noqa: PLR0913 (autograd wants each tensor as an argument)
        ctx, inputs: Tensor, input_weight: Tensor, recurrent_weight: Tensor, bias: Tensor, cell: str
    ) -> Tensor:
        """(S, T, N, inputs) to hidden states (S, T, N, 2 * units)."""
        inputs = inputs.contiguous()
        hidden = to_steps(project(inputs, input_weight, bias))
        weight = recurrent_weight.transpose(1, 2)
        for time, state in enumerate(hidden):
            if time > 0:
                torch.baddbmm(state, hidden[time - 1], weight, out=state)
            state.tanh_() if cell == "tanh" else state.relu_()
        ctx.save_for_backward(inputs, input_weight, recurrent_weight, hidden)
        ctx.cell = cell
        return from_steps(hidden)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of inputs, weights and bias."""
        inputs, input_weight, recurrent_weight, hidden = ctx.saved_tensors
        drive = to_steps(gradient)  # becomes the gradient before the activation
        for time in reversed(range(len(drive))):
            step, state = drive[time], hidden[time]
            if time + 1 < len(drive):
                torch.baddbmm(step, drive[time + 1], recurrent_weight, out=step)
            if ctx.cell == "tanh":
                torch.ops.aten.tanh_backward.grad_input(step, state, grad_input=step)
            else:
                torch.ops.aten.threshold_backward.grad_input(step, state, 0, grad_input=step)
        later = drive[1:].permute(1, 3, 0, 2).flatten(2)
        recurrent_gradient = torch.bmm(later, hidden[:-1].transpose(0, 1).flatten(1, 2))
        drive = from_steps(drive).flatten(1, 2)
        inputs_gradient = None
        if ctx.needs_input_grad[0]:
            inputs_gradient = torch.bmm(drive, input_weight).view_as(inputs)
        across = drive.transpose(1, 2).contiguous()  # a faster left factor of the product
        input_gradient = torch.bmm(across, inputs.flatten(1, 2))
        return inputs_gradient, input_gradient, recurrent_gradient, drive.sum(1), None
