"""Whether a photo was probably in the training set: the perceptual hashes of the training faces.

They lie beside predictor.json, 32 bytes for each face. Copies that were compressed or scaled are
found; mirror images, other crops and other photos of the person are not (docs/predict.md).
"""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from renet.common import files
from renet.common.errors import InputError
from renet.common.progress import Progress
from renet.faces.perceptual_hash import BYTES, LARGEST_DISTANCE, as_words, perceptual_hash

FILE = "training_hashes.npy"
WORDS = BYTES // 8


@dataclasses.dataclass(frozen=True)
class TrainingPhotos:
    """The hashes of all training faces."""

    words: np.ndarray  # (WORDS, faces) uint64, each column a hash

    @classmethod
    def from_faces(cls, faces: np.ndarray) -> "TrainingPhotos":
        """The hashes of faces (N, 3, height, width) uint8 RGB, memory-mapped or not."""
        hashes = map(perceptual_hash, Progress(faces, desc="hashes", unit=" faces"))
        return cls(np.ascontiguousarray(as_words(hashes).T))

    def write(self, path: Path) -> None:
        """Write them as a NumPy file."""
        with files.replacing(path) as temporary, temporary.open("wb") as handle:
            np.save(handle, self.words)

    @classmethod
    def read(cls, path: Path, digest: str) -> "TrainingPhotos":
        """Read them; an InputError if the file has another SHA-256 or no hashes."""
        if files.file_digest(path) != digest:
            raise InputError(
                f"{path} is not the file that predictor.json names; delete it to predict without "
                "it, or delete predictor.json to have both made again."
            )
        try:
            words = np.load(path)
            if words.dtype != np.uint64 or words.shape[:-1] != (WORDS,):
                raise ValueError("it has no hashes")
        except Exception as error:  # NumPy raises anything on foreign bytes
            raise InputError(
                f"{path} is damaged ({error}); delete it to predict without it."
            ) from error
        return cls(words)

    def have(self, pictures: Iterable[np.ndarray]) -> bool:
        """Whether one of the faces (3, height, width) uint8 RGB is nearly a training face."""
        return any(self.distance(picture) <= LARGEST_DISTANCE for picture in pictures)

    def distance(self, pixels: np.ndarray) -> int:
        """The bits in which the nearest training face's hash differs, of 255."""
        (words,) = as_words([perceptual_hash(pixels)])
        # At most 255 in all: the first bit is always 0.
        bits = np.bitwise_count(self.words ^ words[:, None]).sum(axis=0, dtype=np.uint8)
        return int(bits.min(initial=255))
