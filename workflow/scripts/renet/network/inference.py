"""Logits and probabilities of many faces."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from renet.common.errors import InputError
from renet.common.progress import Progress
from renet.network.loader import Loader
from renet.network.model import Network, infer

# A GPU computes a small batch faster than the host can queue its kernels.
BATCH_SIZE = {"cpu": 128, "cuda": 256}


def logits(
    model: Network,
    pixels: np.ndarray,
    device: torch.device,
    precision: str = "float32",
    show_progress: bool = False,
) -> np.ndarray:
    """Logits (N, classes) float64 of pixels (N, C, H, W) uint8 by a network on the device."""
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
    """Class probabilities from logits, both (N, classes) float64; an error names the network."""
    if not np.isfinite(values).all():
        raise InputError(
            f"{network} computes logits that are not finite, because its weights or a face's "
            "values are too large; train it again, or give another file."
        )
    exponentials = np.exp(values - values.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)
