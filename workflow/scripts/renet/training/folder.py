"""Folder of a training, `<parent>/<fingerprint>`, with all files of the training.

    checkpoint.pt, previous.pt     until it has finished: model files with its state
    tensorboard/                   events
    model.pt, history.csv, …       its results; of the outputs of the job, model.pt is a hard link,
                                   the others are copies, which a user can edit
    training.json                  written last: what made the results, and the SHA-256 of each

Snakemake deletes the outputs of a job before it starts the job. This folder is not an output, so
that a job for the same training can take its results.
"""

import contextlib
import errno
import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from renet.common import files, locks
from renet.common.errors import InputError
from renet.network import model_file
from renet.network.model import Network

RESULTS = ("model.pt", "history.csv", "throughput.csv")  # a run's files
LATEST, PREVIOUS = "checkpoint.pt", "previous.pt"
RECORD = "training.json"
FINGERPRINT_CHARACTERS = 16
MIN_CHECKPOINT_GAP = 30.0  # seconds from one checkpoint to another at the end of an epoch


class TrainingFolder:
    """Folder of one training, in that of all trainings of a run."""

    def __init__(self, parent: Path, *depends_on: object):
        """Name the folder by all that the results depend on, also the version of PyTorch."""
        named = [*depends_on, torch.__version__]
        text = json.dumps(named, sort_keys=True)
        self.path = parent / hashlib.sha256(text.encode()).hexdigest()[:FINGERPRINT_CHARACTERS]

    def run_or_reuse(self, outputs: Mapping[str, Path], compute: Callable[..., dict]) -> None:
        """Link the outputs of a job, by the names of the results in this folder, to the results.

        Unless they are there, `compute` writes them to the paths that it is given, and returns what
        else training.json records. Folders of other trainings are deleted at the end; after a
        return to a finished training, only those of finished ones.

        Raises:
            InputError: another process works there, or an output cannot be written.
        """
        with locks.alone_in(self.path.parent):
            for output in outputs.values():
                files.check_writable(output)  # before the training, which can take hours
            results = [self.path / name for name in outputs]
            # The parent can have other files of a user.
            folders = sorted(self.path.parent.glob("[0-9a-f]" * FINGERPRINT_CHARACTERS))
            others = [path for path in folders if path != self.path]
            finished = self._is_finished()
            if not finished:
                if others and not self._checkpoints():
                    logging.info(
                        "The training starts from the beginning: %s is of a training with other "
                        "settings, code, faces or version of PyTorch. It is deleted when this "
                        "training has finished.", ", ".join(map(str, others)),
                    )  # fmt: skip
                record = compute(*results)
                record["results"] = {path.name: files.file_digest(path) for path in results}
                files.write_json(self.path / RECORD, record)
            for path in self._checkpoints():
                path.unlink()
            for result, output in zip(results, outputs.values(), strict=True):
                _link_or_copy(result, output)
            for path in others:
                # After a return to a finished training, the checkpoints of a stopped one stay.
                if not finished or (path / RECORD).exists():
                    shutil.rmtree(path)

    def _checkpoints(self) -> list[Path]:
        """All checkpoints, including damaged and half-written ones."""
        return [path for name in (LATEST, PREVIOUS) for path in self.path.glob(f"{name}*")]

    def _is_finished(self) -> bool:
        """Whether all results are as they were written; a damaged one is logged."""
        if not (self.path / RECORD).is_file():
            return False
        for name, digest in files.read_json(self.path / RECORD)["results"].items():
            path = self.path / name
            if not path.exists() or files.file_digest(path) != digest:
                logging.warning("%s is missing or damaged; its training is repeated.", path)
                (self.path / RECORD).unlink()
                return False
        logging.warning(
            "The results of this training are taken from %s. To train again, delete this folder "
            "and run snakemake --forcerun train.", self.path,
        )  # fmt: skip
        return True


def _link_or_copy(result: Path, output: Path) -> None:
    """Put a result in place of an output: a model as a link, others as copies to be edited."""
    output.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        if result.suffix == ".pt":
            os.link(result, output)
            return
    with files.replacing(output) as temporary:
        shutil.copyfile(result, temporary)


class Checkpoint:
    """Latest checkpoint of a training and the previous one."""

    def __init__(self, folder: Path, seconds: float, gap: float = MIN_CHECKPOINT_GAP):
        """Name them; within an epoch one is due after `seconds`, at its end after `gap`."""
        self.path, self.previous = folder / LATEST, folder / PREVIOUS
        self.seconds, self.gap = seconds, gap
        self._latest = time.monotonic()

    def is_due(self, min_age: float | None = None) -> bool:
        """Whether the latest one, or the start, is `min_age` seconds ago (default: `gap`)."""
        return time.monotonic() >= self._latest + (self.gap if min_age is None else min_age)

    def save(self, model: Network, state: dict) -> None:
        """Write a checkpoint; if a tensor is not finite, an InputError leaves both as they are."""
        content = model_file.file_content(self.path, model, training=state)
        if self.path.exists():
            self.path.replace(self.previous)
        model_file.write(self.path, content)
        self._latest = time.monotonic()

    def load(self) -> dict | None:
        """Content of the latest intact checkpoint, if any; an InputError if reading fails."""
        for path in filter(Path.exists, (self.path, self.previous)):
            try:
                return model_file.read(path)
            except InputError as error:
                cause = error.__cause__
                # EINVAL: PyTorch has sought a place before the beginning of a truncated file.
                is_cut_off = isinstance(cause, OSError) and cause.errno == errno.EINVAL
                if isinstance(cause, OSError | MemoryError) and not is_cut_off:
                    raise  # a fault of the machine, not of the file
                logging.warning("This checkpoint is not used: %s", error)
                # Renamed: the next save would replace the intact previous one by it.
                path.replace(path.with_name(path.name + ".damaged"))
        return None
