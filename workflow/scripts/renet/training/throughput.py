"""Speed and memory of a training."""

import resource
import sys
import time
from pathlib import Path

import torch

from renet.common.progress import Progress

STATUS = Path("/proc/self/status")


def anonymous_bytes() -> int:
    """Memory of this process without the page cache of mapped files; its peak if not on Linux."""
    if STATUS.exists():
        for line in STATUS.read_text(encoding="ascii").splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class EpochMeter:
    """Measures the speed and the memory of one epoch."""

    def __init__(self, images: int, data_wait: float, device: torch.device):
        """Start the clock.

        Args:
            images: of this epoch that are done, after an interruption.
            data_wait: seconds that the loader has waited before this epoch.
        """
        self._images, self._data_wait, self._device = images, data_wait, device
        self._started = time.perf_counter()
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        self._memory = anonymous_bytes()  # the largest so far

    def time_for(self, images: int, images_done: int) -> str:
        """The time that `images` will take at the speed of this epoch, such as 01:20."""
        self._memory = max(self._memory, anonymous_bytes())
        pace = (time.perf_counter() - self._started) / max(1, images_done - self._images)
        return Progress.format_interval(pace * images)

    def row(self, epoch: int, images_done: int, data_wait: float) -> dict:
        """A row of the table `THROUGHPUT`."""
        seconds, images = time.perf_counter() - self._started, images_done - self._images
        gpu_bytes = 0
        if self._device.type == "cuda":
            gpu_bytes = torch.cuda.max_memory_allocated(self._device)
        return {
            "epoch": epoch,
            "images": images,
            "seconds": round(seconds, 3),
            "images_per_second": round(images / seconds, 1),
            "data_wait_fraction": round((data_wait - self._data_wait) / seconds, 4),
            "memory_mb": round(max(self._memory, anonymous_bytes()) / 1e6),
            "gpu_memory_mb": round(gpu_bytes / 1e6),
        }
