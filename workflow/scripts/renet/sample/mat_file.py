"""MATLAB v5 files in the form of the real archive's .mat file."""

import io

import numpy as np
import scipy.io

MAT_HEADER = b"MATLAB 5.0 MAT-file, Platform: renet, Created on: Sat Jan 16 16:25:20 2016"
MAT_HEADER_SIZE = 116


def mat_bytes(variables: dict) -> bytes:
    """A MATLAB v5 file of variables as `scipy.io.savemat` takes them, with always the same date."""
    stream = io.BytesIO()
    scipy.io.savemat(stream, variables)
    content = bytearray(stream.getvalue())
    content[:MAT_HEADER_SIZE] = MAT_HEADER.ljust(MAT_HEADER_SIZE)
    return bytes(content)


def cell_array(values: list) -> np.ndarray:
    """A MATLAB cell array (1, n)."""
    cells = np.empty((1, len(values)), object)
    for k, value in enumerate(values):
        cells[0, k] = value
    return cells
