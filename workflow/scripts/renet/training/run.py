"""A whole training run: from HDF5 files to the trained network, with checkpoints on the way."""

import dataclasses
import logging
import shutil
from pathlib import Path

from renet.common import files
from renet.common.errors import InputError
from renet.config.architecture import Architecture
from renet.config.recipe import Recipe
from renet.dataset import hdf5
from renet.dataset.hdf5 import FaceFile
from renet.network import models
from renet.network.models import ReNet
from renet.training import checkpoints
from renet.training.process_group import World
from renet.training.tensorboard import EventLog
from renet.training.trainer import HISTORY_COLUMNS, THROUGHPUT_COLUMNS, Trainer, to_csv

# How often something is saved changes nothing of the training, which may go on from it.
SAVING = ("checkpoint_minutes", "save_every", "save_history")


@dataclasses.dataclass(frozen=True)
class RunFiles:
    """Where a run finds and leaves its files.

    Attributes:
        train, validation: HDF5 files of faces.
        model, history, throughput: what a finished run leaves.
        events: folder of TensorBoard's event files.
    """

    train: str
    validation: str
    model: str
    history: str
    throughput: str
    events: str


def make_network(faces: FaceFile, architecture: Architecture, seed: int) -> ReNet:
    """The network for these faces, with its initial weights."""
    model = ReNet(faces.shape, architecture, faces.mean)
    models.initialise(model, seed)
    logging.info("The network has %s parameters", f"{models.parameter_count(model):,}")
    logging.debug("%s", model)
    return model


def train(world: World, paths: RunFiles, settings: dict, code: str) -> None:
    """Train one run in this process, which may be one of several; its checkpoints stay.

    Args:
        settings: the run's sections `model` and `train`.
        code: digest of the code, part of the checkpoint's name.

    Raises:
        InputError, TrainingInterrupted: see `Trainer`.
    """
    recipe = Recipe(**settings["train"])
    faces, validation = hdf5.read(paths.train), hdf5.read(paths.validation)
    model = make_network(faces, Architecture(**settings["model"]), recipe.seed)
    folder = Path(paths.model).parent
    lasting = {key: value for key, value in settings["train"].items() if key not in SAVING}
    parts = (settings["model"], lasting, code, faces.digest, validation.digest)
    checkpoint = checkpoints.Checkpoint(checkpoints.path_for(folder, *parts))
    snapshots = Snapshots(
        folder / "models" / "model.pt", recipe.save_every, recipe.save_history, numbered=True
    )
    trainer = Trainer(model, recipe, faces, validation, checkpoint, world=world)
    content = _load(checkpoint, world)
    if content:
        trainer.restore(content)
    _check_position(trainer)
    if not world.is_first:
        trainer.run()
        return
    if not content:
        shutil.rmtree(folder / "models", ignore_errors=True)
    events = EventLog(paths.events, trainer.history, trainer.throughput)

    def after_epoch(trainer: Trainer) -> None:
        events.add(trainer.history, trainer.throughput)
        snapshots.save(trainer)

    trainer.after_epoch = after_epoch
    trainer.run()
    events.close()
    files.write_text(paths.history, to_csv(trainer.history, HISTORY_COLUMNS))
    files.write_text(paths.throughput, to_csv(trainer.throughput, THROUGHPUT_COLUMNS))
    models.save(paths.model, trainer.model)


def _load(checkpoint: checkpoints.Checkpoint, world: World) -> dict | None:
    """What the newest whole checkpoint holds; the first process looks first, and alone."""
    content = checkpoint.load() if world.is_first else None
    world.meet()
    return content if world.is_first else checkpoint.load()


def _check_position(trainer: Trainer) -> None:
    """Refuse to go on where not all processes have read the same checkpoint."""
    ours = [trainer.epoch, trainer.sums.images]
    if trainer.world.total(ours, trainer.device) != [trainer.world.size * one for one in ours]:
        raise InputError(
            "The processes of this training did not find the same checkpoint, though they share a "
            "folder: its file system may show them late. Start again."
        )


@dataclasses.dataclass
class Snapshots:
    """Models saved during the training, each with the state to go on from (--model_file).

    Attributes:
        path: file for the newest model; None saves nothing.
        every: epochs between two models; 0 saves none but the last.
        keep: number of models kept.
        numbered: whether a model has its epoch in its name, model_5.pt; it always has where more
            than one is kept.
    """

    path: str | Path | None
    every: int
    keep: int
    numbered: bool = False

    def save(self, trainer: Trainer) -> None:
        """Called after each epoch."""
        if self.path and self.every and trainer.epoch % self.every == 0:
            self._write(trainer)

    def finish(self, trainer: Trainer) -> None:
        """Save the trained model under the very name that was asked for."""
        if self.path:
            models.save(self.path, trainer.model, training=trainer.state())

    def _write(self, trainer: Trainer) -> None:
        if self.keep == 1 and not self.numbered:
            models.save(self.path, trainer.model, training=trainer.state())
            return
        models.save(self._numbered(trainer.epoch), trainer.model, training=trainer.state())
        # Not only those of this process: an interrupted training goes on counting.
        self._numbered(trainer.epoch - self.keep * self.every).unlink(missing_ok=True)

    def _numbered(self, epoch: int) -> Path:
        path = Path(self.path)
        return path.with_name(f"{path.stem}_{epoch}{path.suffix}")
