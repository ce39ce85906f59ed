"""The history of a training for TensorBoard: `tensorboard --logdir results/runs`."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from tensorboardX import SummaryWriter

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

FLUSH_SECONDS = 1


class EventLog:
    """A folder of event files with one point per chart and epoch, written during the training."""

    def __init__(self, folder: str | Path, history: list[dict], throughput: list[dict]):
        """Empty the folder, and write the epochs before the one that the training continues with.

        Args:
            history, throughput: rows of history.csv and throughput.csv.
        """
        shutil.rmtree(folder, ignore_errors=True)
        # A thread writes the points, at the latest after this time.
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
    """The rows of both, by epoch; of an interrupted epoch, the throughput of its last part."""
    by_epoch = {row["epoch"]: row for row in throughput}
    for row in history:
        yield by_epoch.get(row["epoch"], {}) | row
