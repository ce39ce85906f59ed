"""Logits and probabilities of many faces."""

import numpy as np
import torch

from renet.common.progress import Progress
from renet.network.loader import StreamingLoader
from renet.network.model import ReNet, infer

BATCH_SIZE = 128


def logits(
    model: ReNet,
    pixels: np.ndarray,
    device: torch.device,
    precision: str = "float32",
    show_progress: bool = False,
) -> np.ndarray:
    """The logits of a network in evaluation mode, in the order of the faces.

    Args:
        model: on `device`; it is left in evaluation mode.
        pixels: (N, C, H, W) uint8, memory-mapped or in memory.

    Returns:
        (N, classes) float64.
    """
    model.eval()
    batches = []
    rows = [
        np.arange(start, min(start + BATCH_SIZE, len(pixels)))
        for start in range(0, len(pixels), BATCH_SIZE)
    ]
    loader = StreamingLoader(pixels, np.zeros(len(pixels), np.int64), device)
    with Progress(
        total=len(pixels), desc="infer", unit=" img", disable=not show_progress
    ) as progress:
        for batch, _ in loader.batches(rows):
            batches.append(infer(model, batch, precision).double())
            progress.update(len(batch))
    if not batches:
        return np.zeros((0, model.architecture.classes))
    return torch.cat(batches).cpu().numpy()


def softmax(values: np.ndarray) -> np.ndarray:
    """Class probabilities from logits, both (N, classes) float64."""
    exponentials = np.exp(values - values.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)
