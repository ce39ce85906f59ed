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
        "data_wait_fraction": float,  # of the seconds
        "memory_mb": int,
        "gpu_memory_mb": int,
    }
)
NOT_VALIDATED = {"validation_loss": None, "validation_accuracy": None}


def log(row: dict) -> None:
    """Write a row of the table `HISTORY` to the log."""
    texts = ["-" if value is None else f"{value:.4g}" for value in row.values()]
    logging.info(", ".join(f"{name} %s" for name in row), *texts, extra=logs.NEWS)
