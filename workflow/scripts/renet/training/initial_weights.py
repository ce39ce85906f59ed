"""Initial weights of a training from a model file of this or another project."""

from pathlib import Path

import torch
from torch import Tensor

from renet.common.errors import InputError
from renet.config.model import AnyArchitecture, ResNet18Architecture
from renet.config.train import Recipe, Start
from renet.network import kinds, model_file
from renet.network.model import Network


def load(network: Network, recipe: Recipe) -> None:
    """Load weights and mean of `recipe.start_from`; raise an InputError if they do not fit."""
    file = recipe.start_files[0]
    given, state = _read(file)
    norm, mean = network.get_submodule("norm"), state.get("norm.mean", torch.zeros(1))
    if mean.shape[1:] in ((), (1, 1), network.input_shape[1:]):
        norm.mean = mean.to(norm.mean)  # replaces the mean of the run's data
    free = ["model.flip_average"]  # no weights depend on it
    if isinstance(recipe.start_from, Start) and recipe.start_from.without:
        free += ["model.classifier", f"{[*dict(network.named_children())][-1]}."]
    theirs, wanted = _shapes(given, state), _shapes(network.architecture, network.state_dict())
    for name in ["model.kind", *theirs, *wanted]:
        ours, of_file = wanted.get(name, "missing"), theirs.get(name, "missing")
        if of_file != ours and not name.startswith(tuple(free)):
            raise InputError(
                f"`train.start_from` names {file}, which does not fit: {name} is "
                f"{of_file} in the file and {ours} in this run. Set `model` and `crop.size` of the "
                "run to the values of the file; if only the classifiers differ, add `without: "
                "classifier`."
            )
    used = {name: value for name, value in state.items() if not name.startswith(tuple(free))}
    network.load_state_dict(network.state_dict() | used)


def _shapes(architecture: AnyArchitecture, state: dict[str, Tensor]) -> dict[str, object]:
    """Return one dict: the values of `model` by key, and the shapes of the weights by name."""
    keys = {f"model.{key}": value for key, value in architecture.model_dump().items()}
    return keys | {name: list(value.shape) for name, value in state.items()}


def _read(file: str) -> tuple[AnyArchitecture, dict[str, Tensor]]:
    """Read the architecture and weights of a model file, or of another project's weights file."""
    content = model_file.read(file, state_dict=True)
    if "format" in content:
        theirs = model_file.build(content, file)
        return theirs.architecture, theirs.state_dict()
    resnet18 = kinds.module(ResNet18Architecture().kind)
    # Lightning's checkpoints have weights in `state_dict`, safetensors that were read in `state`.
    state = resnet18.only(content.get("state_dict", content.get("state", content)), file)
    model_file.check_tensors({"state": state}, f"{file} cannot be used")
    given = model_file.described(Path(file)).get("pretrained_cfg")  # as timm publishes it
    return ResNet18Architecture(), resnet18.converted(state, given, file)
