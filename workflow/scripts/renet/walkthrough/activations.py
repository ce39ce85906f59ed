"""What each layer of a network makes of one face."""

import contextlib
import functools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from renet.network import model
from renet.network.model import Network
from renet.network.rnn import DIRECTIONS, SpatialRNN


@dataclass(frozen=True)
class Activations:
    """The outputs of a network's layers for one face, as maps (channels, rows, columns)."""

    maps: dict[str, np.ndarray]  # by name: bn0, conv1, …
    logits: np.ndarray  # (classes,) float64


def record(
    network: Network, face: np.ndarray, device: torch.device, precision: str = "float32"
) -> Activations:
    """Run the network over one face and keep the output of each layer.

    Args:
        network: on `device`; it is left in evaluation mode.
        face: (C, H, W) uint8.
    """
    network.eval()
    maps: dict[str, np.ndarray] = {}

    def keep(name: str, _: nn.Module, __: tuple[Tensor], output: Tensor) -> None:
        maps[name] = output[0].double().cpu().numpy()

    with contextlib.ExitStack() as hooks:
        for name, layer in network.named_children():
            hooks.enter_context(layer.register_forward_hook(functools.partial(keep, name)))
        pixels = torch.from_numpy(face.copy()).unsqueeze(0).to(device)
        logits = model.infer(network, pixels, precision)[0].double().cpu().numpy()
    return Activations(maps, logits)


@dataclass(frozen=True)
class Reach:
    """A SpatialRNN's hidden states, and their change when one block of its input is set to zero.

    Each is (rows, columns) of blocks: the Euclidean norm over the units of one direction, or of
    both in `horizontal`.
    """

    block: tuple[int, int]  # row and column of that block
    forward: np.ndarray  # of the vertical sweep from the top
    backward: np.ndarray  # of the one from the bottom
    horizontal: np.ndarray  # of the horizontal sweep, which reads both
    states: list[np.ndarray]  # unchanged: forward and backward, vertical before horizontal


@torch.inference_mode()
def reach(rnn: SpatialRNN, maps: np.ndarray) -> Reach:
    """Set the middle block of a SpatialRNN's input (C, H, W) to zero; return what changes."""
    weight = rnn.vertical.input_weight
    whole = torch.from_numpy(maps).to(weight.device, weight.dtype).unsqueeze(0)
    height, width = rnn.block
    row, column = rnn.output_shape[1] // 2, rnn.output_shape[2] // 2
    changed = whole.clone()
    changed[..., row * height : (row + 1) * height, column * width : (column + 1) * width] = 0
    (swept, out), (swept_changed, out_changed) = (_sweeps(rnn, one) for one in (whole, changed))
    changes = [*_norms(swept_changed - swept), *_norms(out_changed - out, parts=1)]
    return Reach((row, column), *changes, states=[*_norms(swept), *_norms(out)])


def _norms(maps: Tensor, parts: int = DIRECTIONS) -> list[np.ndarray]:
    """The Euclidean norms of maps over the units of each direction, (rows, columns)."""
    return [part.norm(dim=0).double().cpu().numpy() for part in maps.chunk(parts, 0)]


def _sweeps(rnn: SpatialRNN, maps: Tensor) -> tuple[Tensor, Tensor]:
    """The maps of the vertical sweep's RNNs, and those after the horizontal sweep.

    Each is (units, rows, columns). A normalisation after the vertical sweep mixes its directions,
    and is not in the former.
    """
    vertical = rnn.vertical(rnn.split(maps))  # (columns, rows, 1, units)
    horizontal = rnn.over_rows(rnn.over_columns(maps))  # (rows, columns, 1, units)
    return vertical[:, :, 0].permute(2, 1, 0), horizontal[:, :, 0].permute(2, 0, 1)


def receptive_fields(network: Network) -> dict[str, tuple[int, int]]:
    """For each convolution, the (rows, columns) of pixels of the face that one value depends on.

    Pixels beyond the border count too. Behind a SpatialRNN, every value depends on the whole face.
    """
    sides, strides, fields = np.ones(2, int), np.ones(2, int), {}
    for name, layer in network.named_children():
        if isinstance(layer, SpatialRNN):
            break
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            sides += (np.array(layer.kernel_size) - 1) * layer.dilation * strides
            strides *= layer.stride
            fields[name] = tuple(sides.tolist())
    return fields
