"""Speed and memory of a training."""

import time

import psutil
import torch

from renet.common.progress import Progress


def anonymous_bytes() -> int:
    """Memory of this process, on Linux without the page cache of mapped files."""
    memory = psutil.Process().memory_info()
    return memory.rss - getattr(memory, "shared", 0)


class EpochMeter:
    """Measures the speed and the memory of one epoch."""

    def __init__(self, images: int, device: torch.device):
        """Start the clock; `images` of the epoch were done before an interruption."""
        self._images, self._device = images, device
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
        """A row of the table `THROUGHPUT`; `data_wait` is the loader's."""
        seconds, images = time.perf_counter() - self._started, images_done - self._images
        gpu_bytes = 0
        if self._device.type == "cuda":
            # Unlike the allocated memory, it includes that of a captured step.
            gpu_bytes = torch.cuda.max_memory_reserved(self._device)
        return {
            "epoch": epoch,
            "images": images,
            "seconds": round(seconds, 3),
            "images_per_second": round(images / seconds, 1),
            "data_wait_fraction": round(data_wait / seconds, 4),
            "memory_mb": round(max(self._memory, anonymous_bytes()) / 1e6),
            "gpu_memory_mb": round(gpu_bytes / 1e6),
        }
