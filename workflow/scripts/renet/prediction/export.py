"""Export of a predictor to ONNX and to safetensors.

The ONNX graph computes probabilities (N, classes) float32 from faces (N, 3, height, width) uint8
RGB, for any N. It includes mean, scaling, flip averaging and temperature. All other content of
predictor.json is in the metadata.
"""

import hashlib
import json
import re
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from renet.common import files
from renet.common.errors import InputError
from renet.common.model_folder import DESCRIPTION
from renet.network import model_file
from renet.prediction.predictor import FILE, Predictor

OPSET = 20
FACES, PROBABILITIES = "faces", "probabilities"
LOCAL_LINE = re.compile(r"^.*(?<!\\)\]\((?!https?:).*\n", re.MULTILINE)  # with a link to a file


class Probabilities(nn.Module):
    """Network with its flip averaging, temperature and softmax."""

    def __init__(self, predictor: Predictor):
        super().__init__()
        self.network = predictor.network
        self.temperature = predictor.temperature or 1.0

    def forward(self, faces: Tensor) -> Tensor:
        """Compute probabilities (N, classes) of faces (N, 3, height, width) uint8."""
        return (self.network(faces) / self.temperature).softmax(1)


def write_onnx(path: Path, predictor: Predictor) -> None:
    """Write one ONNX file in float32, without external data and without local paths."""
    try:
        import onnx
        import onnxscript  # noqa: F401 (torch.onnx imports it)
    except ImportError as error:
        raise InputError(
            f"Exporting to ONNX needs the package {error.name}, which is not installed; "
            "run pip install -r requirements-export.txt."
        ) from error
    if not predictor.network.architecture.has_layers:
        raise InputError(
            f"{predictor.model} cannot be exported to ONNX, because its kind has no layers; name "
            "an output *.safetensors."
        )
    module = Probabilities(predictor).float().eval()
    example = torch.zeros((2, *predictor.network.input_shape), dtype=torch.uint8)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # PyTorch warns about its own code
        program = torch.onnx.export(
            module, (example,), dynamo=True, opset_version=OPSET, external_data=False,
            input_names=[FACES], output_names=[PROBABILITIES],
            dynamic_shapes={"faces": {0: torch.export.Dim("batch")}}, verbose=False,
        )  # fmt: skip
    model = program.model_proto
    graph = model.graph
    values = (*graph.initializer, *graph.value_info, *graph.input, *graph.output)
    for part in (model, graph, *graph.node, *values, *model.functions):
        del part.metadata_props[:]  # stack traces with paths of this machine
        part.ClearField("doc_string")
    onnx.helper.set_model_props(model, {model_file.METADATA: described(predictor)})
    onnx.checker.check_model(model, full_check=True)
    with files.replacing(path) as temporary:
        temporary.write_bytes(model.SerializeToString(deterministic=True))


def write_safetensors(
    path: Path, predictor: Predictor, metadata: dict[str, str] | None = None
) -> None:
    """Write the weights as safetensors; the default metadata is the text of `described`."""
    weights = {name: tensor.contiguous() for name, tensor in predictor.network.state_dict().items()}
    # Only one key, because several keys would be written in varying order.
    about = {model_file.METADATA: described(predictor, model_file.NO_DIGEST)}
    content = safetensors.torch.save(weights, metadata or about)
    if metadata is None:
        digest = hashlib.sha256(content).hexdigest()
        content = content.replace(model_file.NO_DIGEST.encode(), digest.encode(), 1)
    # Not by `save_file`, which raises no OSError on a full disk.
    with files.replacing(path, len(content)) as temporary:
        temporary.write_bytes(content)


def write_for_hub(path: Path, predictor: Predictor, card: Path, onnx: Path | None = None) -> None:
    """Write a hub's folder, which `predictor.load` reads: weights, README.md, config.json, ONNX."""
    folder, text = path.parent, LOCAL_LINE.sub("", card.read_text(encoding="utf-8"))
    if (folder / FILE).exists():
        raise InputError(f"{folder} is the folder of a run; name a file in another folder.")
    # Of the run's model.pt, also if the predictor was loaded from a folder for a hub.
    digest = predictor.content["model"]["sha256"] or files.file_digest(predictor.model)
    for given in filter(None, (card, onnx)):
        if digest.encode() not in given.read_bytes():
            raise InputError(
                f"{given} is of another model: it does not state the SHA-256 of the model.pt "
                f"({digest}); give the file of the same training, or export it again."
            )
    files.check_replaceable(folder / "README.md", "---")  # a card begins with its front matter
    if (found := model_file.described(path)) and found.get("format") != model_file.FORMAT:
        raise InputError(f"{folder / DESCRIPTION} is of another project; name another folder.")
    if onnx is None:
        (folder / "model.onnx").unlink(missing_ok=True)  # perhaps of another training or config
    elif onnx.resolve() != (folder / "model.onnx").resolve():
        with files.replacing(folder / "model.onnx") as temporary:
            shutil.copyfile(onnx, temporary)
    write_safetensors(path, predictor, {"format": "pt"})  # as huggingface_hub wants it
    files.write_text(folder / "README.md", text)
    about = json.loads(described(predictor, files.file_digest(path)))
    files.write_json(folder / DESCRIPTION, about)


def described(predictor: Predictor, digest: str | None = None) -> str:
    """Return JSON of predictor.json's content, the architecture, and the exported file's digest."""
    content = model_file.file_content(predictor.model, predictor.network)
    about = predictor.content | content | {"colour": "RGB"}
    del about["state"]
    about.pop(model_file.DIGEST, None)  # of the loaded file
    return json.dumps(about | ({model_file.DIGEST: digest} if digest else {}), sort_keys=True)


WRITERS = {".onnx": write_onnx, ".safetensors": write_safetensors}


def find_writer(path: Path) -> Callable[[Path, Predictor], None]:
    """Return the function that writes the format which the file name's suffix names."""
    if ".int8" in path.suffixes:
        raise InputError(
            f"{path} would have float32 weights, not int8; docs/predict.md has the way to int8."
        )
    if write := WRITERS.get(path.suffix):
        return write
    raise InputError(f"{path} has an unknown suffix; let the name end with {' or '.join(WRITERS)}.")
