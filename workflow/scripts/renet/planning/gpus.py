"""The GPUs of this machine, counted without PyTorch."""

import os
from pathlib import Path

DEVICES = Path("/dev")  # with nvidia0, nvidia1, … for the GPUs of this machine or container


def visible_count() -> int:
    """The number of NVIDIA GPUs that a job on this machine can use."""
    granted = os.environ.get("CUDA_VISIBLE_DEVICES")
    if granted is None:
        return len(list(DEVICES.glob("nvidia[0-9]*")))
    return 0 if granted in ("", "-1", "NoDevFiles") else len(granted.split(","))
