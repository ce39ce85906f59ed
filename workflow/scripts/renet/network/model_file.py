"""Model files: a network with its architecture, and the state of its training, if any.

They are PyTorch's zip files; unlike PyTorch, `read` checks their CRC-32. The content of a
safetensors file except its weights is in config.json beside the file, or in its metadata.
"""

import hashlib
import io
import json
import pickle
import textwrap
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from renet.common import files
from renet.common.errors import InputError, memory_shortage
from renet.common.imdb_wiki import CLASSES
from renet.common.model_folder import DESCRIPTION
from renet.config.crop import Crop
from renet.config.model import from_settings
from renet.network import kinds
from renet.network.model import Network, parameter_count

FORMAT = "renet-model-1"
METADATA = "renet"  # key of the JSON text in the metadata of ONNX and safetensors
DIGEST = "weights_sha256"  # of the file; in the file's metadata: of the file with NO_DIGEST here
NO_DIGEST = "0" * 64
DTYPES = {torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64}
DTYPES |= {torch.float16, torch.bfloat16, torch.float32, torch.float64}


def save(path: str | Path, model: Network, **more: object) -> None:
    """Save a network with its architecture, and `more` plain values and tensors."""
    write(path, file_content(path, model, **more))


def file_content(path: str | Path, model: Network, **more: object) -> dict:
    """Return the checked content of a model file; it shares CPU tensors with `model`."""
    content = {
        "format": FORMAT,
        # Through JSON: pickled bytes depend on whether equal strings are the same object.
        "architecture": json.loads(json.dumps(model.architecture.model_dump())),
        "input_shape": list(model.input_shape),
        "classes": list(CLASSES),
        "state": {name: value.detach().cpu() for name, value in model.state_dict().items()},
        **more,
    }
    check_tensors(content, f"{path} is not written")
    return content


def describe(path: Path, model: Network) -> dict[str, object]:
    """Describe a network and its model file, for the pages."""
    return {
        "architecture": model.architecture.model_dump(),
        "input_shape": list(model.input_shape),
        "parameters": parameter_count(model),
        "sha256": files.file_digest(path),
        "torch": torch.__version__,
    }


def write(path: str | Path, content: dict) -> None:
    """Write the content of a model file; see `save`."""
    # To a file object: given a path, torch.save writes the file's name into its bytes.
    size = sum(tensor.nbytes for _, tensor in _named_tensors(content, ""))
    with files.replacing(path, size) as temporary, temporary.open("wb") as handle:
        torch.save(content, handle)


def check_tensors(content: dict, consequence: str) -> None:
    """Raise an InputError (`consequence`, because …) unless all tensors are dense and finite."""
    try:
        tensors = [*_named_tensors(content["state"] | {**content, "state": None}, "")]
    except RecursionError as error:
        raise InputError(f"{consequence}, because its content is nested too deeply.") from error
    for name, tensor in tensors:
        dense = tensor.layout == torch.strided and tensor.dtype in DTYPES and not tensor.is_meta
        # A stride of 0 makes a tensor of any size from a few bytes.
        if not dense or tensor.nbytes > tensor.untyped_storage().nbytes():
            raise InputError(f"{consequence}, because {name} is not a dense tensor of numbers.")
        if not tensor.isfinite().all():
            raise InputError(f"{consequence}, because {name} has a NaN or an infinity.")


def _named_tensors(value: object, name: str) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors in nested dicts and lists; keys joined by dots are the names."""
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _named_tensors(part, f"{name}.{key}" if name else str(key))


def read(path: str | Path, *, state_dict: bool = False) -> dict:
    """Read a model file's content; with `state_dict`, also another project's weights file."""
    path = Path(path)
    if not path.is_file():  # reading a pipe or a device might never end
        raise InputError(f"The model {path} does not exist or is no file; check the path.")
    try:
        data = path.read_bytes()  # read once, because another process can replace the file
        read_data = _read_safetensors if path.suffix == ".safetensors" else _read_pytorch
        content = read_data(path, data)
    except Exception as error:  # pickle, zip and safetensors raise anything on foreign bytes
        if memory_shortage(error):
            raise
        if "GLOBAL" in str(error) or "legacy .tar" in str(error):
            raise InputError(
                f"{path} is not loaded, because it has Python objects or is in PyTorch's oldest "
                "format, so that loading it could run code. If you trust its author, convert it: "
                f"python -c \"import torch; saved = torch.load('{path}', weights_only=False); "
                "torch.save(saved.get('state_dict', saved), 'weights.pth')\"; then use weights.pth."
            ) from error
        reason = textwrap.shorten(str(error) or type(error).__name__, 300).rstrip(".")
        if isinstance(error, pickle.UnpicklingError):  # PyTorch's text speaks of code in files
            reason = "it has another format"
        raise InputError(f"{path} cannot be loaded as a model: {reason}.") from error
    if state_dict and isinstance(content, dict) and "format" not in content:
        return content
    format_name = content.get("format") if isinstance(content, dict) else None
    if format_name != FORMAT:
        named = format_name[:60] if isinstance(format_name, str) else "not named"
        raise InputError(
            f"{path} is not a model of this project: its format is {named}, "
            f"but {FORMAT} is needed; train again, or use this project's version that wrote it."
        )
    if not isinstance(content.get("state"), dict):
        raise InputError(f"{path} has no weights; use a model file that this project has written.")
    check_tensors(content, f"{path} cannot be used")
    return content | {DIGEST: hashlib.sha256(data).hexdigest()}


def _read_pytorch(path: Path, data: bytes) -> Any:
    if not data.startswith(b"PK\3\4"):  # another project's format before PyTorch 1.6
        return torch.load(path, map_location="cpu", weights_only=True)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()  # compressed or overlapping entries can have any size
        compressed = any(entry.compress_type for entry in entries)
        if compressed or sum(entry.file_size for entry in entries) > len(data):
            raise ValueError("its entries are compressed or overlap, unlike what torch.save writes")
        if damaged := archive.testzip():
            raise ValueError(f"the CRC-32 of {damaged} is wrong; use another copy")
    return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)


def _read_safetensors(path: Path, data: bytes) -> dict:
    start = 8 + int.from_bytes(data[:8], "little")  # of the tensors, after the header
    metadata = json.loads(data[8:start]).get("__metadata__", {})
    content = json.loads(metadata.get(METADATA, "{}")) or described(path)
    stated = str(content.get(DIGEST))
    # config.json states the digest of the file; exports of 4.0.0 state a digest of the tensors.
    covered = data, data.replace(stated.encode(), NO_DIGEST.encode(), 1), data[start:]
    if DIGEST in content and stated not in (hashlib.sha256(part).hexdigest() for part in covered):
        fault = f"its SHA-256 is not the one in {DESCRIPTION} or in its metadata"
        raise ValueError(f"{fault}; use another copy")
    return content | {"state": safetensors.torch.load(data)}


def described(path: Path) -> dict:
    """Read config.json in the folder of the weights file `path`, if any; else return {}."""
    beside = path.with_name(DESCRIPTION)
    content = files.read_json(beside) if beside.is_file() else {}
    return content if isinstance(content, dict) else {}


def build(content: dict, path: str | Path = "The saved network") -> Network:
    """Build a network from a model file's content, on the CPU, in the dtype of the weights."""
    try:
        state = content["state"]
        mean, shape = state.get("norm.mean"), tuple(content["input_shape"])
        settings = from_settings(content["architecture"])
        Crop(size=[*shape[1:]])  # else the images could have any number of pixels
        if content["classes"] != [*CLASSES]:
            raise ValueError(f"its classes are {content['classes']}")
        data_mean = mean.numpy() if mean is not None and mean.dim() > 1 else None
        with torch.device("meta"):  # wrong shapes fail before memory is allocated
            kinds.build(shape, settings, data_mean).load_state_dict(state, assign=True)
        model = kinds.build(shape, settings, data_mean).to(next(iter(state.values())).dtype)
        model.load_state_dict(state)
    except (
        ArithmeticError, AttributeError, KeyError, RuntimeError, StopIteration, TypeError,
        ValueError,
    ) as error:  # fmt: skip
        reason = textwrap.shorten(str(error) or type(error).__name__, 300)
        raise InputError(
            f"{path} cannot be used, because its weights do not fit its architecture ({reason}); "
            "train the network again, or use another model file."
        ) from error
    return model


def load(path: str | Path) -> Network:
    """Load the network of a model file; `read` and `build` raise the errors."""
    return build(read(path), path)
