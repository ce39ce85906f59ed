"""Perceptual hashes of the training faces, which tell whether a photo was in the training set.

training_hashes.npy beside predictor.json has 32 bytes for each face, also for the faces that
trained the initial weights. Compressed, scaled or mirrored copies of a photo are found; other crops
and other photos of the person are not (docs/predict.md).
"""

import hashlib
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from renet.common import files
from renet.common.errors import InputError
from renet.common.progress import Progress
from renet.faces.hash_distance import LARGEST_DISTANCE, MIRRORED, as_words, distances
from renet.faces.perceptual_hash import perceptual_hash

FILE = "training_hashes.npy"


def hashes(faces: np.ndarray) -> np.ndarray:
    """Compute hashes (4, N) uint64 of faces (N, 3, height, width) uint8 RGB."""
    found = map(perceptual_hash, Progress(faces, desc="hashes", unit=" faces"))
    return np.ascontiguousarray(as_words(found).T)


def write(path: Path, known: np.ndarray) -> None:
    """Write the hashes of the training faces as a NumPy file."""
    with files.replacing(path) as temporary, temporary.open("wb") as handle:
        np.save(handle, known)


def read(path: Path, digest: str | None = None) -> np.ndarray:
    """Read the hashes; raise an InputError if SHA-256, dtype or shape are wrong."""
    data = path.read_bytes()
    try:
        if digest not in (None, hashlib.sha256(data).hexdigest()):
            raise ValueError("its SHA-256 is not the one in predictor.json")
        known = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
        if known.dtype != np.uint64 or known.ndim != 2 or len(known) != len(MIRRORED):
            raise ValueError(f"it has {known.dtype} values of the shape {known.shape}")
    except (ValueError, MemoryError) as error:  # MemoryError: a wrong shape in the header
        raise InputError(
            f"{path} cannot be used ({error}); delete it to predict without recognising "
            "training photos, or delete it and predictor.json, and run the workflow again."
        ) from error
    return known


def are_in(known: np.ndarray, pictures: Iterable[np.ndarray]) -> bool:
    """Whether a picture (3, height, width) uint8 RGB is nearly equal to a training face."""
    found = (as_words([perceptual_hash(picture)])[0] for picture in pictures)
    copies = (copy for words in found for copy in (words, words ^ MIRRORED))
    return any((distances(known.T, copy) <= LARGEST_DISTANCE).any() for copy in copies)
