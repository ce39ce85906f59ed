"""Loaders: batches of faces on the device, read ahead so that training rarely waits for data."""

import collections
import itertools
import logging
import time
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

Batch = tuple[Tensor, Tensor]
CHUNK_BYTES = 256 << 20
MAX_MEMORY_FRACTION = 0.6  # of a GPU's free memory; the rest is for the network


class StreamingLoader:
    """Reads the batches of a memory-mapped data set ahead, in threads.

    The memory is that of a few batches, for a data set of any size.

    Attributes:
        data_wait: seconds that the caller has waited for the latest `batches`.
    """

    AHEAD = 4  # batches
    data_wait = 0.0

    def __init__(self, pixels: np.ndarray, targets: np.ndarray, device: torch.device):
        """Take a data set: pixels (N, C, H, W) uint8, targets (N,) int64."""
        self._pixels, self._targets = pixels, targets
        self._on_gpu = device.type != "cpu"
        self._to_device = CopyStream(device) if self._on_gpu else (lambda batch: batch)

    def batches(self, batches: Iterable[np.ndarray]) -> Generator[Batch, None, None]:
        """The faces of each array of row numbers: pixels (n, C, H, W) uint8, targets (n,) int64."""
        self.data_wait = 0.0
        count = self.AHEAD if self._on_gpu else 1
        with ThreadPoolExecutor(count, "reader") as readers:
            reads = (readers.submit(self._read, rows) for rows in batches)
            pending = collections.deque(itertools.islice(reads, self.AHEAD))
            try:
                while pending:
                    started = time.perf_counter()
                    batch = pending.popleft().result()
                    self.data_wait += time.perf_counter() - started
                    pending.extend(itertools.islice(reads, 1))
                    yield self._to_device(batch)
            finally:
                readers.shutdown(cancel_futures=True)

    def _read(self, rows: np.ndarray) -> Batch:
        # Copies from pinned memory to a GPU do not block the host.
        shape = (len(rows), *self._pixels.shape[1:])
        pixels = torch.empty(shape, dtype=torch.uint8, pin_memory=self._on_gpu)
        # With a mode other than "raise", NumPy writes into the given memory directly.
        np.take(self._pixels, rows, axis=0, out=pixels.numpy(), mode="clip")
        targets = torch.from_numpy(self._targets[rows])
        return pixels, targets.pin_memory() if self._on_gpu else targets


class CopyStream:
    """Copies batches from pinned memory to a GPU while it computes with the batch before.

    On the stream of the computation, a copy would wait for all that was queued before it.
    """

    def __init__(self, device: torch.device):
        """Take the GPU."""
        self._device, self._stream = device, torch.cuda.Stream(device)

    def __call__(self, batch: Batch) -> Batch:
        """Queue the copy of a batch, for which the computation waits on the GPU."""
        pixels, targets = batch
        with torch.cuda.stream(self._stream):
            copies = (
                pixels.to(self._device, non_blocking=True),
                targets.to(self._device, non_blocking=True),
            )
        computation = torch.cuda.current_stream(self._device)
        computation.wait_stream(self._stream)
        for copy in copies:
            copy.record_stream(computation)  # else its memory could be used for the next copy
        return copies


def queued_copy(tensor: Tensor, device: torch.device) -> Tensor:
    """A copy on a GPU, for which the host does not wait; on a CPU the tensor itself."""
    return (tensor.pin_memory() if device.type != "cpu" else tensor).to(device, non_blocking=True)


class DeviceLoader:
    """Keeps the whole data set on the device, as uint8, and gathers the batches there."""

    data_wait = 0.0

    def __init__(self, pixels: np.ndarray, targets: np.ndarray, device: torch.device):
        """Copy a data set to the device in chunks."""
        self._pixels = torch.empty(pixels.shape, dtype=torch.uint8, device=device)
        chunk = max(1, CHUNK_BYTES // max(1, pixels[:1].nbytes))
        for start in range(0, len(pixels), chunk):
            part = np.take(pixels, np.arange(start, min(start + chunk, len(pixels))), axis=0)
            self._pixels[start : start + chunk].copy_(torch.from_numpy(part))
        self._targets = torch.from_numpy(targets).to(device)
        self._device = device

    def batches(self, batches: Iterable[np.ndarray]) -> Generator[Batch, None, None]:
        """The faces of each array of row numbers; see `StreamingLoader.batches`."""
        for rows in batches:
            indices = queued_copy(torch.from_numpy(rows), self._device)
            yield self._pixels[indices], self._targets[indices]


Loader = StreamingLoader | DeviceLoader


def make_loader(
    pixels: np.ndarray,
    targets: np.ndarray,
    device: torch.device,
    max_memory_fraction: float = MAX_MEMORY_FRACTION,
) -> Loader:
    """A loader that keeps the data set on a GPU if it fits there; otherwise one that streams it.

    Args:
        max_memory_fraction: of the GPU's free memory that the data set may take.
    """
    if device.type != "cpu":
        free, _ = torch.cuda.mem_get_info(device)
        if pixels.nbytes <= max_memory_fraction * free:
            logging.info("%d faces (%.1f GB) are kept on the GPU", len(pixels), pixels.nbytes / 1e9)
            return DeviceLoader(pixels, targets, device)
    return StreamingLoader(pixels, targets, device)
