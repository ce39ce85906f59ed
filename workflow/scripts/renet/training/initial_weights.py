"""The weights that a training starts from: those of a model file, or of torchvision's ResNet-18."""

import dataclasses

import torch
from torch import Tensor

from renet.common.errors import InputError
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
    theirs = model_file.build(_read(str(recipe.start_file)), str(recipe.start_file))
    norm, mean = network.get_submodule("norm"), theirs.state_dict().get("norm.mean", torch.zeros(1))
    if mean.shape[1:] in ((), (1, 1), network.input_shape[1:]):
        norm.mean = mean.to(norm.mean)  # instead of the mean of the data
    free = ["model.flip_average", "model.classes"]  # on which no weights depend
    if isinstance(recipe.start_from, dict) and "without" in recipe.start_from:
        free += ["model.classifier", f"{[*dict(network.named_children())][-1]}."]
    given, wanted = _shapes(theirs), _shapes(network)
    for name in ["model.kind", *given, *wanted]:
        ours, of_file = wanted.get(name, "missing"), given.get(name, "missing")
        if of_file != ours and not name.startswith(tuple(free)):
            raise InputError(
                f"`train.start_from` names {recipe.start_file}, which does not fit: {name} is "
                f"{of_file} in the file and {ours} in this run. Give the run the `model` and the "
                "`crop.size` of the file; if only the classifiers differ, add `without: "
                "classifier`."
            )
    used = {n: v for n, v in theirs.state_dict().items() if not n.startswith(tuple(free))}
    network.load_state_dict(network.state_dict() | used)


def _shapes(network: Network) -> dict[str, object]:
    """The keys of a network's `model`, and the shapes of its weights."""
    keys = dataclasses.asdict(network.architecture)
    shapes = {name: list(value.shape) for name, value in network.state_dict().items()}
    return {f"model.{key}": value for key, value in keys.items()} | shapes


def _read(file: str) -> dict:
    """The content of a model file; a state dict is converted to such a content."""
    content = model_file.read(file, state_dict=True)
    if "format" in content:
        return content
    architecture = {"kind": "resnet18", "classes": len(content.get("fc.bias", ()))}
    state = _from_torchvision(content)
    return {"architecture": architecture, "input_shape": (3, 1, 1), "state": state}


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
    if (first := ours.get("conv1.weight", MEAN)).shape[1:2] == (3,):
        ours["conv1.weight"] = first * (Normalizer.DIVISOR / 255 / DEVIATION)
    return ours | {"norm.mean": 255 * MEAN}
