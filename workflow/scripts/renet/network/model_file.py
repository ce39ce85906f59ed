"""Model files: a network with its architecture, and a training's state if there is one."""

import dataclasses
import json
from pathlib import Path

import torch

from renet.common import files
from renet.common.errors import InputError
from renet.common.imdb_wiki import CLASSES
from renet.config.architecture import Architecture
from renet.network.model import ReNet

FORMAT = "renet-model-1"


def save(path: str | Path, model: ReNet, **more: object) -> None:
    """Save a network with its architecture, and `more` plain values and tensors."""
    content = {
        "format": FORMAT,
        # Through JSON: pickled bytes depend on whether equal strings are the same object.
        "architecture": json.loads(json.dumps(dataclasses.asdict(model.architecture))),
        "input_shape": list(model.input_shape),
        "classes": list(CLASSES),
        "state": {name: value.detach().cpu() for name, value in model.state_dict().items()},
        **more,
    }
    # To a file object: given a path, torch.save writes the file's name into its bytes.
    with files.replacing(path) as temporary, temporary.open("wb") as handle:
        torch.save(content, handle)


def read(path: str | Path) -> dict:
    """The content of a model file.

    Raises:
        InputError: the file is missing or is not a model of this project.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"The model {path} does not exist.") from error
    except Exception as error:  # pickle and zip raise anything on foreign bytes
        raise InputError(f"{path} is not a model that torch can load: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{path} is not a model of this project ({FORMAT}).")
    return content


def build(content: dict) -> ReNet:
    """Build the network from the content that `read` returns, on the CPU, in its saved dtype."""
    state = content["state"]
    mean = state["norm.mean"]
    model = ReNet(
        tuple(content["input_shape"]),
        Architecture(**content["architecture"]),
        None if mean.dim() == 1 else mean.numpy(),
    ).to(mean.dtype)
    model.load_state_dict(state)
    return model


def load(path: str | Path) -> ReNet:
    """The network in a model file; see `read` for the errors."""
    return build(read(path))
