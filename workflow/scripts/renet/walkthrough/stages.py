"""The stages of the network for one photo, for the page walkthrough.html."""

from pathlib import Path

import cv2
import numpy as np
from torch import nn

from renet.common.imdb_wiki import CLASSES
from renet.network.model import Network, parameter_count
from renet.pages import galleries
from renet.pages.templates import PageTable
from renet.walkthrough import activations, feature_maps, sweep_plot
from renet.walkthrough.activations import Activations
from renet.walkthrough.sweep_plot import MARK

REACH_SIDE, FRAME_WIDTH = 256, 3  # pixels of the pictures of the reach
COLOURS = ("red", "green", "blue")
# Pictures of the hidden states, and of their changes without a block.
SWEEPS, CHANGES = ("down", "up", "right", "left"), ("downward", "upward", "horizontal")


def stages(network: Network, seen: Activations, face: np.ndarray, pictures: Path) -> dict:
    """The values of the page's stages; the pictures of the maps are written to a folder."""
    names = [name for name, _ in network.named_children()]
    layers = {
        kind: [
            stage(network, seen, names[position - 1 :], pictures)
            for position, name in enumerate(names)
            if name.startswith(kind)
        ]
        for kind, stage in (("conv", _convolution), ("rnn", _sweep))
    }
    for first in layers["rnn"][:1]:
        first["drawing"] = sweep_plot.draw(first["layer"], pictures / "sweep.svg")
    for one in layers["rnn"]:
        _draw_sweeps(one, face, pictures)
    bn0 = seen.maps["bn0"]
    _draw(bn0, list(range(len(bn0))), pictures / "bn0.png", signed=True)
    return {
        "pixel": _pixel(seen, face),
        "convolutions": layers["conv"],
        "sweeps": layers["rnn"],
        "evidence": _evidence(seen.maps["cls"], network.get_submodule("cls").padding[0]),
        "layers": _layers_table(network, seen),
        "parameters": parameter_count(network),
        "flip_average": network.architecture.flip_average,
    }


def _shape(maps: np.ndarray) -> str:
    return "\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}".join(map(str, maps.shape))


def _pixel(seen: Activations, face: np.ndarray) -> PageTable:
    """The middle pixel's channels in the file, after scaling and after batch normalisation."""
    row, column = (side // 2 for side in face.shape[1:])
    values = (maps[:, row, column] for maps in (face, seen.maps["norm"], seen.maps["bn0"]))
    rows = [
        [channel, str(stored), f"{scaled:.6f}", f"{normalised:.6f}"]
        for channel, stored, scaled, normalised in zip(COLOURS, *values, strict=True)
    ]
    return PageTable("One pixel after each step", ["channel", "test.h5", "norm", "bn0"], rows)


def _draw(maps: np.ndarray, channels: list[int], path: Path, *, signed: bool) -> dict:
    """Write a picture of some maps, `signed` or not; returns its file and the channels."""
    tiles = [feature_maps.colour(one, signed=signed) for one in maps[channels]]
    galleries.write_image(path, feature_maps.sheet(tiles))
    return {"file": path.name, "channels": channels}


def _convolution(network: Network, seen: Activations, names: list[str], pictures: Path) -> dict:
    """A convolution with its batch normalisation and pooling.

    Args:
        names: of the layers, from the one before the convolution on.
    """
    before, name, norm, following = names[:4]
    maps, layer = seen.maps[name], network.get_submodule(name)
    channels = feature_maps.most_varied(maps)
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
        "pooled": _shape(seen.maps[following if is_pooled else norm]),
        "zeros": float((maps == 0).mean()),
        "picture": _draw(maps, channels, pictures / f"{name}.png", signed=False),
    }


def _sweep(network: Network, seen: Activations, names: list[str], pictures: Path) -> dict:
    """A SpatialRNN: its sizes and parameters, and how far one block reaches.

    Args:
        names: of the layers, from the one before the SpatialRNN on.
    """
    before, name, norm = names[:3]
    layer = network.get_submodule(name)
    states, changes = activations.sweeps(layer, seen.maps[before])
    parameters = parameter_count(layer)
    return {
        "name": name,
        "norm": norm,
        "layer": layer,
        "input": _shape(seen.maps[before]),
        "output": _shape(seen.maps[name]),
        "rows": layer.output_shape[1],
        "columns": layer.output_shape[2],
        "parameters": parameters,
        "further": parameters - sum(map(parameter_count, (layer.vertical, layer.horizontal))),
        "block": activations.middle(layer),
        "tiles": dict(zip((*SWEEPS, *CHANGES), (*states, *changes), strict=True)),
        "changed": [int((change > 0).sum()) for change in changes],
    }


def _draw_sweeps(stage: dict, face: np.ndarray, pictures: Path) -> None:
    """Write pictures of the hidden states of a SpatialRNN, of their changes, and of the face.

    All but those of the states have a frame for the block.
    """
    maps = {name: feature_maps.colour(tile, signed=False) for name, tile in stage["tiles"].items()}
    side = REACH_SIDE // max(stage["rows"], stage["columns"])  # of a block
    size, (row, column) = (stage["columns"] * side, stage["rows"] * side), stage["block"]
    for name, picture in {"face": np.ascontiguousarray(face.transpose(1, 2, 0)), **maps}.items():
        large = cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST)
        if name not in SWEEPS:
            cv2.rectangle(large, (column * side, row * side, side, side), MARK, FRAME_WIDTH)
        galleries.write_image(pictures / f"{stage['name']}_{name}.png", large)


def _evidence(maps: np.ndarray, border: int) -> dict:
    """The classifier's maps, and their border of some cells."""
    height, width = maps.shape[1:]
    return {
        "classes": [
            {"name": name, "rows": values.tolist(), "sum": values.sum(), "mean": values.mean()}
            for name, values in zip(CLASSES, maps, strict=True)
        ],
        "cells": height * width,
        "border_cells": height * width - (height - 2 * border) * (width - 2 * border),
        "largest": np.abs(maps).max(),
    }


def _layers_table(network: Network, seen: Activations) -> PageTable:
    rows = []
    for name, layer in network.named_children():
        maps = seen.maps[name]
        numbers = [f"{value:.3g}" for value in (maps.min(), maps.mean(), maps.max())]
        zeros = f"{100 * (maps == 0).mean():.0f} %"
        rows.append([name, _shape(maps), f"{parameter_count(layer):,}", *numbers, zeros])
    headings = ["layer", "output", "parameters", "lowest", "mean", "highest", "zeros"]
    return PageTable("Layers", headings, rows)
