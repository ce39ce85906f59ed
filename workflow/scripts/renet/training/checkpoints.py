"""Checkpoints: what an interrupted training needs to go on as if nothing had happened.

A checkpoint is a model file that also holds the training's state. It is named by a fingerprint of
all that the training depends on, so that a changed config, code or data set never finds it.
"""

import hashlib
import json
import logging
from pathlib import Path

from renet.common.errors import InputError
from renet.network import models
from renet.network.models import ReNet

FINGERPRINT_CHARACTERS = 16
PREFIX = "checkpoint-"


def path_for(folder: Path, *parts: object) -> Path:
    """Where the checkpoint of a training lies that depends on `parts` (anything JSON knows)."""
    text = json.dumps(parts, sort_keys=True)
    fingerprint = hashlib.sha256(text.encode()).hexdigest()[:FINGERPRINT_CHARACTERS]
    return folder / f"{PREFIX}{fingerprint}.pt"


class Checkpoint:
    """The latest checkpoint of one training and the one before, `<path>` and `<path>.previous`."""

    def __init__(self, path: str | Path):
        """Name the checkpoint; nothing is read or written yet."""
        self.path = Path(path)
        self.previous = self.path.with_name(self.path.name + ".previous")

    def save(self, model: ReNet, state: dict) -> None:
        """Write the network and the training's state; the last checkpoint becomes the previous."""
        if self.path.exists():
            self.path.replace(self.previous)
        models.save(self.path, model, training=state)

    def load(self) -> dict | None:
        """What the newest whole checkpoint holds (see `models.read`); None without one.

        Raises:
            InputError: one is there, and the machine cannot read it now.
        """
        for path in (self.path, self.previous):
            if path.exists():
                try:
                    return models.read(path)
                except InputError as error:
                    if isinstance(error.__cause__, OSError | MemoryError):
                        raise  # the machine failed, which says nothing of the file
                    logging.warning("The checkpoint is passed over: %s", error)
                    # Under its name it would take the place of the good one before it.
                    path.replace(path.with_name(path.name + ".damaged"))
        return None


def delete_all(folder: Path) -> None:
    """Remove all checkpoints of a run: one kept would make a forced rerun train nothing."""
    for path in folder.glob(f"{PREFIX}*"):
        path.unlink()
