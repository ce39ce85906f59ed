"""Monitoring of a training: its throughput and memory, and its curves in TensorBoard."""

import shutil
import time
from pathlib import Path

import psutil
import torch
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary

from renet.common.progress import Progress
from renet.network.loader import Loader

# The chart of each column of history.csv and throughput.csv.
CHARTS = {
    "loss": "loss/train",
    "validation_loss": "loss/validation",
    "accuracy": "accuracy/train",
    "validation_accuracy": "accuracy/validation",
    "learning_rate": "learning_rate",
    "images_per_second": "throughput/images_per_second",
    "data_wait_fraction": "throughput/data_wait_fraction",
    "memory_mb": "memory_mb/host",
    "gpu_memory_mb": "memory_mb/gpu",
}
NOTHING = {"seconds": 0.0, "data_wait": 0.0, "memory": 0, "gpu_memory": 0}


class Throughput:
    """Measures the speed and peak memory of each epoch, also across an interruption."""

    def __init__(self, device: torch.device):
        self._device = device
        self.rows: list[dict] = []  # rows of `THROUGHPUT`, one for each completed epoch
        self._part = dict(NOTHING)  # current epoch: seconds, and peak memory in bytes

    def state(self) -> dict:
        """Return the measurements so far."""
        return {"throughput": self.rows, "part_of_epoch": self._part}

    def restore(self, state: dict) -> None:
        """Continue from the measurements that `state` returned."""
        self.rows, self._part = state["throughput"], state["part_of_epoch"]

    def start(self, loader: Loader | None = None) -> None:
        """Start the clock, at the start of an epoch or within an interrupted epoch."""
        self._loader, self._time = loader, time.perf_counter()
        if self._device.type != "cpu":
            torch.cuda.reset_peak_memory_stats(self._device)
        self.measure()

    def measure(self) -> None:
        """Add the time since the last call or the start, and update the peak memory."""
        now, part = time.perf_counter(), self._part
        part["seconds"] += now - self._time
        self._time = now
        if self._loader:
            part["data_wait"] += self._loader.data_wait
            self._loader.data_wait = 0.0
        memory = psutil.Process().memory_info()
        # On Linux, the page cache of mapped files is `shared`.
        part["memory"] = max(part["memory"], memory.rss - getattr(memory, "shared", 0))
        if self._device.type != "cpu":
            # Unlike allocated memory, reserved memory includes the pool of CUDA graphs.
            reserved = torch.cuda.max_memory_reserved(self._device)
            part["gpu_memory"] = max(part["gpu_memory"], reserved)

    def time_for(self, images: int, images_done: int) -> str:
        """Return the time that `images` will take at this epoch's speed, as text such as 01:20."""
        self.measure()
        return Progress.format_interval(self._part["seconds"] / images_done * images)

    def end(self, epoch: int, images: int) -> None:
        """Add the row of an epoch (from 1), up to the last call of `measure`."""
        part, self._part = self._part, dict(NOTHING)
        row = {
            "epoch": epoch,
            "images": images,
            "seconds": round(part["seconds"], 3),
            "images_per_second": round(images / part["seconds"], 1),
            "data_wait_fraction": round(part["data_wait"] / part["seconds"], 4),
            "memory_mb": round(part["memory"] / 1e6),
            "gpu_memory_mb": round(part["gpu_memory"] / 1e6),
        }
        self.rows.append(row)


class EventLog:
    """TensorBoard's event files, written during the training: for each chart, a point per epoch.

    With tensorboardX's SummaryWriter, whose thread ends on a full disk, the training would hang.
    """

    def __init__(self, folder: Path, history: list[dict], throughput: list[dict]):
        """Write the rows so far; `add_epochs` writes rows that the training adds to the lists."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        self._writer = EventsWriter(str(folder / "events"))  # prefix of the file's name
        self._history, self._throughput = history, throughput
        self._written = 0  # epochs
        self.add_epochs()

    def add_epochs(self) -> None:
        """Write the new rows of the lists."""
        epochs = list(zip(self._history, self._throughput, strict=True))
        for row, speed in epochs[self._written :]:
            summary = Summary()
            for column, value in {**row, **speed}.items():
                if column in CHARTS:
                    summary.value.add(tag=CHARTS[column], simple_value=value)
            event = Event(wall_time=time.time(), step=row["epoch"], summary=summary)
            self._writer.write_event(event)
        self._writer.flush()
        self._written = len(self._history)

    def close(self) -> None:
        """Close the event file."""
        self._writer.close()
