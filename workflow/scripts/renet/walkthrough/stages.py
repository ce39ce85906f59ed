"""The stages of the network for one photo, for the page walkthrough.html."""

from pathlib import Path

import cv2
import numpy as np
from torch import nn

from renet.network.model import parameter_count
from renet.network.rnn import BiRNNBank
from renet.pages import galleries
from renet.walkthrough import activations, feature_maps, sweep_plot
from renet.walkthrough.activations import Activations
from renet.walkthrough.sweep_plot import MARK

REACH_SIDE, FRAME_WIDTH = 256, 3  # pixels of the pictures of the reach
# Pictures of the hidden states, and of their changes without a block.
SWEEPS, CHANGES = ("down", "up", "right", "left"), ("downward", "upward", "horizontal")


def stages(seen: Activations, pictures: Path) -> dict:
    """The values of the page's stages; the pictures of the maps are written to a folder."""
    names = [name for name, _ in seen.network.named_children()]
    # For each layer, the names from the one before it on.
    from_before = {name: names[place - 1 :] for place, name in enumerate(names)}
    convs = [from_before[name] for name in names if name.startswith("conv")]
    rnns = [from_before[name] for name in names if name.startswith("rnn")]
    sweeps = [_sweep(seen, of_rnn, pictures) for of_rnn in rnns]
    _draw(seen.maps["bn0"], [0, 1, 2], pictures / "bn0.png", signed=True)
    return {
        "network": seen.network,
        "maps": seen.maps,
        "convolutions": [_convolution(seen, of_conv, pictures) for of_conv in convs],
        "sweeps": sweeps,
        "drawing": sweep_plot.draw(sweeps[0]["layer"], pictures / "sweep.svg") if sweeps else "",
    }


def _draw(maps: np.ndarray, channels: list[int], path: Path, *, signed: bool) -> None:
    """Write a picture of some maps."""
    tiles = [feature_maps.colour(one, signed=signed) for one in maps[channels]]
    galleries.write_image(path, feature_maps.sheet(tiles))


def _convolution(seen: Activations, names: list[str], pictures: Path) -> dict:
    """A convolution with its batch normalisation and pooling."""
    before, name, norm, following = names[:4]
    network, channels = seen.network, feature_maps.most_varied(seen.maps[name])
    _draw(seen.maps[name], channels, pictures / f"{name}.png", signed=False)
    field = activations.receptive_fields(network)[name]
    is_pooled = isinstance(network.get_submodule(following), nn.MaxPool2d)
    return {
        "name": name,
        "layer": network.get_submodule(name),
        "before": before,
        "norm": norm,
        "pool": following if is_pooled else None,
        "field": tuple(map(min, field, network.input_shape[1:])),  # as far as the face fills it
        "channels": channels,
    }


def _sweep(seen: Activations, names: list[str], pictures: Path) -> dict:
    """A SpatialRNN: its sizes and parameters, and how far one block reaches.

    Its hidden states, their changes and the face are written as pictures; all but those of the
    states have a frame for the block.
    """
    before, name, norm = names[:3]
    layer = seen.network.get_submodule(name)
    banks, parameters = (layer.vertical, layer.horizontal), parameter_count(layer)
    _, rows, columns = layer.output_shape
    row, column = activations.middle(layer)
    states, changes = activations.sweeps(layer, seen.maps[before])
    shown = {"face": np.ascontiguousarray(seen.face.transpose(1, 2, 0))} | {
        tile: feature_maps.colour(values, signed=False)
        for tile, values in zip((*SWEEPS, *CHANGES), (*states, *changes), strict=True)
    }
    side = REACH_SIDE // max(rows, columns)  # a block's side
    for tile, picture in shown.items():
        large = cv2.resize(picture, (columns * side, rows * side), interpolation=cv2.INTER_NEAREST)
        if tile not in SWEEPS:
            cv2.rectangle(large, (column * side, row * side, side, side), MARK, FRAME_WIDTH)
        galleries.write_image(pictures / f"{name}_{tile}.png", large)
    return {
        "name": name,
        "before": before,
        "norm": norm,
        "layer": layer,
        "rows": rows,
        "columns": columns,
        "parameters": parameters,
        "products": list(map(product, banks)),
        "further": parameters - sum(map(parameter_count, banks)),
        "block": (row, column),
        "changed": [int((change > 0).sum()) for change in changes],
    }


def product(bank: BiRNNBank) -> str:
    """The number of a bank's parameters as a product of RNNs, directions, gates and sizes."""
    banks, outputs = bank.bias.shape
    gates = outputs // (2 * bank.units)
    sizes = f"({bank.inputs} × {bank.units} + {bank.units} × {bank.units} + {bank.units})"
    factors = [str(factor) for factor in (banks, 2, gates) if factor > 1]
    return " × ".join([*factors, sizes])
