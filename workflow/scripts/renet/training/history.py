"""The tables of a training; this module does not import PyTorch."""

import logging

from renet.common import logs
from renet.common.table import Table

HISTORY = Table(
    {
        "epoch": int,
        "learning_rate": float,
        "loss": float,
        "accuracy": float,
        "validation_loss": float,  # empty after an epoch without a validation
        "validation_accuracy": float,
    }
)
THROUGHPUT = Table(
    {
        "epoch": int,
        "images": int,
        "seconds": float,
        "images_per_second": float,
        "data_wait_fraction": float,  # fraction of the seconds
        "memory_mb": int,
        "gpu_memory_mb": int,
    }
)


def log(row: dict) -> None:
    """Write a row of the table `HISTORY` to the log."""
    texts = [f"{name} {value:.4g}" for name, value in row.items()]
    logging.info("%s", ", ".join(texts), extra=logs.NEWS)
