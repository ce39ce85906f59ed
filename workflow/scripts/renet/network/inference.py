"""Logits and probabilities of many faces."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from renet.common.errors import InputError
from renet.common.progress import Progress
from renet.network.loader import Loader
from renet.network.model import Network, infer

# In smaller batches, a GPU would wait for the host to launch kernels.
BATCH_SIZE = {"cpu": 128, "cuda": 256}


def logits(
    model: Network,
    pixels: np.ndarray,
    device: torch.device,
    precision: str = "float32",
    show_progress: bool = False,
) -> np.ndarray:
    """Compute logits (N, classes) float64 of pixels (N, C, H, W) uint8; `model` is on `device`."""
    model.eval()
    rows, size = np.arange(len(pixels)), BATCH_SIZE[device.type]
    batches = np.split(rows, rows[size::size])
    loader = Loader(pixels, np.zeros(len(pixels), np.int64), device)
    outputs: list[Tensor] = []
    with Progress(total=len(rows), desc="infer", unit=" img", disable=not show_progress) as bar:
        for faces, _ in loader.batches(batches):
            outputs.append(infer(model, faces, precision).double())
            bar.update(len(faces))
    return torch.cat(outputs).cpu().numpy()


def softmax(values: np.ndarray, network: str | Path = "The network") -> np.ndarray:
    """Convert logits to probabilities, both (N, classes) float64; InputError unless finite."""
    if not np.isfinite(values).all():
        raise InputError(
            f"{network} computes logits that are not finite, because its weights or a face's "
            "values are too large; train the network again, or use another model file."
        )
    exponentials = np.exp(values - values.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)
