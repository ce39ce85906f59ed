"""The stages of the network for one photo, for the page walkthrough.html."""

from pathlib import Path

import cv2
import numpy as np
from torch import nn

from renet.common.imdb_wiki import CLASSES
from renet.network.model import parameter_count
from renet.network.rnn import BiRNNBank
from renet.pages import galleries
from renet.pages.templates import PageTable
from renet.walkthrough import activations, feature_maps, sweep_plot
from renet.walkthrough.activations import Activations
from renet.walkthrough.sweep_plot import MARK

REACH_SIDE, FRAME_WIDTH = 256, 3  # pixels of the pictures of the reach
COLOURS = ("red", "green", "blue")
# Pictures of the hidden states, and of their changes without a block.
SWEEPS, CHANGES = ("down", "up", "right", "left"), ("downward", "upward", "horizontal")


def stages(seen: Activations, pictures: Path) -> dict:
    """The values of the page's stages; the pictures of the maps are written to a folder."""
    network, names = seen.network, [name for name, _ in seen.network.named_children()]
    # Of each layer, the names from the one before it on.
    from_before = {name: names[place - 1 :] for place, name in enumerate(names)}
    convs = [from_before[name] for name in names if name.startswith("conv")]
    rnns = [from_before[name] for name in names if name.startswith("rnn")]
    sweeps = [_sweep(seen, of_rnn, pictures) for of_rnn in rnns]
    _draw(seen.maps["bn0"], [0, 1, 2], pictures / "bn0.png", signed=True)
    return {
        "pixel": _pixel(seen),
        "convolutions": [_convolution(seen, of_conv, pictures) for of_conv in convs],
        "sweeps": sweeps,
        "drawing": sweep_plot.draw(sweeps[0]["layer"], pictures / "sweep.svg") if sweeps else "",
        "evidence": _evidence(seen.maps["cls"], network.get_submodule("cls").padding[0]),
        "flip_average": network.architecture.flip_average,
    }


def _shape(maps: np.ndarray) -> str:
    return "\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}".join(map(str, maps.shape))


def _pixel(seen: Activations) -> PageTable:
    """The middle pixel's channels in the file, after scaling and after batch normalisation."""
    row, column = (side // 2 for side in seen.face.shape[1:])
    values = (maps[:, row, column] for maps in (seen.face, seen.maps["norm"], seen.maps["bn0"]))
    rows = [
        [channel, str(stored), f"{scaled:.6f}", f"{normalised:.6f}"]
        for channel, stored, scaled, normalised in zip(COLOURS, *values, strict=True)
    ]
    return PageTable("One pixel after each step", ["channel", "test.h5", "norm", "bn0"], rows)


def _draw(maps: np.ndarray, channels: list[int], path: Path, *, signed: bool) -> None:
    """Write a picture of some maps."""
    tiles = [feature_maps.colour(one, signed=signed) for one in maps[channels]]
    galleries.write_image(path, feature_maps.sheet(tiles))


def _convolution(seen: Activations, names: list[str], pictures: Path) -> dict:
    """A convolution with its batch normalisation and pooling."""
    before, name, norm, following = names[:4]
    maps, network, layer = seen.maps[name], seen.network, seen.network.get_submodule(name)
    channels = feature_maps.most_varied(maps)
    _draw(maps, channels, pictures / f"{name}.png", signed=False)
    field = activations.receptive_fields(network)[name]
    is_pooled = isinstance(network.get_submodule(following), nn.MaxPool2d)
    return {
        "name": name,
        "layer": layer,
        "norm": norm,
        "pool": following if is_pooled else None,
        "span": 1 + (layer.kernel_size[0] - 1) * layer.dilation[0],
        "field": tuple(map(min, field, network.input_shape[1:])),  # as far as the face fills it
        "input": _shape(seen.maps[before]),
        "output": _shape(maps),
        "pooled": _shape(seen.maps[following]) if is_pooled else None,
        "zeros": float((maps == 0).mean()),
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
    side = REACH_SIDE // max(rows, columns)  # of a block
    for tile, picture in shown.items():
        large = cv2.resize(picture, (columns * side, rows * side), interpolation=cv2.INTER_NEAREST)
        if tile not in SWEEPS:
            cv2.rectangle(large, (column * side, row * side, side, side), MARK, FRAME_WIDTH)
        galleries.write_image(pictures / f"{name}_{tile}.png", large)
    return {
        "name": name,
        "norm": norm,
        "layer": layer,
        "input": _shape(seen.maps[before]),
        "output": _shape(seen.maps[name]),
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


def _evidence(maps: np.ndarray, border: int) -> dict:
    """The classifier's maps, and their border of some cells."""
    height, width = maps.shape[1:]
    return {
        "maps": dict(zip(CLASSES, maps, strict=True)),
        "cells": height * width,
        "border_cells": height * width - (height - 2 * border) * (width - 2 * border),
        "largest": np.abs(maps).max(),
    }
