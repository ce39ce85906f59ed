"""Folder of a training, `<parent>/<fingerprint>`, with all files of the training.

    checkpoint.pt, previous.pt     model files with the training's state, deleted at its end
    tensorboard/                   event files
    model.pt, history.csv, …       results; the job's output model.pt is a hard link to model.pt,
                                   its other outputs are copies, which a user can edit
    training.json                  config, code and inputs, SHA-256 of the results; written last

Snakemake deletes the outputs of a job before it starts the job, but not this folder, which is not
an output. A job for the same training can therefore reuse the results.
"""

import contextlib
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
MIN_CHECKPOINT_GAP = 30.0  # seconds from a checkpoint to the next at the end of an epoch


class TrainingFolder:
    """Folder of one training, in the folder of all trainings of a run."""

    def __init__(self, parent: Path, *depends_on: object):
        """Name the folder by a digest of PyTorch's version and what the results depend on."""
        named = [*depends_on, torch.__version__]
        text = json.dumps(named, sort_keys=True)
        self.path = parent / hashlib.sha256(text.encode()).hexdigest()[:FINGERPRINT_CHARACTERS]

    def run_or_reuse(self, outputs: Mapping[str, Path], compute: Callable[..., dict]) -> None:
        """Link or copy the results to a job's outputs; `outputs` maps a result's name to an output.

        If the folder lacks the results, `compute` is called with their paths, writes the results,
        and returns further content of training.json. Then the folders of other trainings are
        deleted; after a reuse, only the folders of finished trainings.

        Raises:
            InputError: another process uses the parent folder, or an output is not writable.
        """
        with locks.alone_in(self.path.parent):
            for output in outputs.values():
                files.check_writable(output)  # before the training, which can take hours
            results = [self.path / name for name in outputs]
            # A user may have other files in the parent folder.
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
                # After a reuse, a stopped training keeps its checkpoints.
                if not finished or (path / RECORD).exists():
                    shutil.rmtree(path)

    def _checkpoints(self) -> list[Path]:
        """All checkpoints, including damaged and half-written ones."""
        return [path for name in (LATEST, PREVIOUS) for path in self.path.glob(f"{name}*")]

    def _is_finished(self) -> bool:
        """Whether all results are as they were written; warn of a missing or damaged result."""
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
    """Replace an output by a hard link to a model file, or by a copy of any other result."""
    output.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        if result.suffix == ".pt":
            os.link(result, output)
            return
    with files.replacing(output) as temporary:
        shutil.copyfile(result, temporary)


class Checkpoint:
    """The latest and the previous checkpoint of a training."""

    def __init__(self, folder: Path, seconds: float, gap: float = MIN_CHECKPOINT_GAP):
        """Set when a checkpoint is due: after `seconds` in an epoch, after `gap` at its end."""
        self.path, self.previous = folder / LATEST, folder / PREVIOUS
        self.seconds, self.gap = seconds, gap
        self._latest = time.monotonic()

    def is_due(self, min_age: float | None = None) -> bool:
        """Whether the latest checkpoint, or the start, is `min_age` (or `gap`) seconds old."""
        return time.monotonic() >= self._latest + (self.gap if min_age is None else min_age)

    def save(self, model: Network, state: dict) -> None:
        """Write a checkpoint; if a tensor is not finite, keep both files and raise InputError."""
        content = model_file.file_content(self.path, model, training=state)
        if self.path.exists():
            self.path.replace(self.previous)
        model_file.write(self.path, content)
        self._latest = time.monotonic()

    def load(self) -> dict | None:
        """Read the latest intact checkpoint, if any; raise InputError if disk or memory fails."""
        for path in filter(Path.exists, (self.path, self.previous)):
            try:
                return model_file.read(path)
            except InputError as error:
                if isinstance(error.__cause__, OSError | MemoryError):
                    raise  # a fault of the machine, not of the file
                logging.warning("This checkpoint is not used: %s", error)
                # Renamed, because the next save would replace an intact previous.pt by this file.
                path.replace(path.with_name(path.name + ".damaged"))
        return None
