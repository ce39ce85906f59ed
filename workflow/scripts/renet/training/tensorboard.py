"""The history of a training for TensorBoard: `tensorboard --logdir results/runs`."""

import shutil
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

FLUSH_SECONDS = 1  # until a thread writes a point


class EventLog(SummaryWriter):
    """A folder of event files with one point per chart and epoch, written during the training."""

    def __init__(self, folder: Path):
        """Empty the folder."""
        shutil.rmtree(folder, ignore_errors=True)
        super().__init__(str(folder), flush_secs=FLUSH_SECONDS)
        self._written = 0  # epochs

    def add_epochs(self, history: list[dict], throughput: list[dict]) -> None:
        """Add the epochs that are new: rows of history.csv and throughput.csv.

        Of an interrupted epoch, the throughput of its last part counts.
        """
        by_epoch = {row["epoch"]: row for row in throughput}
        for row in history[self._written :]:
            row = by_epoch.get(row["epoch"], {}) | row
            for column, chart in CHARTS.items():
                if row.get(column) is not None:
                    self.add_scalar(chart, row[column], row["epoch"])
        self._written = len(history)
