"""The history of a training for TensorBoard: `tensorboard --logdir results/runs`."""

import shutil
import time
from pathlib import Path

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary

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


class EventLog:
    """A folder of event files with one point per chart and epoch, written during the training.

    Not tensorboardX's SummaryWriter: on a full disk its thread ends, and the training would wait
    for it for ever.
    """

    def __init__(self, folder: Path, history: list[dict], throughput: list[dict]):
        """Write the epochs so far; `add_epochs` writes the rows that the two lists have by then."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        self._writer = EventsWriter(str(folder / "events"))  # as the file's name begins
        self._history, self._throughput = history, throughput
        self._written = 0  # epochs
        self.add_epochs()

    def add_epochs(self) -> None:
        """Write the epochs that are new."""
        by_epoch = {row["epoch"]: row for row in self._throughput}
        for row in self._history[self._written :]:
            row = by_epoch.get(row["epoch"], {}) | row
            summary = Summary()
            for column, chart in CHARTS.items():
                if row.get(column) is not None:
                    summary.value.add(tag=chart, simple_value=float(row[column]))
            event = Event(wall_time=time.time(), step=row["epoch"], summary=summary)
            self._writer.write_event(event)
        self._writer.flush()
        self._written = len(self._history)

    def close(self) -> None:
        """Close the file."""
        self._writer.close()
