"""Checkpoints, from which an interrupted training continues to the same result, and saved models.

A checkpoint is a model file with the state of the training.
"""

import dataclasses
import logging
import time
from pathlib import Path
from typing import Any

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
        model_file.check_finite(content, f"{self.path} is not written")
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


@dataclasses.dataclass(frozen=True)
class SavedModels:
    """Models that a training saves every few epochs, with the state to continue from.

    Attributes:
        path: name of the models; model.pt stands for model_5.pt, model_10.pt, …
        every: epochs from one model to the next; 0 saves none.
        keep: number of models that are kept.
        numbered: False: one model, whose name is `path`.
    """

    path: Path
    every: int
    keep: int
    numbered: bool = True

    def save(self, trainer: Any) -> None:
        """Save the model after an epoch of a `Trainer` if it is due, and delete the older ones."""
        epoch = trainer.epoch
        if not self.every or epoch % self.every:
            return
        model_file.save(self.path_of(epoch), trainer.evaluated, training=trainer.state())
        if self.numbered:
            # By their names: an interrupted job, perhaps with a higher `keep`, has written some.
            for older in range(epoch - self.keep * self.every, 0, -self.every):
                self.path_of(older).unlink(missing_ok=True)

    def path_of(self, epoch: int) -> Path:
        """The file of an epoch's model."""
        if not self.numbered:
            return self.path
        return self.path.with_name(f"{self.path.stem}_{epoch}{self.path.suffix}")
