"""Run a network over faces: logits and probabilities, in the order of the faces."""

import numpy as np
import torch

from renet.common.progress import Progress
from renet.network.forward import forward
from renet.network.loader import StreamedFaces
from renet.network.models import ReNet

BATCH_SIZE = 128


def logits(
    model: ReNet,
    pixels: np.ndarray,
    device: torch.device,
    precision: str = "float32",
    progress: bool = False,
) -> np.ndarray:
    """The network's answers in inference mode, in the order of the faces.

    Args:
        model: on `device`; it is left in evaluation mode.
        pixels: (N, C, H, W) uint8, mapped or in memory.

    Returns:
        (N, classes) float64.
    """
    model.eval()
    answers = []
    rows = [
        np.arange(start, min(start + BATCH_SIZE, len(pixels)))
        for start in range(0, len(pixels), BATCH_SIZE)
    ]
    feed = StreamedFaces(pixels, np.zeros(len(pixels), np.int64), device)
    with Progress(
        total=len(pixels), desc="infer", unit=" img", disable=Progress.off or not progress
    ) as bar:
        for batch, _ in feed.batches(rows):
            answers.append(forward(model, batch, precision).double())
            bar.update(len(batch))
    if not answers:
        return np.zeros((0, model.architecture.classes))
    return torch.cat(answers).cpu().numpy()


def softmax(values: np.ndarray) -> np.ndarray:
    """Class probabilities from logits, both (N, classes) float64."""
    exponentials = np.exp(values - values.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)
