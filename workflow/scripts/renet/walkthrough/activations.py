"""Activations of each layer of a network for one face."""

import contextlib
import copy
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
    """Outputs of a network's layers for one face (C, H, W) uint8."""

    network: Network
    face: np.ndarray
    maps: dict[str, np.ndarray]  # (channels, rows, columns) by name: bn0, conv1, …
    logits: np.ndarray  # (classes,) float64


def record(
    network: Network, face: np.ndarray, device: torch.device, precision: str = "float32"
) -> Activations:
    """Run the network, which is on `device`, over a face (C, H, W) uint8; keep all layers' outputs.

    The network stays in evaluation mode.
    """
    network.eval()
    maps: dict[str, np.ndarray] = {}

    def keep(name: str, _: nn.Module, __: tuple[Tensor], output: Tensor) -> None:
        if name not in maps:  # with flip_average, the second call is for the mirrored face
            maps[name] = output[0].double().cpu().numpy()

    with contextlib.ExitStack() as hooks:
        for name, layer in network.named_children():
            hooks.enter_context(layer.register_forward_hook(functools.partial(keep, name)))
        pixels = torch.from_numpy(face.copy()).unsqueeze(0).to(device)
        logits = model.infer(network, pixels, precision)[0].double().cpu().numpy()
    return Activations(network, face, maps, logits)


def middle(rnn: SpatialRNN) -> tuple[int, int]:
    """Return the row and column of the middle block of a SpatialRNN's input."""
    return rnn.output_shape[1] // 2, rnn.output_shape[2] // 2


@torch.inference_mode()
def sweeps(rnn: SpatialRNN, maps: np.ndarray) -> tuple[list[np.ndarray], ...]:
    """Return hidden states, their changes without the middle block, and the effect of R, as lists.

    Each array (rows, columns) has the Euclidean norm of a direction's units for each block.

    - States: of the sweeps down, up, right and left.
    - Changes if the input `maps`, (C, H, W), is zero in the middle block: of the sweeps down and
      up, and of both horizontal sweeps together.
    - R, the recurrent weights: states of the sweep down with R = 0, and the change by R.
    """
    weight = rnn.vertical.input_weight
    whole = torch.from_numpy(maps).to(weight.device, weight.dtype).unsqueeze(0)
    (height, width), (row, column) = rnn.block, middle(rnn)
    changed, without = whole.clone(), copy.deepcopy(rnn)
    without.vertical.recurrent_weight.zero_()
    changed[..., row * height : (row + 1) * height, column * width : (column + 1) * width] = 0
    (swept, out), (swept_changed, out_changed) = (_sweeps(rnn, given) for given in (whole, changed))
    changes = [*_norms(swept_changed - swept), *_norms(out_changed - out, directions=1)]
    alone = _sweeps(without, whole)[0]
    recurrence = [_norms(alone)[0], _norms(swept - alone)[0]]
    return [*_norms(swept), *_norms(out)], changes, recurrence


def _norms(maps: Tensor, directions: int = DIRECTIONS) -> list[np.ndarray]:
    return [part.norm(dim=0).double().cpu().numpy() for part in maps.chunk(directions, 0)]


def _sweeps(rnn: SpatialRNN, maps: Tensor) -> tuple[Tensor, Tensor]:
    """Return the maps of the vertical sweep, and the maps after the horizontal sweep.

    The maps are (units, rows, columns). The vertical maps are not normalised, because this would
    mix their directions.
    """
    vertical = rnn.vertical(rnn.split(maps))  # (columns, rows, 1, units)
    horizontal = rnn.over_rows(rnn.over_columns(maps))  # (rows, columns, 1, units)
    return vertical[:, :, 0].permute(2, 1, 0), horizontal[:, :, 0].permute(2, 0, 1)


def receptive_fields(network: Network) -> dict[str, tuple[int, int]]:
    """Return the receptive field of each convolution and pooling, in (rows, columns) of the face.

    Pixels beyond the border count, too. Layers behind a SpatialRNN, whose values depend on the
    whole face, are omitted.
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
