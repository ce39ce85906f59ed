"""Compare perceptual hashes without OpenCV, which only the computation of hashes needs."""

from collections.abc import Iterable

import numpy as np

BYTES = 32  # size of a hash
# Bits, of 255, in which the hashes of two copies may differ. Of 32 million pairs of 8,000 real
# faces, 51 differ in at most 36 bits, and 5 more if one face is mirrored: all are copies. No other
# pair differs in fewer than 42 bits; pairs with 44 bits and more show, in part, two people.
LARGEST_DISTANCE = 38

# The bits that differ in a mirrored copy: its odd horizontal frequencies.
MIRRORED = np.packbits(np.tile([0, 1], 4 * BYTES)).view(np.uint64)


def as_words(hashes: Iterable[str]) -> np.ndarray:
    """Return hexadecimal hashes as an array (hashes, BYTES // 8) uint64, for `distances`."""
    stored = np.frombuffer(bytes.fromhex("".join(hashes)), np.uint64)
    return stored.reshape(-1, BYTES // 8)


def distances(words: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the number of bits in which hashes differ, row by row, or one hash against many."""
    return np.bitwise_count(words ^ others).sum(axis=-1, dtype=np.int64)
