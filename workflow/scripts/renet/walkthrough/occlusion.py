"""The probabilities of a face under a grey square, which the reader of the page moves over it."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from renet.network import inference
from renet.network.model import Network
from renet.pages import page_data, saliency

FILE = "occlusion.js"
PARTS = (1 / 4, 1 / 8)  # of the face's sides: sizes of the square
POSITIONS = 15  # of the square on a side
GREY = 128


def write(
    path: Path, network: Network, face: np.ndarray, device: torch.device, precision: str
) -> None:
    """Write the script with a row for each size and position of the square, line by line.

    Args:
        network: on `device`.
        face: (C, H, W) uint8.
    """
    placed = [
        (part, *one) for part in PARTS for one in saliency.covered(face, GREY, part, POSITIONS)
    ]
    parts, tops, lefts, copies = zip(*placed, strict=True)
    logits = inference.logits(network, np.stack(copies), device, precision)
    height, width = face.shape[1:]
    columns = {
        "top": pd.Series(tops),
        "left": pd.Series(lefts),
        "height": pd.Series([round(height * part) for part in parts]),
        "width": pd.Series([round(width * part) for part in parts]),
        "p_male": pd.Series(inference.softmax(logits)[:, 1]).round(4),
    }
    page_data.write_table(
        path, "renetOcclusion", columns, positions=POSITIONS, face=[height, width]
    )
