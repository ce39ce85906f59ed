"""The page that follows one photo through the workflow and the network, walkthrough.html."""

import dataclasses
import os
from pathlib import Path

import numpy as np

from renet.common.errors import InputError
from renet.common.imdb_wiki import ARCHIVE_MARGIN, CLASSES
from renet.faces.crop import CropSpec
from renet.network.inference import softmax
from renet.network.model import Network
from renet.pages import templates
from renet.pages.templates import PageTable
from renet.walkthrough import occlusion, photo, stages
from renet.walkthrough.activations import Activations
from renet.walkthrough.lineage import Lineage

AGREEMENT = 0.01  # largest difference from inference.csv that the precision can explain


@dataclasses.dataclass(frozen=True)
class Walkthrough:
    """What the page is written from."""

    run: str
    config: dict  # about the data
    lineage: Lineage
    crop: CropSpec
    face: np.ndarray  # (C, H, W) uint8
    network: Network  # on its device
    activations: Activations
    prediction: dict  # the face's row of inference.csv
    line: str  # the header of inference.csv and the line of the face


def write(path: Path, pictures: Path, walk: Walkthrough) -> None:
    """Write the page, and its pictures into a folder, to which the page refers by a relative path.

    Raises:
        InputError: the network's probabilities are not those of inference.csv.
    """
    pictures.mkdir(parents=True, exist_ok=True)
    sample = walk.lineage.sample
    templates.write(
        "walkthrough.html.j2",
        path,
        title="One photo, step by step",
        **vars(walk),
        data=walk.config,
        sample=sample,
        label=CLASSES[sample["target"]],
        folder=Path(os.path.relpath(pictures, path.parent)).as_posix(),
        archive_margin=ARCHIVE_MARGIN,
        files={"style": "walkthrough.css", "script": "walkthrough.js", "occlusion": occlusion.FILE},
        positions=occlusion.POSITIONS,
        **photo.steps(walk.lineage, walk.crop, walk.face, pictures),
        **stages.stages(walk.network, walk.activations, walk.face, pictures),
        outcome=_outcome(walk),
    )


def _outcome(walk: Walkthrough) -> dict:
    """Logits and probabilities of each class, computed and as in inference.csv."""
    logits, row = walk.activations.logits, walk.prediction
    columns = logits, np.exp(logits), softmax(logits[None])[0]
    recorded = {name: row[f"p_{name}"] for name in CLASSES}
    difference = np.abs(columns[2] - list(recorded.values())).max()
    if difference > AGREEMENT:
        raise InputError(
            f"The network's probabilities of {row['id']} differ from those in the inference table "
            f"by {difference:.3f}: another model wrote the table; run infer again."
        )
    rows = [
        [name, *(f"{value:.6f}" for value in values), str(recorded[name])]
        for name, *values in zip(CLASSES, *columns, strict=True)
    ]
    headings = ["class", "logit", "exponential", "probability", "in inference.csv"]
    return {
        "table": PageTable("Logits and probabilities", headings, rows),
        "probabilities": recorded,
        "difference": difference,
        "predicted": CLASSES[row["predicted"]],
        "is_correct": bool(row["correct"]),
        "exponentials": columns[1].sum(),
    }
