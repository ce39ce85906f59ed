"""Logits and probabilities of many faces."""

import functools
import logging
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from renet.common.progress import Progress
from renet.network.cuda_graphs import CapturedFunction, GraphCapture
from renet.network.loader import Loader, StreamingLoader, make_loader
from renet.network.model import Network, infer

# A GPU computes a small batch faster than the host can queue its kernels. A larger one might not
# fit beside the training set in the memory of a small GPU.
BATCH_SIZE = {"cpu": 128, "cuda": 256}

MAX_MEMORY_FRACTION = 0.2  # of a GPU's free memory, for the faces of a validation


def logits(
    model: Network,
    pixels: np.ndarray,
    device: torch.device,
    precision: str = "float32",
    show_progress: bool = False,
) -> np.ndarray:
    """Logits (N, classes) float64 of pixels (N, C, H, W) uint8, memory-mapped or in memory.

    Args:
        model: on `device`; it is left in evaluation mode.
    """
    return Inference(model, pixels, device, precision, is_repeated=False).logits(show_progress)


class Inference:
    """Logits of the same faces, once or repeatedly, by a network that is trained in between.

    If they are repeated, a GPU keeps the faces if they take a small part of its free memory, and
    computes full batches from a CUDA graph.
    """

    def __init__(
        self,
        model: Network,
        pixels: np.ndarray,
        device: torch.device,
        precision: str,
        is_repeated: bool = True,
    ):
        """Take what `logits` takes."""
        self._model, self._count, self._device = model.eval(), len(pixels), device
        self._infer: Callable = functools.partial(infer, model, precision=precision)
        faces, size = (pixels, np.zeros(len(pixels), np.int64), device), BATCH_SIZE["cuda"]
        if not is_repeated:
            self._loader: Loader = StreamingLoader(*faces)
            return
        if device.type != "cpu" and self._count >= size:
            try:  # before the faces take memory
                self._infer = captured(self._infer, (size, *model.input_shape), device)
            except torch.OutOfMemoryError:
                logging.warning("The validation has no CUDA graph: the GPU's memory is too small")
        self._loader = make_loader(*faces, MAX_MEMORY_FRACTION)

    def logits(self, show_progress: bool = False) -> np.ndarray:
        """Logits (N, classes) float64; the network is left in evaluation mode."""
        self._model.eval()
        rows, size = np.arange(self._count), BATCH_SIZE[self._device.type]
        batches = np.split(rows, rows[size::size]) if len(rows) else []
        outputs: list[Tensor] = []
        with Progress(total=len(rows), desc="infer", unit=" img", disable=not show_progress) as bar:
            for pixels, _ in self._loader.batches(batches):
                # A copy: the next replay of a graph overwrites its logits.
                outputs.append(self._infer(pixels).to(torch.float64, copy=True))
                bar.update(len(pixels))
        if not outputs:
            return np.zeros((0, self._model.architecture.classes))
        return torch.cat(outputs).cpu().numpy()


def captured(infer: Callable, shape: tuple[int, ...], device: torch.device) -> CapturedFunction:
    """An inference from a CUDA graph for pixels of this shape (N, C, H, W), uint8."""
    pixels = torch.zeros(shape, dtype=torch.uint8, device=device)
    graphs = GraphCapture()
    graphs.warm_up(functools.partial(infer, pixels))
    return CapturedFunction(graphs, infer, pixels)


def softmax(values: np.ndarray) -> np.ndarray:
    """Class probabilities from logits, both (N, classes) float64."""
    exponentials = np.exp(values - values.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)
