"""Batches of faces on the device, read ahead so that training rarely waits for data."""

import contextlib
import time
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from renet.common.ahead import map_ahead

Batch = tuple[Tensor, Tensor]


class Loader:
    """Reads batches of a memory-mapped data set ahead, in threads; only these are in memory."""

    AHEAD = 4  # batches

    def __init__(self, pixels: np.ndarray, targets: np.ndarray, device: torch.device):
        """Read from a data set of `pixels` (N, C, H, W) uint8 and `targets` (N,) int64."""
        self._pixels, self._targets = pixels, targets
        self._device, self._on_gpu = device, device.type != "cpu"
        self.data_wait = 0.0  # seconds that the caller has waited for faces of the latest `batches`

    def batches(self, batches: Iterable[np.ndarray]) -> Generator[Batch, None, None]:
        """Yield pixels (n, C, H, W) uint8 and targets (n,) int64 of each array of row numbers."""
        self.data_wait = 0.0
        with (
            ThreadPoolExecutor(self.AHEAD if self._on_gpu else 1, "reader") as readers,
            contextlib.closing(map_ahead(readers, self._read, batches, count=self.AHEAD)) as read,
        ):
            started = time.perf_counter()
            for batch in read:
                self.data_wait += time.perf_counter() - started
                yield tuple(queued_copy(tensor, self._device) for tensor in batch)
                started = time.perf_counter()

    def _read(self, rows: np.ndarray) -> Batch:
        # Copies from pinned memory to a GPU do not block the host.
        shape = (len(rows), *self._pixels.shape[1:])
        pixels = torch.empty(shape, dtype=torch.uint8, pin_memory=self._on_gpu)
        # With a mode other than "raise", NumPy writes into the given memory directly.
        np.take(self._pixels, rows, axis=0, out=pixels.numpy(), mode="clip")
        return pixels, torch.from_numpy(self._targets[rows])


def queued_copy(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy a tensor to a GPU without waiting for the copy; on a CPU, return the tensor itself."""
    return (tensor.pin_memory() if device.type != "cpu" else tensor).to(device, non_blocking=True)
