"""MATLAB v5 files in the form of the real archive's .mat file."""

import io

import numpy as np
import scipy.io

MAT_HEADER = b"MATLAB 5.0 MAT-file, Platform: renet, Created on: Sat Jan 16 16:25:20 2016"
MAT_HEADER_SIZE = 116
MI_MATRIX = 14  # data types and array classes of MATLAB's v5 format
CLASS_CELL, CLASS_STRUCT, CLASS_DOUBLE = 1, 2, 6
INTEGER_CLASSES = range(8, 14)


def mat_bytes(variables: dict) -> bytes:
    """A MATLAB v5 file of variables as `scipy.io.savemat` takes them.

    Integer arrays have the class double. The header's date is always the same.
    """
    stream = io.BytesIO()
    scipy.io.savemat(stream, variables)
    content = bytearray(stream.getvalue())
    content[:MAT_HEADER_SIZE] = MAT_HEADER.ljust(MAT_HEADER_SIZE)
    _declare_doubles(content, MAT_HEADER_SIZE + 12, len(content))
    return bytes(content)


def cell_array(values: list) -> np.ndarray:
    """A MATLAB cell array (1, n)."""
    cells = np.empty((1, len(values)), object)
    for k, value in enumerate(values):
        cells[0, k] = value
    return cells


def compact(values: np.ndarray) -> np.ndarray:
    """Numbers in the smallest type that holds them, as MATLAB stores its doubles."""
    for kind in (np.uint8, np.uint16, np.int32):
        with np.errstate(invalid="ignore"):  # of NaN, infinity and what is out of range
            integers = values.astype(kind)
        if np.array_equal(integers, values):
            return integers
    return values


def _declare_doubles(content: bytearray, start: int, end: int) -> None:
    """Change the class of integer arrays to double, as MATLAB stores whole doubles.

    scipy.io.savemat cannot write that. The function walks the data elements between two offsets of
    an uncompressed file, and those within them.
    """
    while start < end:
        kind, size = np.frombuffer(content, "<u4", 2, start).tolist()
        body = start + 8
        if kind >> 16:  # a small element: its size and its data are within these eight bytes
            size = 0
        elif kind == MI_MATRIX and size:
            flags = body + 8  # after the tag of the array's flags
            if content[flags] in INTEGER_CLASSES:
                content[flags] = CLASS_DOUBLE
            elif content[flags] in (CLASS_CELL, CLASS_STRUCT):
                _declare_doubles(content, body, body + size)
        start = body + -(-size // 8) * 8
