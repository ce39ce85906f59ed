"""Checkpoints, from which an interrupted training continues to the same result, and saved models.

A checkpoint is a model file with the state of the training. Its name holds a fingerprint of all
that the training depends on, so that a changed config, code or data set does not find it.
"""

import dataclasses
import hashlib
import json
import logging
import math
import shutil
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from torch import Tensor

from renet.common import disk, files
from renet.common.errors import InputError
from renet.config.recipe import Recipe
from renet.network import cpu, model_file
from renet.network.model import Network
from renet.training import training_state

FINGERPRINT_CHARACTERS = 16
PREFIX = "checkpoint-"
LAST = "last_checkpoint.pt"  # of a finished training
OWNER = ".training"  # beside saved models: the fingerprint of the training that they are of


def fingerprint(*parts: object) -> str:
    """A name for all that a training depends on, given as JSON or dataclasses."""
    text = json.dumps(parts, sort_keys=True, default=dataclasses.asdict)
    return hashlib.sha256(text.encode()).hexdigest()[:FINGERPRINT_CHARACTERS]


class Checkpoint:
    """The latest checkpoint of a training and the previous one, `<path>` and `<path>.previous`.

    Attributes:
        fingerprint: of all that the training depends on.
        seconds: from one checkpoint within an epoch to the next.
    """

    def __init__(self, folder: Path, seconds: float, *parts: object):
        """Name the checkpoint of a training that depends on `parts`, as JSON or dataclasses."""
        self.fingerprint = fingerprint(*parts)
        self.path = folder / f"{PREFIX}{self.fingerprint}.pt"
        self.previous = self.path.with_name(self.path.name + ".previous")
        self.seconds = seconds
        self._depends_on = json.loads(json.dumps(parts, default=dataclasses.asdict))

    def require_space(self, model: Network, recipe: Recipe) -> None:
        """Raise an InputError unless two checkpoints of the training fit."""
        network = sum(value.nbytes for value in model.state_dict().values())
        disk.require_space(self.path, 2 * training_state.copies_of_network(recipe) * network)

    def save(self, model: Network, state: dict) -> None:
        """Write a checkpoint; the latest one becomes the previous one.

        Raises:
            InputError: a tensor has a NaN or an infinity; both checkpoints stay as they are.
        """
        self.write(self.content_of(model, state))

    def content_of(self, model: Network, state: dict) -> dict:
        """What `save` writes; it shares the tensors that are in main memory.

        Args:
            model: the network that is trained, not its moving average.
        """
        state = state | {"weights": None}  # they are those of the model
        return model_file.content_of(model, training=state, depends_on=self._depends_on)

    def write(self, content: dict) -> None:
        """Write what `content_of` returns; see `save`."""
        # `model_file.write` checks it, too, but the latest one would be the previous one by then.
        model_file.check_finite(content, f"{self.path} is not written")
        if self.path.exists():
            self.path.replace(self.previous)
        model_file.write(self.path, content)

    def load(self) -> dict | None:
        """The content of the latest checkpoint that `model_file.read` accepts; None without one.

        Raises:
            InputError: there is one, and the machine fails to read it.
        """
        saved = _read(self.path)
        return saved if saved else _read(self.previous)

    def explain_others(self) -> None:
        """Log why the checkpoints of other trainings in the folder are not continued."""
        for path in sorted(self.path.parent.glob(f"{PREFIX}*.pt")):
            if (other := _read(path)) and "depends_on" in other:
                names = ", ".join(differences(other["depends_on"], self._depends_on))
                logging.info("%s is not continued, because of %s", path, names)

    def load_shorter(self) -> dict | None:
        """The last checkpoint of a finished training that has no more epochs, and else is the same.

        Where there is another one, the log says why it is not used.
        """
        saved = _read(self.path.with_name(LAST))
        if not saved:
            return None
        before, now = saved["depends_on"], self._depends_on
        shorter, recipe = before[0]["train"], now[0]["train"]
        is_prolonged = (
            shorter["epochs"] <= recipe["epochs"]
            and recipe.get("schedule", "constant") == "constant"  # others end with the epochs
        )
        different = [
            name for name in differences(before, now) if name != "train.epochs" or not is_prolonged
        ]
        if different:
            names = ", ".join(different)
            logging.info("The finished training is not continued, because of %s", names)
            return None
        return saved

    def discard(self, keep_last: bool) -> None:
        """Remove the checkpoints of this training, but for the last one if that is to be kept."""
        last = [] if keep_last else [self.path.with_name(LAST)]
        for path in (self.path, self.previous, *last):
            path.unlink(missing_ok=True)

    def finish(self, keep_last: bool) -> None:
        """Remove all checkpoints; with one left, a forced rerun would train nothing.

        Args:
            keep_last: keep the last one in place of that of the training before, for a longer one.
        """
        last = self.path.with_name(LAST)
        if keep_last and self.path.exists():
            self.path.replace(last)
        elif not keep_last:
            last.unlink(missing_ok=True)
        for path in self.path.parent.glob(f"{PREFIX}*"):
            path.unlink()


class CheckpointWriter:
    """Writes the checkpoints of a training in a thread, from a copy, while the training goes on.

    The next checkpoint and the end of this context wait for the one that is being written, and
    raise its error. The copy takes as much main memory as the checkpoint has bytes.

    Attributes:
        seconds: from one checkpoint within an epoch to the next.
    """

    def __init__(self, checkpoint: Checkpoint | None):
        """Write to `checkpoint`; without one, none is ever due."""
        self._checkpoint = checkpoint
        self.seconds = checkpoint.seconds if checkpoint else math.inf
        self._latest = time.monotonic()
        self._thread = ThreadPoolExecutor(1, "checkpoint", cpu.use_all_cores)
        self._writing: Future[None] | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._thread.shutdown()
        try:
            self.wait()
        except (InputError, OSError) as failure:
            if error is None:
                raise
            logging.error("%s", failure)  # beside the error that ends the training

    def is_due(self, min_age: float) -> bool:
        """Whether the latest checkpoint is at least so old, in seconds."""
        return self._checkpoint is not None and time.monotonic() >= self._latest + min_age

    def save(self, model: Network, state: dict) -> None:
        """Begin to write a checkpoint; see `Checkpoint.save` for the errors that are raised later.

        Only where `is_due`.
        """
        self.wait()
        if self._checkpoint:
            content = _copy(self._checkpoint.content_of(model, state), {})
            self._writing = self._thread.submit(self._checkpoint.write, content)
            self._latest = time.monotonic()

    def wait(self) -> None:
        """Wait until the checkpoint is on the disk."""
        writing, self._writing = self._writing, None
        if writing:
            writing.result()


def _copy(value: Any, copies: dict[int, Any]) -> Any:
    """Nested dicts and lists with all tensors copied to main memory; one of two places, once."""
    if id(value) in copies:
        return copies[id(value)]
    copied = value
    if isinstance(value, Tensor):
        copied = value.detach().to("cpu", copy=True)
    elif isinstance(value, dict):
        copied = {key: _copy(part, copies) for key, part in value.items()}
    elif isinstance(value, list):
        copied = [_copy(part, copies) for part in value]
    copies[id(value)] = copied
    return copied


def _read(path: Path) -> dict | None:
    """The content of a checkpoint; None where it is missing or damaged."""
    if not path.exists():
        return None
    try:
        return model_file.read(path)
    except InputError as error:
        if isinstance(error.__cause__, OSError | MemoryError):
            raise  # a fault of the machine, not of the file
        logging.warning("This checkpoint is not used: %s", error)
        # Renamed: the next save would replace the intact previous one by it.
        path.replace(path.with_name(path.name + ".damaged"))
        return None


def differences(before: object, now: object, name: str = "") -> list[str]:
    """The names, such as train.epochs, of what differs between two JSON values.

    An empty text differs from all: it stands for the digest of faces that have none.
    """
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = zip(before, now, strict=True)
        return [found for pair in pairs for found in differences(*pair, name)]
    if isinstance(before, dict) and isinstance(now, dict):
        return [
            found
            for key in sorted(before.keys() | now.keys())
            for found in differences(before.get(key), now.get(key), f"{name}.{key}".strip("."))
        ]
    return [name] if before != now or now == "" else []


@dataclasses.dataclass(frozen=True)
class SavedModels:
    """Models that a training saves every few epochs, with the state to continue from.

    In a folder of their own, `begin` and `delete_others` see to it that all are of one training.
    The course's command saves among the files of its user, and deletes by their names alone.

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

    def save(self, model: Network, epoch: int, state: dict) -> None:
        """Save the model of this epoch if it is due, and delete the oldest one."""
        if not self.every or epoch % self.every:
            return
        path, oldest = self.path_of(epoch), self.path_of(epoch - self.keep * self.every)
        model_file.save(path, model, training=state)
        if oldest != path:  # by its name: an interrupted job of this training may have written it
            oldest.unlink(missing_ok=True)

    def path_of(self, epoch: object) -> Path:
        """The file of an epoch's model; of `*`, a pattern for all."""
        if not self.numbered:
            return self.path
        return self.path.with_name(f"{self.path.stem}_{epoch}{self.path.suffix}")

    def begin(self, checkpoint: Checkpoint, saved: dict | None) -> None:
        """Empty the folder, unless its models are of the training that is continued.

        Another training may have saved models since the checkpoint was written.

        Args:
            checkpoint: where the checkpoints of this training are.
            saved: the one that is continued; it can be that of a training with fewer epochs.
        """
        folder = self.path.parent
        owner = folder / OWNER
        continued = {checkpoint.fingerprint}
        if saved:
            continued.add(fingerprint(*saved.get("depends_on", [])))
        is_own = saved and owner.exists() and owner.read_text() in continued
        if not is_own:
            shutil.rmtree(folder, ignore_errors=True)
        if self.every or folder.exists():
            files.write_text(owner, checkpoint.fingerprint)

    def delete_others(self, epoch: int) -> None:
        """Delete all but the newest models up to this epoch, the latest that has ended.

        There are older ones if an interrupted training goes on with a lower `keep`, and later ones
        if it goes on from an earlier checkpoint.
        """
        found = self.path.parent.glob(self.path_of("*").name)
        numbers = [path.stem.removeprefix(f"{self.path.stem}_") for path in found]
        epochs = sorted(int(number) for number in numbers if number.isdecimal())
        kept = [number for number in epochs if number <= epoch][-self.keep :]
        for number in set(epochs).difference(kept):
            self.path_of(number).unlink()
