"""The network's part of the page walkthrough.html, which the page of `make demo` has, too."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from renet.network import inference
from renet.pages import galleries, page_data
from renet.prediction import saliency
from renet.walkthrough import photo, stages
from renet.walkthrough.activations import Activations

SQUARE = 1 / 4  # side of the grey square, as a fraction of the face's sides
POSITIONS = 15  # positions of the square along each side of the face
GREY = 128


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
