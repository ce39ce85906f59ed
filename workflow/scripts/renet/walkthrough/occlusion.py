"""The probabilities of a face under a grey square, which the reader of the page moves over it."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from renet.network import inference
from renet.network.model import Network
from renet.pages import page_data, saliency

FILE = "occlusion.js"
PARTS = (1 / 4, 1 / 8)  # sizes of the square, as fractions of the face's sides
POSITIONS = 15  # positions of the square on a side
GREY = 128


def write(
    path: Path, network: Network, face: np.ndarray, device: torch.device, precision: str
) -> None:
    """Write the probabilities of a face (C, H, W) by size and position, as a script of the page."""
    pixels = [copy for part in PARTS for copy in saliency.covered(face, GREY, part, POSITIONS)]
    logits = inference.logits(network, np.stack(pixels), device, precision)
    columns = {"p_male": pd.Series(inference.softmax(logits)[:, 1]).round(4)}
    sides = face.shape[1:]
    page_data.write_table(
        path, "renetOcclusion", columns, face=sides,
        sizes=[[round(side * part) for side in sides] for part in PARTS],
        corners=[[saliency.corners(side, part, POSITIONS) for side in sides] for part in PARTS],
    )  # fmt: skip
