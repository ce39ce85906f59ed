"""Batches of faces on the device, with as little waiting for disk and host as can be."""

import collections
import logging
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

Batch = tuple[Tensor, Tensor]
SLAB_BYTES = 256 << 20
RESIDENT_SHARE = 0.6  # of a GPU's free memory; the rest is for the network


class StreamedFaces:
    """A set that stays in its file: its batches are read ahead by threads, and moved unasked.

    Memory is that of a few batches, whatever the size of the set.

    Attributes:
        waited: seconds for which a batch was not there when it was asked for.
    """

    AHEAD = 4  # batches

    def __init__(self, pixels: np.ndarray, targets: np.ndarray, device: torch.device):
        """Take a mapped set: pixels (N, C, H, W) uint8, targets (N,) int64."""
        self._pixels, self._targets, self._device = pixels, targets, device
        self._on_gpu = device.type == "cuda"
        self.waited = 0.0

    def batches(self, batches: Iterable[np.ndarray]) -> Iterator[Batch]:
        """The faces of each array of row numbers: pixels (n, C, H, W) uint8, targets (n,) int64."""
        with ThreadPoolExecutor(self.AHEAD if self._on_gpu else 1, "reader") as readers:
            rows, reading = iter(batches), collections.deque()
            try:
                for _ in range(self.AHEAD):
                    self._read_another(rows, reading, readers)
                while reading:
                    started = time.perf_counter()
                    pixels, targets = reading.popleft().result()
                    self.waited += time.perf_counter() - started
                    self._read_another(rows, reading, readers)
                    yield (
                        pixels.to(self._device, non_blocking=True),
                        targets.to(self._device, non_blocking=True),
                    )
            finally:
                readers.shutdown(cancel_futures=True)

    def _read_another(
        self, rows: Iterator[np.ndarray], reading: collections.deque, readers: ThreadPoolExecutor
    ) -> None:
        following = next(rows, None)
        if following is not None:
            reading.append(readers.submit(self._read, following))

    def _read(self, rows: np.ndarray) -> Batch:
        # From pinned memory a GPU fetches by itself, while the host goes on.
        shape = (len(rows), *self._pixels.shape[1:])
        pixels = torch.empty(shape, dtype=torch.uint8, pin_memory=self._on_gpu)
        # With a mode other than "raise" NumPy fills the given memory directly.
        np.take(self._pixels, rows, axis=0, out=pixels.numpy(), mode="clip")
        targets = torch.from_numpy(self._targets[rows])
        return pixels, targets.pin_memory() if self._on_gpu else targets


class ResidentFaces:
    """A set that lies on the device as a whole, as uint8: its batches are gathered there.

    Attributes:
        waited: 0, as nothing is waited for.
    """

    waited = 0.0

    def __init__(self, pixels: np.ndarray, targets: np.ndarray, device: torch.device):
        """Copy a mapped set to the device, slab by slab."""
        self._pixels = torch.empty(pixels.shape, dtype=torch.uint8, device=device)
        slab = max(1, SLAB_BYTES // max(1, pixels[:1].nbytes))
        for start in range(0, len(pixels), slab):
            part = np.take(pixels, np.arange(start, min(start + slab, len(pixels))), axis=0)
            self._pixels[start : start + slab].copy_(torch.from_numpy(part))
        self._targets = torch.from_numpy(targets).to(device)
        self._device = device

    def batches(self, batches: Iterable[np.ndarray]) -> Iterator[Batch]:
        """The faces of each array of row numbers; see `StreamedFaces.batches`."""
        for rows in batches:
            # A few bytes a face from pageable memory: the copy is queued, not waited for.
            places = torch.from_numpy(rows).to(self._device, non_blocking=True)
            yield self._pixels[places], self._targets[places]


def make_feed(
    pixels: np.ndarray, targets: np.ndarray, device: torch.device
) -> StreamedFaces | ResidentFaces:
    """The set on the device where that is a GPU with room for it, else read as it is needed."""
    if device.type == "cuda" and pixels.nbytes <= RESIDENT_SHARE * free_bytes(device):
        logging.info("The training set (%.1f GB) is kept on the GPU", pixels.nbytes / 1e9)
        return ResidentFaces(pixels, targets, device)
    return StreamedFaces(pixels, targets, device)


def free_bytes(device: torch.device) -> int:
    """Free memory of a GPU."""
    return torch.cuda.mem_get_info(device)[0]
