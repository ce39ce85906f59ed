"""The weights that a training starts from: those of a model file, or of torchvision's ResNet-18."""

import dataclasses
import json
from typing import Any

import torch
from torch import Tensor

from renet.common.errors import InputError
from renet.config.architecture import AnyArchitecture, ResNet18Architecture
from renet.config.recipe import Recipe
from renet.network import model_file
from renet.network.batch_norm import BatchNorm
from renet.network.model import Network, Normalizer

State = dict[str, Tensor]
# torchvision's input: pixels from 0 to 1, less ImageNet's mean, divided by its deviation; R, G, B.
MEAN, DEVIATION = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]).view(2, 3, 1, 1)
EPS = 1e-5  # of torchvision's batch normalisation


def load_into(network: Network, recipe: Recipe) -> None:
    """Give a network the weights and the mean in the file that a recipe starts from.

    Raises:
        InputError: the file cannot be read, or is of another network.
    """
    architecture, state = _read(str(recipe.start_file))
    own, norm = network.state_dict(), network.get_submodule("norm")
    mean = state.get("norm.mean", norm.mean)
    if mean.shape[1:] in ((), (1, 1), network.input_shape[1:]):
        norm.mean = own["norm.mean"] = mean.to(norm.mean)  # in place of the data's
    free = ["model.flip_average", "model.classes"]  # on which no weights depend
    if isinstance(recipe.start_from, dict) and "without" in recipe.start_from:
        free += ["model.classifier", f"{list(network._modules)[-1]}."]
    given, wanted = _facts(architecture, state), _facts(network.architecture, own)
    for name in [*given, *wanted]:
        theirs, ours = (facts.get(name, "missing") for facts in (given, wanted))
        if theirs != ours and not name.startswith(tuple(free)):
            raise InputError(
                f"train.start_from names {recipe.start_file}, which does not fit: {name} is "
                f"{theirs} in the file and {ours} in this run; give the run the model and the "
                "crop.size of the file, or add without: classifier if these differ there alone."
            )
    used = {name: state[name] for name in state if not name.startswith(tuple(free))}
    network.load_state_dict(own | used)


def _facts(architecture: AnyArchitecture, state: State) -> dict[str, object]:
    """What two networks have to share: the keys of `model` and the shapes of the weights."""
    keys = dataclasses.asdict(architecture)
    keys = {f"model.{key}": keys[key] for key in ("kind", *keys)}
    return keys | {name: list(value.shape) for name, value in state.items()}


def _read(file: str) -> tuple[AnyArchitecture, State]:
    """The architecture in a file, and its weights."""
    is_safe = file.endswith(".safetensors")
    content = _read_safetensors(file) if is_safe else model_file.load_tensors(file)
    if isinstance(content, dict) and "format" in content:
        saved = model_file.build(model_file.checked(content, file), file)
        return saved.architecture, saved.state_dict()
    weights = content.values() if isinstance(content, dict) else [content]
    if not isinstance(content, dict) or not all(isinstance(one, Tensor) for one in weights):
        raise InputError(
            f"train.start_from names {file}, which is neither a model of this project nor a state "
            "dict; write one by torch.save(model.state_dict(), …)."
        )
    model_file.check_finite({"state": content}, f"{file} cannot be used")
    return ResNet18Architecture(), _from_torchvision(content)


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


def _from_torchvision(state: State) -> State:
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
