"""The page that follows one photo through the workflow and the network, walkthrough.html."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from renet.common.errors import InputError
from renet.common.imdb_wiki import ARCHIVE_MARGIN, CLASSES
from renet.network import inference
from renet.network.model import Network
from renet.pages import page_data, templates
from renet.prediction import saliency
from renet.walkthrough import stages
from renet.walkthrough.activations import Activations
from renet.walkthrough.lineage import Lineage

AGREEMENT = 0.01  # largest difference from inference.csv that the precision can explain
OCCLUSION = "occlusion.js"
PARTS = (1 / 4, 1 / 8)  # sizes of the grey square, as fractions of the face's sides
POSITIONS = 15  # positions of the square on a side
GREY = 128


def write(
    path: Path,
    pictures: Path,
    lineage: Lineage,
    seen: Activations,
    prediction: dict,
    **context: object,
) -> None:
    """Write the page, and its pictures into a folder, to which the page refers by a relative path.

    Args:
        prediction: the face's row of inference.csv.
        context: further variables of the template, with those of `photo.steps`.

    Raises:
        InputError: the network's probabilities are not those of inference.csv.
    """
    templates.write(
        "walkthrough.html.j2",
        path,
        title="One photo, step by step",
        lineage=lineage,
        sample=lineage.sample,
        face=seen.face,
        classes=CLASSES,
        label=CLASSES[lineage.sample["target"]],
        folder=Path(os.path.relpath(pictures, path.parent)).as_posix(),
        archive_margin=ARCHIVE_MARGIN,
        files={"style": "walkthrough.css", "script": "walkthrough.js", "occlusion": OCCLUSION},
        positions=POSITIONS,
        outcome=_outcome(seen.logits, prediction),
        **stages.stages(seen, pictures),
        **context,
    )


def _outcome(logits: np.ndarray, row: dict) -> dict:
    """Logits and probabilities of each class, computed and as in inference.csv."""
    computed = inference.softmax(logits[None])[0]
    recorded = {name: row[f"p_{name}"] for name in CLASSES}
    difference = np.abs(computed - list(recorded.values())).max()
    if difference > AGREEMENT:
        raise InputError(
            f"The network's probabilities of {row['id']} differ from those in the inference table "
            f"by {difference:.3f}: another model wrote the table; run infer again."
        )
    return {
        "logits": logits,
        "exponentials": np.exp(logits),
        "computed": computed,
        "probabilities": recorded,
        "difference": difference,
        "predicted": CLASSES[row["predicted"]],
        "is_correct": bool(row["correct"]),
    }


def write_occlusion(
    pictures: Path, network: Network, face: np.ndarray, device: torch.device, precision: str
) -> None:
    """Write the probabilities of a face (C, H, W) under a grey square that the reader moves."""
    copies = [copy for part in PARTS for copy in saliency.covered(face, GREY, part, POSITIONS)]
    logits = inference.logits(network, np.stack(copies), device, precision)
    columns = {"p_male": pd.Series(inference.softmax(logits)[:, 1]).round(4)}
    sides = face.shape[1:]
    page_data.write_table(
        pictures / OCCLUSION, "renetOcclusion", columns, face=sides,
        sizes=[[round(side * part) for side in sides] for part in PARTS],
        corners=[[saliency.corners(side, part, POSITIONS) for side in sides] for part in PARTS],
    )  # fmt: skip
