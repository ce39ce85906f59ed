"""A network with predictor.json, by which new photos are prepared like the run's test faces.

predictor.json is beside model.pt, and has the digest of model.pt. A safetensors file has the same
keys in its metadata, or in config.json beside it. Without the keys, predictions are not calibrated.
"""

import dataclasses
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import ConfigDict, Field, ValidationError, create_model

from renet.common import files
from renet.common.errors import InputError
from renet.common.imdb_wiki import ARCHIVE_MARGIN, CLASSES
from renet.common.model_folder import DESCRIPTION, MODELS, model_in
from renet.config.archives import SAMPLE
from renet.config.crop import Margin, ready_made_margin
from renet.faces import detection
from renet.faces.crop import CropSpec
from renet.faces.detection import BoxMap
from renet.network import devices, inference, model_file
from renet.prediction import training_photos

FORMAT, FILE = "renet-predictor-1", "predictor.json"
UNKNOWN: dict = {  # content for a model without predictor.json
    "margin": ARCHIVE_MARGIN,
    "ready_made_crops": {"margin": ARCHIVE_MARGIN},
    "detector": BoxMap().as_detector(),
    "temperature": None,
    "unsure": {"threshold": None},
    "model": {"sha256": None},
    "training_photos": {"sha256": None},
}


def _part(extra: Literal["ignore", "forbid"] = "ignore", /, **keys: Any) -> Any:
    """Create a Pydantic model of keys of predictor.json; values are types or (type, default)."""
    config = ConfigDict(extra=extra, strict=True, allow_inf_nan=False)
    fields: Any = {
        key: hint if isinstance(hint, tuple) else (hint, ...) for key, hint in keys.items()
    }
    return create_model("Part", __config__=config, **fields)


Size, Shift = Annotated[float, Field(gt=0, le=100)], Annotated[float, Field(ge=-100, le=100)]
Box = _part("forbid", width=Size, height=Size, right=Shift, down=Shift, faces=int)
Content = _part(
    margin=Margin,
    ready_made_crops=_part(margin=Margin | None),
    detector=_part(box=Box),
    temperature=Annotated[float, Field(ge=0.01, le=100)] | None,  # fitted ones: 0.05 to 20
    unsure=_part(threshold=Annotated[float, Field(ge=0, le=1)] | None),
    model=_part(sha256=str | None),
    training_photos=_part(sha256=str | None),
    stated=(_part(above=bool | None) | None, None),
    above_baseline=(dict[str, bool] | bool, False),  # old files: by each metric, or the accuracy
    sources=(list[str], []),
)


@dataclasses.dataclass(frozen=True)
class Predictor:
    """A network in evaluation mode, on the CPU at first, with the content of predictor.json."""

    network: torch.nn.Module
    model: Path  # file of the network
    content: dict = dataclasses.field(default_factory=lambda: UNKNOWN)  # content of predictor.json
    training: np.ndarray | None = None  # the content of training_hashes.npy
    precision: str = "float32"
    notes: tuple[str, ...] = ()  # sentences on what the predictions lack

    @property
    def box(self) -> BoxMap:
        """The map from a detector's box to a box of the data set."""
        return BoxMap(**self.content["detector"]["box"])

    @property
    def temperature(self) -> float | None:
        """The divisor of the logits; None: the probabilities are not calibrated."""
        return self.content["temperature"]

    @property
    def threshold(self) -> float | None:
        """The largest confidence of an unsure prediction; None: no prediction is unsure."""
        return self.content["unsure"]["threshold"]

    def crop(self, *, whole: bool) -> CropSpec:
        """Return the `CropSpec` for whole photos, cut by a box, or for ready-made crops."""
        _, *size = self.network.input_shape
        margin = (self.content if whole else self.content["ready_made_crops"])["margin"]
        return CropSpec(tuple(size), margin, whole=whole, turn=True)

    @property
    def device(self) -> torch.device:
        """The device that the network is on."""
        return next(self.network.parameters()).device

    def placed(self, device: torch.device, precision: str) -> "Predictor":
        """Move the network to a device; return a copy of the predictor with this precision."""
        network = devices.to_device(self.network, device)
        return dataclasses.replace(self, network=network, precision=precision)

    def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        """Compute probabilities (N, classes) float64 of faces (N, 3, height, width) uint8."""
        values = inference.logits(self.network, pixels, self.device, self.precision)
        return inference.softmax(values / (self.temperature or 1.0), self.model)

    def face_difference(self, faces: Sequence[np.ndarray]) -> detection.Difference | None:
        """Return how faces (3, height, width) differ from training faces; None unless by much."""
        if not faces:
            return None
        margin = self.content["margin"]
        box, _ = detection.fit(np.stack(faces), margin, fewest=1)
        found = detection.compare(box, self.box, margin)
        return found if found and found.is_large else None

    def knows(self, pictures: Iterable[np.ndarray]) -> bool | None:
        """Whether a picture nearly equals a training face; None without training_hashes.npy."""
        return None if self.training is None else training_photos.are_in(self.training, pictures)


def describe(model: Path, measured: dict, faces: np.ndarray, hashes: Path, settings: dict) -> dict:
    """Return the content of predictor.json.

    Args:
        measured: keys from metrics.json, such as `temperature`, and `detector`.
        faces: training faces, (N, 3, height, width) uint8; the file `hashes` has their hashes.
        settings: of the run and its data, as in provenance.json.
    """
    return {
        "format": FORMAT,
        "model": {"file": model.name, "sha256": files.file_digest(model)},
        "classes": list(CLASSES),
        "sources": list(settings["archives"]),
        "input_shape": list(faces.shape[1:]),
        "margin": settings["crop"]["margin"],
        **measured,
        "ready_made_crops": {"margin": ready_made_margin(settings)},
        "training_photos": {"faces": len(faces), "sha256": files.file_digest(hashes)},
    }


def load(path: str | Path) -> Predictor:
    """Load a predictor from a run's folder, a folder for a model hub, or a model file."""
    model = model_in(path)
    if model.is_dir():
        names = " or ".join(MODELS)
        raise InputError(f"{path} has no {names}; name the folder of a run, or a model file.")
    saved, description = model_file.read(model), model.with_name(FILE)
    network, digest = model_file.build(saved, model).eval(), saved[model_file.DIGEST]
    hashes, training, content = model.with_name(training_photos.FILE), None, UNKNOWN
    if model.suffix == ".safetensors":
        content, beside = {**saved, "state": None}, model.with_name(DESCRIPTION)
        _check(content, beside if beside.is_file() else model)
    elif description.is_file():
        content = files.read_json(description)
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            fault = f"{description} is not of the format {FORMAT}; delete it, and run the workflow."
            raise InputError(fault)
        _check(content, description)
        if (content["model"]["sha256"], content.get("classes")) != (digest, [*CLASSES]):
            raise InputError(
                f"{description} is for another model than {model}; delete it and run the "
                "workflow again, or copy the model alone to another folder to predict with it."
            )
    if content["model"]["sha256"] and hashes.is_file():
        training = training_photos.read(hashes, content["training_photos"]["sha256"])
    predictor = Predictor(network, model, content, training, notes=_notes(content, hashes))
    for note in predictor.notes:
        logging.warning("%s", note)
    return predictor


def _notes(content: dict, hashes: Path) -> tuple[str, ...]:
    """Return sentences on the limits of the predictions, by the content of predictor.json."""
    if content["model"]["sha256"] is None:  # perhaps it was exported without predictor.json
        return (
            f"There is no {FILE} beside the model: the probabilities are not calibrated, no "
            "prediction is called unsure, and photos of the training set are not recognised. The "
            f"faces are assumed to have a margin of {ARCHIVE_MARGIN:g}.",
        )
    stated = content.get("stated") or {"above": content.get("above_baseline", False)}
    above = stated["above"]
    notes = {
        "The network was trained on drawings of invented people alone: its predictions on photos "
        "mean nothing.": content.get("sources") != [SAMPLE],
        "The network is not significantly better than always predicting one class.":
            any(above.values()) if isinstance(above, dict) else above,
        "The model has no temperature, because its fit on the validation set was inconclusive: "
        "the probabilities are not calibrated.": content["temperature"] is not None,
        "The model has no threshold: no prediction is called unsure.":
            content["unsure"]["threshold"] is not None,
        f"There is no {hashes.name}: photos of the training set are not recognised.":
            hashes.is_file(),
    }  # fmt: skip
    return tuple(note for note, holds in notes.items() if not holds)


def _check(content: dict, file: Path) -> None:
    """Raise an InputError if the content of a file lacks a key or has an impossible value."""
    try:
        Content.model_validate(content)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(map(str, fault["loc"]))
        raise InputError(
            f"{file} lacks a value or has an invalid value: {key} ({fault['msg']}); use another "
            "copy, or delete it and run the workflow (or the export) again."
        ) from error
