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

AGREEMENT = 0.01  # largest difference of probabilities that the arithmetic's precision explains
SQUARE = 1 / 4  # side of the grey square, as a fraction of the face's sides
POSITIONS = 15  # positions of the square along each side of the face
GREY = 128


def write(
    path: Path,
    pictures: Path,
    seen: Activations,
    compute: tuple[torch.device, str],
    prediction: dict,
    **context: object,
) -> None:
    """Write the page, and its pictures into the folder `pictures`, which the page links to.

    Args:
        compute: the device that the network is on, and the precision.
        prediction: the face's row of inference.csv.
        context: further variables of the template, some of them from `photo.steps`.

    Raises:
        InputError: the network's probabilities differ from inference.csv.
    """
    values = network(seen, pictures, *compute)
    recorded = {name: prediction[f"p_{name}"] for name in CLASSES}
    difference = np.abs(values["computed"] - list(recorded.values())).max()
    if difference > AGREEMENT:
        raise InputError(
            f"For {prediction['id']}, the network's probabilities and inference.csv differ by "
            f"{difference:.3f}: another model wrote the file; delete it and run the workflow again."
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
    """Write the files that the page loads, and return the variables of layers.html.j2."""
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
    """Write the probability of male for each position of a grey square, as script and picture."""
    copies = np.stack([*saliency.covered(seen.face, GREY, SQUARE, POSITIONS)])
    logits = inference.logits(seen.network, copies, device, precision)
    male = pd.Series(inference.softmax(logits)[:, 1]).round(4)
    page_data.write_table(folder / "occlusion.js", "renetOcclusion", {"male": male})
    change = male.to_numpy().reshape(-1, POSITIONS) - inference.softmax(seen.logits[None])[0, 1]
    galleries.write_image(folder / "occlusion.png", stages.colour(change, signed=True))
