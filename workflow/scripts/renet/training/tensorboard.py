"""The history of a training as TensorBoard shows it: `tensorboard --logdir results/runs`."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from tensorboardX import SummaryWriter

# What stands in one chart together, by the column of history.csv or throughput.csv.
CHARTS = {
    "loss": "loss/train",
    "validation_loss": "loss/validation",
    "accuracy": "accuracy/train",
    "validation_accuracy": "accuracy/validation",
    "learning_rate": "learning_rate",
    "images_per_second": "throughput/images_per_second",
    "waiting_share": "throughput/waiting_share",
    "memory_mb": "memory_mb/host",
    "gpu_memory_mb": "memory_mb/gpu",
}

FLUSH_SECONDS = 1


class EventLog:
    """A folder of event files, one point a chart and epoch, readable while the training runs."""

    def __init__(self, folder: str | Path, history: list[dict], throughput: list[dict]):
        """Start the folder anew, with the epochs that a training goes on after."""
        shutil.rmtree(folder, ignore_errors=True)
        # A thread of its own writes; it is to keep nothing back for longer than this.
        self._writer = SummaryWriter(str(folder), flush_secs=FLUSH_SECONDS)
        for row in _rows(history, throughput):
            self._add(row)

    def add(self, history: list[dict], throughput: list[dict]) -> None:
        """Add the last epoch."""
        *_, last = _rows(history, throughput)
        self._add(last)

    def _add(self, row: dict) -> None:
        for column, chart in CHARTS.items():
            if row.get(column) is not None:
                self._writer.add_scalar(chart, row[column], row["epoch"])

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()


def _rows(history: list[dict], throughput: list[dict]) -> Iterator[dict]:
    """The rows of both, by epoch; an epoch that was interrupted counts with its last part."""
    paces = {row["epoch"]: row for row in throughput}
    for row in history:
        yield paces.get(row["epoch"], {}) | row
