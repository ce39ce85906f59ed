"""Compute tests/data/drift_32x64.npz again, which shows whether the network's numbers have drifted.

    python tools/make_drift_file.py [FILE.npz]

The file has the layout of check_oracle.py. Its images, classes and initial parameters stay.
All other numbers are computed in float64 by the code of this project and not by neon: they show
that a later version computes the same as this one, and not that either is right. To be run again
only when the network or the update is changed on purpose.
"""

import sys
from pathlib import Path

import check_oracle
import numpy as np
import torch


def write(file: Path, source: Path = check_oracle.DRIFT_FILE) -> None:
    """Write the file with the inputs of another one."""
    with np.load(source) as stored:
        inputs = dict(stored)
    found = check_oracle.compute(*check_oracle.read(source), torch.double)
    np.savez_compressed(file, **inputs | {key: value.numpy() for key, value in found.items()})


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else check_oracle.DRIFT_FILE)
