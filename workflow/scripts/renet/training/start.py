"""The weights that a training starts from: those of a model file, or of torchvision's ResNet-18."""

import dataclasses
import json
from typing import Any

import torch
from torch import Tensor

from renet.common.errors import InputError
from renet.config.architecture import ResNet18Architecture
from renet.config.recipe import Recipe
from renet.network import model_file
from renet.network.batch_norm import BatchNorm
from renet.network.model import Network, Normalizer

# torchvision's input: pixels from 0 to 1, less ImageNet's mean, divided by its deviation; R, G, B.
MEAN, DEVIATION = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]).view(2, 3, 1, 1)
EPS = 1e-5  # of torchvision's batch normalisation


def load_into(network: Network, recipe: Recipe) -> None:
    """Give a network the weights and the mean in the file that a recipe starts from.

    Raises:
        InputError: the file cannot be read, or is of another network.
    """
    given, norm = _read(str(recipe.start_file)), network.get_submodule("norm")
    mean = given.get("norm.mean", norm.mean)
    if mean.shape[1:] in ((), (1, 1), network.input_shape[1:]):
        norm.mean = mean.to(norm.mean)  # in place of the data's
    own = network.state_dict() | _keys(network.architecture)
    free = ["model.flip_average", "model.classes"]  # on which no weights depend
    if isinstance(recipe.start_from, dict) and "without" in recipe.start_from:
        free += ["model.classifier", f"{list(network._modules)[-1]}."]
    for name in ["model.kind", *given, *own]:
        if not name.startswith(tuple(free)):
            _check(name, given, own, recipe.start_file)
    used = {name: value for name, value in given.items() if not name.startswith(tuple(free))}
    network.load_state_dict(used, strict=False)  # what is missing, the check has let pass


def _check(name: str, given: dict, own: dict, file: str | None) -> None:
    """Compare the shapes of a weight, or a key of the architecture, in a file and in a network."""
    theirs, ours = (
        list(value.shape) if isinstance(value, Tensor) else value
        for value in (given.get(name, "missing"), own.get(name, "missing"))
    )
    if theirs != ours:
        raise InputError(
            f"train.start_from names {file}, which does not fit: {name} is {theirs} in the file "
            f"and {ours} in this run; give the run the model and the crop.size of the file, or add "
            "without: classifier if these differ there alone."
        )


def _keys(architecture: Any) -> dict[str, Any]:
    return {f"model.{key}": value for key, value in dataclasses.asdict(architecture).items()}


def _read(file: str) -> dict[str, Any]:
    """The weights in a file and the keys of their architecture, `model.kind`."""
    is_safe = file.endswith(".safetensors")
    content = _read_safetensors(file) if is_safe else model_file.read(file, state_dict=True)
    if "format" in content:
        saved = model_file.build(content, file)
        return saved.state_dict() | _keys(saved.architecture)
    if not all(isinstance(value, Tensor) for value in content.values()):
        raise InputError(
            f"train.start_from names {file}, which is neither a model of this project nor a state "
            "dict; write one by torch.save(model.state_dict(), …)."
        )
    model_file.check_finite({"state": content}, f"{file} cannot be used")
    return _from_torchvision(content) | _keys(ResNet18Architecture())


def _read_safetensors(file: str) -> dict[str, Any]:
    """The content of a model file, or a state dict."""
    from safetensors import SafetensorError, safe_open  # of requirements-export.txt

    try:
        with safe_open(file, "pt") as stored:
            state = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
            described = (stored.metadata() or {}).get(model_file.METADATA)
    except SafetensorError as error:
        raise InputError(f"{file} is not a safetensors file that can be read: {error}.") from error
    return json.loads(described) | {"state": state} if described else state


def _from_torchvision(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of torchvision's ResNet-18 for the kind resnet18, whose output is the same.

    The deviation becomes part of the first convolution, whose padding is the mean in both. The
    difference of eps becomes part of the running variances, which then can be below zero.
    """
    ours = {
        name: value + EPS - BatchNorm.EPS if name.endswith("running_var") else value
        for name, value in state.items()
        if not name.endswith("num_batches_tracked")
    }
    first = ours.get("conv1.weight", MEAN)
    if first.shape[1:2] == DEVIATION.shape[:1]:  # RGB
        ours["conv1.weight"] = first * (Normalizer.DIVISOR / 255 / DEVIATION)
    return ours | {"norm.mean": 255 * MEAN}
