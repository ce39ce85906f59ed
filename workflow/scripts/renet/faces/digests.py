"""Digests that identify faces and sets of faces."""

import hashlib
from collections.abc import Iterable

import numpy as np

DIGEST_CHARACTERS = 32


def face_digest(pixels: np.ndarray) -> str:
    """A digest of a face's pixels, equal for copies of one photo under different names."""
    return hashlib.sha256(pixels).hexdigest()[:DIGEST_CHARACTERS]


def set_digest(faces: Iterable[str], *others: np.ndarray) -> str:
    """A digest of a sequence of faces, given by their digests, and of further arrays."""
    summary = hashlib.sha256()
    for face in faces:
        summary.update(face.encode())
    for array in others:
        summary.update(array)
    return summary.hexdigest()
