"""Logits and probabilities of many faces."""

import functools
import logging
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from renet.common.progress import Progress
from renet.network.cuda_graphs import GraphCapture
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
    model.eval()
    loader = StreamingLoader(pixels, np.zeros(len(pixels), np.int64), device)
    compute = functools.partial(infer, model, precision=precision)
    batches = _batches(len(pixels), device)
    return _logits(compute, loader, batches, model.architecture.classes, show_progress)


class ValidationInference:
    """Logits of the same faces again and again, by a network that is trained in between.

    A GPU keeps the faces if they take a small part of its free memory, and computes full batches
    from a CUDA graph.
    """

    def __init__(self, model: Network, pixels: np.ndarray, device: torch.device, precision: str):
        """Take a network on `device`, and pixels (N, C, H, W) uint8; see `logits`."""
        self._model, self._batches = model, _batches(len(pixels), device)
        self._infer: Callable[[Tensor], Tensor]
        self._infer = functools.partial(infer, model, precision=precision)
        if device.type == "cuda" and len(pixels) >= BATCH_SIZE["cuda"]:
            try:  # before the faces take memory
                self._infer = CudaGraphInference(
                    model.eval(), BATCH_SIZE["cuda"], device, precision
                )
            except torch.OutOfMemoryError:
                logging.warning("The validation has no CUDA graph: the GPU's memory is too small")
        # A capture frees what the training needs again for a batch that is not full.
        targets = np.zeros(len(pixels), np.int64)
        self._loader = make_loader(pixels, targets, device, MAX_MEMORY_FRACTION)

    def logits(self) -> np.ndarray:
        """Logits (N, classes) float64; the network is left in evaluation mode."""
        self._model.eval()
        classes = self._model.architecture.classes
        return _logits(self._infer, self._loader, self._batches, classes)


class CudaGraphInference:
    """`infer` on a GPU, from a CUDA graph: one replay instead of about a hundred launches.

    A batch that is not full runs without the graph.
    """

    def __init__(self, model: Network, batch_size: int, device: torch.device, precision: str):
        """Capture it for batches of this size; `model` is in evaluation mode, on `device`."""
        self._infer = functools.partial(infer, model, precision=precision)
        shape = (batch_size, *model.input_shape)
        self._pixels = torch.zeros(shape, dtype=torch.uint8, device=device)
        graphs = GraphCapture()
        graphs.warm_up(self._compute)
        self._replay = graphs.capture(self._compute)

    def __call__(self, pixels: Tensor) -> Tensor:
        """Logits (N, classes) of pixels (N, C, H, W) uint8 on the device."""
        if len(pixels) != len(self._pixels):
            return self._infer(pixels)
        self._pixels.copy_(pixels)
        self._replay()
        return self._logits.clone()  # the next replay overwrites them

    def _compute(self) -> None:
        self._logits = self._infer(self._pixels)


def _batches(count: int, device: torch.device) -> list[np.ndarray]:
    """The row numbers of each batch."""
    rows, size = np.arange(count), BATCH_SIZE[device.type]
    return np.split(rows, rows[size::size]) if count else []


def _logits(
    compute: Callable[[Tensor], Tensor],
    loader: Loader,
    batches: list[np.ndarray],
    classes: int,
    show_progress: bool = False,
) -> np.ndarray:
    """Logits (N, classes) float64 of all batches."""
    outputs, count = [], sum(map(len, batches))
    with Progress(total=count, desc="infer", unit=" img", disable=not show_progress) as bar:
        for pixels, _ in loader.batches(batches):
            outputs.append(compute(pixels).double())
            bar.update(len(pixels))
    return torch.cat(outputs).cpu().numpy() if outputs else np.zeros((0, classes))


def softmax(values: np.ndarray) -> np.ndarray:
    """Class probabilities from logits, both (N, classes) float64."""
    exponentials = np.exp(values - values.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)
