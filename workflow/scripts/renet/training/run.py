"""A training from its settings and HDF5 files to its results, in each process of its group."""

import dataclasses
import logging
import shutil
from pathlib import Path

from renet.common.errors import InputError
from renet.config.architecture import Architecture
from renet.config.recipe import Recipe
from renet.dataset import hdf5
from renet.dataset.hdf5 import FaceFile
from renet.network import devices, model_file
from renet.network.model import ReNet, init_weights, parameter_count
from renet.training.checkpoints import Checkpoint, SavedModels
from renet.training.history import HISTORY, THROUGHPUT
from renet.training.process_group import SINGLE_PROCESS, ProcessGroup
from renet.training.tensorboard import EventLog
from renet.training.trainer import Trainer


@dataclasses.dataclass(frozen=True)
class RunSettings:
    """The sections of a run that its result depends on."""

    model: Architecture = dataclasses.field(default_factory=Architecture)
    train: Recipe = dataclasses.field(default_factory=Recipe)

    def granted(self, gpus: int | None) -> "RunSettings":
        """The same on the device that Snakemake grants; see `devices.granted`.

        Raises:
            InputError: there are fewer GPUs than processes, and not none.
        """
        if gpus and gpus < self.train.processes:
            raise InputError(
                f"train.processes is {self.train.processes} and Snakemake may use {gpus} GPUs "
                f"only: lower it, or raise --resources gpu={gpus}; gpu=0 computes on the CPU."
            )
        device = devices.granted(self.train.device, gpus)
        return dataclasses.replace(self, train=dataclasses.replace(self.train, device=device))


@dataclasses.dataclass(frozen=True)
class RunJob:
    """The input of each process of a run: the arguments of the script train.py.

    Attributes:
        checkpoint_seconds, save_every, keep_models: see `renet.training.checkpoints`.
        code: digest of the code, part of the checkpoint's name.
    """

    settings: RunSettings
    train: Path
    validation: Path
    model: Path
    history: Path
    throughput: Path
    events: Path
    checkpoint_seconds: float
    save_every: int
    keep_models: int
    code: str


def build(
    settings: RunSettings,
    train: FaceFile,
    validation: FaceFile,
    group: ProcessGroup = SINGLE_PROCESS,
    saved: dict | None = None,
) -> Trainer:
    """Build a training, at its start or at the state of a model file.

    Args:
        saved: content of a model file with a training's state; its network replaces that of
            `settings.model`.

    Raises:
        InputError: see `Trainer`; or the processes were given different states.
    """
    if saved:
        model = model_file.build(saved)
    else:
        model = ReNet(train.shape, settings.model, train.mean)
        init_weights(model, settings.train.seed)
    logging.info("The network has %s parameters", f"{parameter_count(model):,}")
    logging.debug("%s", model)
    trainer = Trainer(model, settings.train, train, validation, group)
    if saved:
        trainer.restore(saved)
    position = [trainer.epoch, trainer.sums.images]
    sums = group.all_reduce(position, trainer.device)
    if sums != [group.world_size * number for number in position]:
        raise InputError(
            "The processes of this training did not find the same checkpoint in the folder that "
            "they share: its file system may be slow to show new files. Start again."
        )
    return trainer


def run_training(group: ProcessGroup, job: RunJob) -> None:
    """Train a run in this process of its group; its checkpoints stay.

    Raises:
        InputError, TrainingInterrupted: see `Trainer`.
    """
    faces, validation = hdf5.read(job.train), hdf5.read(job.validation)
    folder, parts = job.model.parent, (job.settings, job.code, faces.digest, validation.digest)
    checkpoint = Checkpoint(folder, job.checkpoint_seconds, *parts)
    # Rank 0 reads first, and alone: it may rename a damaged checkpoint.
    saved = checkpoint.load() if group.is_main else None
    group.barrier()
    if not group.is_main:
        saved = checkpoint.load()
    trainer = build(job.settings, faces, validation, group, saved)
    if not group.is_main:
        trainer.run(checkpoint)
        return
    if not saved:
        shutil.rmtree(folder / "models", ignore_errors=True)
    saved_models = SavedModels(folder / "models" / "model.pt", job.save_every, job.keep_models)
    events = EventLog(job.events)
    events.add_epochs(trainer.history, trainer.throughput)

    def after_epoch(trainer: Trainer) -> None:
        events.add_epochs(trainer.history, trainer.throughput)
        saved_models.save(trainer.model, trainer.epoch, trainer.state())

    trainer.run(checkpoint, after_epoch)
    events.close()
    HISTORY.write(job.history, HISTORY.frame(trainer.history))
    THROUGHPUT.write(job.throughput, THROUGHPUT.frame(trainer.throughput))
    model_file.save(job.model, trainer.model)
