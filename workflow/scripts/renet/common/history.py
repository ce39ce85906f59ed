"""Tables that a training writes. Evaluation and pages read these without importing PyTorch."""

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
        "data_wait_fraction": float,  # of `seconds`
        "memory_mb": int,
        "gpu_memory_mb": int,
    }
)
