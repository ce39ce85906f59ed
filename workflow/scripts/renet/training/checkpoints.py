"""Checkpoints, from which an interrupted training continues to the same result, and saved models.

A checkpoint is a model file with the state of the training. Its name holds a fingerprint of all
that the training depends on, so that a changed config, code or data set does not find it.
"""

import dataclasses
import hashlib
import json
import logging
from pathlib import Path

from renet.common.errors import InputError
from renet.network import model_file
from renet.network.model import ReNet

FINGERPRINT_CHARACTERS = 16
PREFIX = "checkpoint-"


class Checkpoint:
    """The latest checkpoint of a training and the previous one, `<path>` and `<path>.previous`.

    Attributes:
        seconds: from one checkpoint within an epoch to the next.
    """

    def __init__(self, folder: Path, seconds: float, *parts: object):
        """Name the checkpoint of a training that depends on `parts`, as JSON or dataclasses."""
        text = json.dumps(parts, sort_keys=True, default=dataclasses.asdict)
        fingerprint = hashlib.sha256(text.encode()).hexdigest()[:FINGERPRINT_CHARACTERS]
        self.path = folder / f"{PREFIX}{fingerprint}.pt"
        self.previous = self.path.with_name(self.path.name + ".previous")
        self.seconds = seconds

    def save(self, model: ReNet, state: dict) -> None:
        """Write a checkpoint; the latest one becomes the previous one."""
        if self.path.exists():
            self.path.replace(self.previous)
        model_file.save(self.path, model, training=state)

    def load(self) -> dict | None:
        """The content of the latest intact checkpoint (see `model_file.read`); None without one.

        Raises:
            InputError: there is one, and the machine fails to read it.
        """
        for path in (self.path, self.previous):
            if path.exists():
                try:
                    return model_file.read(path)
                except InputError as error:
                    if isinstance(error.__cause__, OSError | MemoryError):
                        raise  # a fault of the machine, not of the file
                    logging.warning("This checkpoint is not used: %s", error)
                    # Renamed: the next save would replace the intact previous one by it.
                    path.replace(path.with_name(path.name + ".damaged"))
        return None


def delete_all(folder: Path) -> None:
    """Remove all checkpoints of a run; with one left, a forced rerun would train nothing."""
    for path in folder.glob(f"{PREFIX}*"):
        path.unlink()


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

    def save(self, model: ReNet, epoch: int, state: dict) -> None:
        """Save the model of this epoch if it is due, and delete the oldest one."""
        if not self.every or epoch % self.every:
            return
        path, oldest = self._path(epoch), self._path(epoch - self.keep * self.every)
        model_file.save(path, model, training=state)
        if oldest != path:  # by its name: an interrupted job of this training may have written it
            oldest.unlink(missing_ok=True)

    def _path(self, epoch: int) -> Path:
        if not self.numbered:
            return self.path
        return self.path.with_name(f"{self.path.stem}_{epoch}{self.path.suffix}")
