"""Speed and memory of a training."""

import dataclasses
import time

import psutil
import torch

from renet.common.progress import Progress
from renet.network.loader import Loader


def anonymous_bytes() -> int:
    """Memory of this process, on Linux without the page cache of mapped files."""
    memory = psutil.Process().memory_info()
    return memory.rss - getattr(memory, "shared", 0)


@dataclasses.dataclass
class Part:
    """What was measured in an epoch so far.

    Attributes:
        seconds, data_wait: in all, and waiting for the loader.
        memory, gpu_memory: the largest so far, in bytes.
    """

    seconds: float = 0.0
    data_wait: float = 0.0
    memory: int = 0
    gpu_memory: int = 0


class Throughput:
    """Measures the speed and the memory of each epoch, also of one that is interrupted.

    Attributes:
        rows: of the table `THROUGHPUT`, one for each completed epoch.
    """

    def __init__(self, device: torch.device):
        """Measure nothing yet."""
        self._device = device
        self.rows: list[dict] = []
        self._before = Part()  # of this epoch, before an interruption
        self._started: float | None = None  # while an epoch is under way
        self._loader: Loader | None = None

    def start(self, images: int = 0, loader: Loader | None = None) -> None:
        """Start the clock in an epoch; `images` of it were done before an interruption."""
        self._loader, self._images, self._started = loader, images, time.perf_counter()
        if loader:
            loader.data_wait = 0.0
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
        self._before.memory = max(self._before.memory, anonymous_bytes())

    def time_for(self, images: int, images_done: int) -> str:
        """The time that `images` will take at the speed of this epoch, such as 01:20."""
        self._before.memory = max(self._before.memory, anonymous_bytes())
        seconds = self.part().seconds - self._before.seconds
        return Progress.format_interval(seconds / max(1, images_done - self._images) * images)

    def part(self) -> Part:
        """What was measured in the epoch that is under way; nothing between two epochs."""
        if self._started is None:
            return Part()
        gpu_memory = 0
        if self._device.type == "cuda":
            # Unlike the allocated memory, it includes that of a captured step.
            gpu_memory = torch.cuda.max_memory_reserved(self._device)
        return Part(
            self._before.seconds + time.perf_counter() - self._started,
            self._before.data_wait + (self._loader.data_wait if self._loader else 0.0),
            max(self._before.memory, anonymous_bytes()),
            max(self._before.gpu_memory, gpu_memory),
        )

    def restore(self, rows: list[dict], part: Part) -> None:
        """Go on after an interruption."""
        self.rows, self._before = rows, part

    def end(self, epoch: int, images: int) -> None:
        """Add the row of an epoch (from 1), unless it was there before an interruption."""
        part = self.part()
        self._before, self._started = Part(), None
        if self.rows and self.rows[-1]["epoch"] == epoch:
            return
        self.rows.append(
            {
                "epoch": epoch,
                "images": images,
                "seconds": round(part.seconds, 3),
                "images_per_second": round(images / part.seconds, 1),
                "data_wait_fraction": round(part.data_wait / part.seconds, 4),
                "memory_mb": round(part.memory / 1e6),
                "gpu_memory_mb": round(part.gpu_memory / 1e6),
            }
        )
