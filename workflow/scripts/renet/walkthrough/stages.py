"""Stages of the network for one photo, for the page walkthrough.html."""

from pathlib import Path

import numpy as np
from matplotlib import colormaps

from renet.pages import galleries
from renet.walkthrough import activations
from renet.walkthrough.activations import Activations

# Pictures of the hidden states, and of their changes if the middle block is zero.
SWEEPS = ("down", "up", "right", "left", "downward", "upward", "horizontal")


def stages(seen: Activations, pictures: Path) -> dict:
    """Write pictures of the maps to a folder, and return the page's variables for the stages."""
    names = [name for name, _ in seen.network.named_children()]
    # Four successive layers: the second one is the layer in question.
    places = list(zip(names, names[1:], names[2:], names[3:], strict=False))
    convs = [names for names in places if names[1].startswith("conv")]
    rnns = [names for names in places if names[1].startswith("rnn")]
    for channel, values in enumerate(seen.maps["bn0"]):
        galleries.write_image(pictures / f"bn0_{channel}.png", colour(values, signed=True))
    return {
        "convolutions": [_convolution(seen, of_conv, pictures) for of_conv in convs],
        "sweeps": [_sweep(seen, of_rnn, pictures) for of_rnn in rnns],
    }


def colour(values: np.ndarray, *, signed: bool = False) -> np.ndarray:
    """Colour a map (H, W), or several in one scale (…, H, W), as pictures (…, H, W, 3) uint8, RGB.

    If `signed`, negative values are blue, zero is white, positive values are red, and the largest
    magnitude ends the scale. If not, zero is black, the largest value bright, and none is negative.
    """
    relative = values / max(np.abs(values).max(), np.finfo(float).tiny)
    coloured = colormaps["RdBu_r"]((relative + 1) / 2) if signed else colormaps["magma"](relative)
    return (255 * coloured[..., :3]).round().astype(np.uint8)


def most_varied(maps: np.ndarray, count: int = 8) -> list[int]:
    """Return the `count` channels with the highest standard deviations over positions, sorted."""
    deviations = maps.std(axis=(1, 2))
    return np.sort(np.argsort(-deviations, kind="stable")[:count]).tolist()


def _convolution(seen: Activations, names: tuple[str, ...], pictures: Path) -> dict:
    """Write pictures of a convolution's maps; return the variables of the page for this layer."""
    _, name, norm, following = names
    network, files = seen.network, {}
    for channel in most_varied(seen.maps[name]):
        files[f"{name}_{channel}.png"] = f"channel {channel}"
        galleries.write_image(pictures / f"{name}_{channel}.png", colour(seen.maps[name][channel]))
    field = activations.receptive_fields(network)[name]
    return {
        "name": name,
        "layer": network.get_submodule(name),
        "norm": norm,
        "pool": following if following.startswith("pool") else None,
        "field": tuple(map(min, field, network.input_shape[1:])),  # at most the whole face
        "files": files,
    }


def _sweep(seen: Activations, names: tuple[str, ...], pictures: Path) -> dict:
    """Return the page's variables for a SpatialRNN, such as how many blocks one block affects.

    The hidden states and their changes are written as pictures, one pixel for each block.
    """
    before, name, norm, _ = names
    layer = seen.network.get_submodule(name)
    states, changes, recurrence = activations.sweeps(layer, seen.maps[before])
    for sweep, values in zip(SWEEPS, (*states, *changes), strict=True):
        galleries.write_image(pictures / f"{name}_{sweep}.png", colour(values))
    in_one_scale = colour(np.stack([states[0], *recurrence]))
    for part, picture in zip(("with_R", "without_R", "of_R"), in_one_scale, strict=True):
        galleries.write_image(pictures / f"{name}_{part}.png", picture)
    return {
        "name": name,
        "norm": norm,
        "layer": layer,
        "block": activations.middle(layer),
        "changed": [int((change > 0).sum()) for change in changes],
        "of_R": states[0].any() and np.linalg.norm(recurrence[1]) / np.linalg.norm(states[0]),
    }
