"""Page that follows one photo through the workflow and the network, walkthrough.html."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from renet.common.errors import InputError
from renet.common.imdb_wiki import CLASSES
from renet.network import inference
from renet.pages import galleries, page_data, templates
from renet.prediction import saliency
from renet.walkthrough import photo, stages
from renet.walkthrough.activations import Activations

AGREEMENT = 0.01  # largest difference from inference.csv that the precision can explain
SQUARE = 1 / 4  # side of the grey square, as a fraction of the face's sides
POSITIONS = 15  # positions of the square on a side
GREY = 128


def write(
    path: Path,
    pictures: Path,
    seen: Activations,
    compute: tuple[torch.device, str],
    prediction: dict,
    **context: object,
) -> None:
    """Write the page, and its pictures into a folder, to which the page refers by a relative path.

    Args:
        compute: the device that the network is on, and the precision.
        prediction: the face's row of inference.csv.
        context: further variables of the template, and the variables of `photo.steps`.

    Raises:
        InputError: the network's probabilities differ from inference.csv.
    """
    values = network(seen, pictures, *compute)
    recorded = {name: prediction[f"p_{name}"] for name in CLASSES}
    difference = np.abs(values["computed"] - list(recorded.values())).max()
    if difference > AGREEMENT:
        raise InputError(
            f"The network's probabilities of {prediction['id']} differ from those in the inference "
            f"table by {difference:.3f}: another model wrote the table; run infer again."
        )
    templates.write(
        "walkthrough.html.j2",
        path,
        title="One photo, step by step",
        probabilities=recorded,
        label=CLASSES[prediction["target"]],
        predicted=CLASSES[prediction["predicted"]],
        folder=Path(os.path.relpath(pictures, path.parent)).as_posix(),
        **values,
        **context,
    )


def network(seen: Activations, pictures: Path, device: torch.device, precision: str) -> dict:
    """The values of the template layers.html.j2; the files that the page loads are written."""
    _write_occlusion(pictures, seen, device, precision)
    galleries.write_image(pictures / "face.png", seen.face.transpose(1, 2, 0))
    return {
        "seen": seen,
        "computed": inference.softmax(seen.logits[None])[0],
        "exponentials": np.exp(seen.logits),
        "patch_corner": photo.patch_corner(seen.face),
        "square": SQUARE,
        "positions": POSITIONS,
        **stages.stages(seen, pictures),
    }


def _write_occlusion(folder: Path, seen: Activations, device: torch.device, precision: str) -> None:
    """Write the probabilities of a face under a movable grey square, and their map."""
    copies = np.stack([*saliency.covered(seen.face, GREY, SQUARE, POSITIONS)])
    logits = inference.logits(seen.network, copies, device, precision)
    male = pd.Series(inference.softmax(logits)[:, 1]).round(4)
    page_data.write_table(folder / "occlusion.js", "renetOcclusion", {"male": male})
    change = male.to_numpy().reshape(-1, POSITIONS) - inference.softmax(seen.logits[None])[0, 1]
    galleries.write_image(folder / "occlusion.png", stages.colour(change, signed=True))
