"""Distances between perceptual hashes; apart from their computation, which needs OpenCV."""

from collections.abc import Iterable

import numpy as np

BYTES = 32  # size of a hash
# Bits, of 255, between hashes of one photo. Of 32 million pairs of 8,000 real faces, 51 differ in
# at most 36 bits, and all of them are copies, as are the 5 that do so mirrored. The next ones
# differ in 42, and those in 44 and more are in part two people.
LARGEST_DISTANCE = 38

# The bits that differ in a mirrored copy: those of the odd frequencies from left to right.
MIRRORED = np.packbits(np.tile([0, 1], 4 * BYTES)).view(np.uint64)


def as_words(hashes: Iterable[str]) -> np.ndarray:
    """Hashes as an array (hashes, BYTES // 8) uint64, of which `distances` takes the rows."""
    stored = np.frombuffer(bytes.fromhex("".join(hashes)), np.uint64)
    return stored.reshape(-1, BYTES // 8)


def distances(words: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Number of bits in which hashes differ, row by row or one of them against many."""
    return np.bitwise_count(words ^ others).sum(axis=-1, dtype=np.int64)
