"""Model files: a network with its architecture, and a training's state if there is one.

They are PyTorch's zip files, which have a CRC-32 of each tensor. PyTorch does not check it, so that
`read` does.
"""

import json
import pickle
import textwrap
import zipfile
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from renet.common import files
from renet.common.errors import InputError
from renet.common.imdb_wiki import CLASSES
from renet.config.model import from_settings
from renet.config.train import Recipe, Start
from renet.network import kinds
from renet.network.model import Network

FORMAT = "renet-model-1"
METADATA = "renet"  # key of the JSON text in other formats
DTYPES = {  # of weights, and of the state of a training
    torch.float16, torch.bfloat16, torch.float32, torch.float64,
    torch.bool, torch.uint8, torch.int32, torch.int64,
}  # fmt: skip


def save(path: str | Path, model: Network, **more: object) -> None:
    """Save a network with its architecture, and `more` plain values and tensors."""
    write(path, content_of(model, **more))


def content_of(model: Network, **more: object) -> dict:
    """The content of a model file; it shares the tensors that are in main memory."""
    return {
        "format": FORMAT,
        # Through JSON: pickled bytes depend on whether equal strings are the same object.
        "architecture": json.loads(json.dumps(model.architecture.model_dump())),
        "input_shape": list(model.input_shape),
        "classes": list(CLASSES),
        "state": {name: value.detach().cpu() for name, value in model.state_dict().items()},
        **more,
    }


def write(path: str | Path, content: dict) -> None:
    """Write the content of a model file; see `save`."""
    check_tensors(content, f"{path} is not written")
    # To a file object: given a path, torch.save writes the file's name into its bytes.
    size = sum(tensor.nbytes for _, tensor in _named_tensors(content, ""))
    with files.replacing(path, size) as temporary, temporary.open("wb") as handle:
        torch.save(content, handle)


def check_tensors(content: dict, consequence: str) -> None:
    """Check all tensors of a model file: the network's, by their names, and the others.

    Raises:
        InputError: one has no values, an unusual type, a NaN or an infinity; the sentence begins
            with `consequence`.
    """
    for name, tensor in _named_tensors(content["state"] | {**content, "state": None}, ""):
        if fault := _fault(tensor):
            raise InputError(f"{consequence}, because {name} {fault}.")


def _fault(tensor: Tensor) -> str | None:
    """What is wrong with a tensor. The file of a repeated value can be far smaller than it."""
    if tensor.is_meta or tensor.layout != torch.strided:
        return "does not store its values"
    repeats = any(
        size > 1 and not step for size, step in zip(tensor.shape, tensor.stride(), strict=True)
    )
    if repeats or tensor.nbytes > tensor.untyped_storage().nbytes():
        return "repeats one value in place of its own"
    if tensor.dtype not in DTYPES:
        return f"is of the type {tensor.dtype}, which is not used"
    return None if tensor.isfinite().all() else "has a NaN or an infinity"


def _named_tensors(value: object, name: str) -> Iterator[tuple[str, Tensor]]:
    """The tensors in nested dicts and lists, with their keys and numbers as their name."""
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _named_tensors(part, f"{name}.{key}" if name else str(key))


def read(path: str | Path, *, state_dict: bool = False) -> dict:
    """The content of a model file, or with `state_dict` also a plain state dict.

    Raises:
        InputError: it is missing, damaged or not a model of this project, has other classes, or a
            tensor that cannot be used; see `check_tensors`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"The model {path} does not exist.") from error
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path} is not loaded, because it has Python objects, which could run code; give a "
            "file that has only weights, such as model.pt."
        ) from error
    except Exception as error:  # pickle and zip raise anything on foreign bytes
        raise InputError(f"{path} is not a model that PyTorch can load: {error}") from error
    if damaged:
        raise InputError(f"{path} is damaged: the CRC-32 of {damaged} is wrong; use another copy.")
    if state_dict and isinstance(content, dict) and "format" not in content:
        return content
    format_name = content.get("format") if isinstance(content, dict) else None
    if format_name != FORMAT:
        named = format_name if isinstance(format_name, str) else "not named"
        raise InputError(
            f"{path} is not a model of this project: its format is {named}, "
            f"but {FORMAT} is needed; train it again, or use the version that wrote it."
        )
    if not isinstance(content.get("state"), dict):
        raise InputError(f"{path} has no weights; give a model that this project has written.")
    if content.get("classes") != list(CLASSES):
        raise InputError(
            f"{path} has the classes {content.get('classes')}, but {list(CLASSES)} are needed."
        )
    try:
        check_tensors(content, f"{path} cannot be used")
    except RecursionError as error:
        raise InputError(f"{path} cannot be used, because its values are nested.") from error
    return content


def build(content: dict, path: str | Path = "The saved network") -> Network:
    """Build the network from the content that `read` returns, on the CPU, in its saved dtype.

    Raises:
        InputError: the weights in the file `path` are not those of the architecture.
    """
    try:
        state = content["state"]
        mean, shape = state.get("norm.mean"), tuple(content["input_shape"])
        settings = from_settings(content["architecture"])
        if not all(type(side) is int and side > 0 for side in shape):
            raise ValueError(f"the shape of the images is {shape}")
        data_mean = mean.numpy() if mean is not None and mean.dim() > 1 else None
        model = kinds.build(shape, settings, data_mean).to(next(iter(state.values())).dtype)
        model.load_state_dict(state)
    except (
        ArithmeticError, AttributeError, KeyError, RuntimeError, StopIteration, TypeError,
        ValueError,
    ) as error:  # fmt: skip
        reason = textwrap.shorten(str(error) or type(error).__name__, 300)
        raise InputError(
            f"{path} cannot be used, because its weights do not fit its architecture ({reason}); "
            "train it again, or give another file."
        ) from error
    return model


def load(path: str | Path) -> Network:
    """The network in a model file; see `read` and `build` for the errors."""
    model = build(read(path), path)
    if model.architecture.classes != len(CLASSES):
        raise InputError(
            f"{path} has {model.architecture.classes} outputs, but {len(CLASSES)} are needed."
        )
    return model


def load_initial_weights(network: Network, recipe: Recipe) -> None:
    """Give a network the weights and the mean in the file that a recipe starts from."""
    theirs = build(_read_weights(str(recipe.start_file)), str(recipe.start_file))
    norm, mean = network.get_submodule("norm"), theirs.state_dict().get("norm.mean", torch.zeros(1))
    if mean.shape[1:] in ((), (1, 1), network.input_shape[1:]):
        norm.mean = mean.to(norm.mean)  # instead of the mean of the data
    free = ["model.flip_average", "model.classes"]  # on which no weights depend
    if isinstance(recipe.start_from, Start) and recipe.start_from.without:
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
    keys = network.architecture.model_dump()
    shapes = {name: list(value.shape) for name, value in network.state_dict().items()}
    return {f"model.{key}": value for key, value in keys.items()} | shapes


def _read_weights(file: str) -> dict:
    """The content of a model file; a state dict is converted to such a content."""
    content = read(file, state_dict=True)
    if "format" in content:
        return content
    architecture = {"kind": "resnet18", "classes": len(content.get("fc.bias", ()))}
    state = kinds.module("resnet18").from_torchvision(content)
    return {"architecture": architecture, "input_shape": (3, 1, 1), "state": state}
