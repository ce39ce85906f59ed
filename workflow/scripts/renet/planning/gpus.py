"""The GPUs of this machine, counted without PyTorch."""

import os
from pathlib import Path

DEVICES = Path("/dev")  # with nvidia0, nvidia1, … for the GPUs of this machine or container
ENDS = ("", "NoDevFiles")  # they end the list in CUDA_VISIBLE_DEVICES, as negative numbers do


def visible_count() -> int:
    """The number of NVIDIA GPUs that a job on this machine can use.

    As in CUDA, the first invalid entry of CUDA_VISIBLE_DEVICES hides those after it.
    """
    granted = os.environ.get("CUDA_VISIBLE_DEVICES")
    if granted is None:
        return len(list(DEVICES.glob("nvidia[0-9]*")))
    entries = [entry.strip() for entry in granted.split(",")]
    invalid = [entry in ENDS or entry.startswith("-") for entry in entries]
    return [*invalid, True].index(True)
