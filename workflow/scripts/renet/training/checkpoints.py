"""Checkpoints, from which an interrupted training continues to the same result.

A checkpoint is a model file with the state of the training.
"""

import logging
import time
from pathlib import Path

from renet.common.errors import InputError
from renet.network import model_file
from renet.network.model import Network
from renet.training.folder import LATEST, PREVIOUS

MIN_CHECKPOINT_GAP = 30.0  # seconds from one checkpoint to another at the end of an epoch


class Checkpoint:
    """The latest checkpoint of a training and the previous one.

    Attributes:
        seconds: from one checkpoint within an epoch to the next.
        gap: the least age of the latest one for another at the end of an epoch, in seconds.
    """

    def __init__(self, folder: Path, seconds: float, gap: float = MIN_CHECKPOINT_GAP):
        """Name the checkpoints in the folder of a training."""
        self.path, self.previous = folder / LATEST, folder / PREVIOUS
        self.seconds, self.gap = seconds, gap
        self._latest = time.monotonic()

    def is_due(self, min_age: float | None = None) -> bool:
        """Whether the latest one, or the start, is at least so long ago, in seconds, or `gap`."""
        return time.monotonic() >= self._latest + (self.gap if min_age is None else min_age)

    def save(self, model: Network, state: dict) -> None:
        """Write a checkpoint; the latest one becomes the previous one.

        Raises:
            InputError: a tensor has a NaN or an infinity; both checkpoints stay as they are.
        """
        content = model_file.content_of(model, training=state)
        # `model_file.write` checks it, too, but the latest one would be the previous one by then.
        model_file.check_tensors(content, f"{self.path} is not written")
        if self.path.exists():
            self.path.replace(self.previous)
        model_file.write(self.path, content)
        self._latest = time.monotonic()

    def load(self) -> dict | None:
        """The content of the latest checkpoint that `model_file.read` accepts; None without one.

        Raises:
            InputError: there is one, and the machine fails to read it.
        """
        for path in filter(Path.exists, (self.path, self.previous)):
            try:
                return model_file.read(path)
            except InputError as error:
                if isinstance(error.__cause__, OSError | MemoryError):
                    raise  # a fault of the machine, not of the file
                logging.warning("This checkpoint is not used: %s", error)
                # Renamed: the next save would replace the intact previous one by it.
                path.replace(path.with_name(path.name + ".damaged"))
        return None
