"""Checkpoints: what an interrupted training needs to go on as if nothing had happened.

A checkpoint is a model file that also holds the training's state. It is named by a fingerprint of
all that the training depends on, so that a changed config, code or data set never finds it.
"""

import hashlib
import json
import logging
from pathlib import Path

from renet import models
from renet.errors import InputError
from renet.models import ReNet

FINGERPRINT_CHARACTERS = 16


def fingerprint(*parts: object) -> str:
    """A short digest of settings (anything JSON knows), for a checkpoint's name."""
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:FINGERPRINT_CHARACTERS]


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
        """What the newest whole checkpoint holds (see `models.read`); None without one."""
        for path in (self.path, self.previous):
            if path.exists():
                try:
                    return models.read(path)
                except InputError as error:
                    logging.warning("The checkpoint is passed over: %s", error)
        return None

    def delete(self) -> None:
        """Remove both files: a checkpoint kept would make a forced rerun train nothing."""
        self.path.unlink(missing_ok=True)
        self.previous.unlink(missing_ok=True)
