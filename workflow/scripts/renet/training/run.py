"""A training from its settings and HDF5 files to its results, in each process of its group."""

import dataclasses
import json
import logging
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from cyclopts import Parameter

from renet.common.errors import InputError
from renet.config import architecture
from renet.config.architecture import AnyArchitecture, Architecture
from renet.config.recipe import Recipe
from renet.dataset import hdf5
from renet.dataset.hdf5 import FaceFile
from renet.network import cpu, devices, kinds, model_file
from renet.network.model import parameter_count
from renet.training import processes, profiling
from renet.training.checkpoints import Checkpoint, SavedModels
from renet.training.folder import TrainingFolder
from renet.training.history import HISTORY, THROUGHPUT
from renet.training.tensorboard import EventLog
from renet.training.trainer import Trainer

# On a command line: one JSON object, whose keys are those of its kind.
OneJson = Parameter(
    accepts_keys=False,
    n_tokens=1,
    converter=lambda _, given: architecture.from_settings(json.loads(given[0].value)),
)


@dataclasses.dataclass(frozen=True)
class RunSettings:
    """The sections of a run that its result depends on."""

    model: Annotated[AnyArchitecture, OneJson] = dataclasses.field(default_factory=Architecture)
    train: Recipe = dataclasses.field(default_factory=Recipe)

    def granted(self, gpus: int | None) -> "RunSettings":
        """The same on the device that Snakemake grants, in the precision that is chosen for it.

        What depends on these settings, such as a checkpoint, does not depend on the machine where
        `auto` is read next. See `devices.granted` and `devices.chosen_precision`.

        Raises:
            InputError: there are fewer GPUs than processes, and not none.
        """
        if gpus and gpus < self.train.processes:
            raise InputError(
                f"train.processes is {self.train.processes} and Snakemake may use {gpus} GPUs "
                f"only: lower it, or raise --resources gpu={gpus}; gpu=0 computes on the CPU."
            )
        device = devices.granted(self.train.device, gpus)
        precision = devices.chosen_precision(self.train.precision, device)
        recipe = dataclasses.replace(self.train, device=device, precision=precision)
        return dataclasses.replace(self, train=recipe)

    def without_device(self) -> "RunSettings":
        """What a training depends on: it can be continued on another device."""
        return dataclasses.replace(self, train=dataclasses.replace(self.train, device="auto"))


@dataclasses.dataclass(frozen=True)
class RunJob:
    """The inputs, outputs, params and resources of the rule `train`, for each process of a run.

    Attributes:
        checkpoint_seconds, save_every, keep_models: see `renet.training.checkpoints`.
        code: digest of the code.
        gpu, nodes: number of GPUs and of machines.
        profile_steps: number of steps of which there is to be a trace.
    """

    settings: RunSettings
    train: Path
    validation: Path
    model: Path
    history: Path
    throughput: Path
    training: Path
    checkpoint_seconds: float
    save_every: int
    keep_models: int
    code: str
    gpu: int
    nodes: int
    profile_steps: int = 0

    def folder(self) -> TrainingFolder:
        """The folder of this training, beside the model."""
        faces = [hdf5.content_digest(hdf5.read(path)) for path in (self.train, self.validation)]
        settings = self.settings.without_device()
        return TrainingFolder(self.model.parent / "training", settings, self.code, *faces)


def choose_device(recipe: Recipe) -> torch.device:
    """The device of this process, chosen before PyTorch's first computation starts its threads.

    Raises:
        InputError: the device does not exist.
    """
    device = devices.choose(recipe.device, recipe.threads, processes.local_rank())
    devices.choose_algorithms(device, recipe.deterministic)
    if device.type == "cpu":
        cpu.bind_threads()
    return device


def build(
    settings: RunSettings,
    device: torch.device,
    train: FaceFile,
    validation: FaceFile,
    saved: dict | None = None,
) -> Trainer:
    """Build a training, at its start or at the state of a model file.

    Args:
        device: from `choose_device`.
        saved: content of a model file with a training's state; its network replaces that of
            `settings.model`.

    Raises:
        InputError: see `Trainer`; or the processes were given different states.
    """
    if saved:
        model = model_file.build(saved)
    else:
        model = kinds.build(train.shape, settings.model, train.mean)
        kinds.init_weights(model, settings.train.seed)
    logging.info("The network has %s parameters", f"{parameter_count(model):,}")
    logging.debug("%s", model)
    model = devices.to_device(model, device, settings.train.precision)
    trainer = Trainer(model, settings.train, train, validation)
    if saved:
        trainer.restore(saved)
    positions = processes.concatenate(np.array([[trainer.epoch, trainer.images]]))
    if (positions != positions[0]).any():
        raise InputError(
            "The processes of this training did not find the same checkpoint in the folder that "
            "they share: its file system may be slow to show new files. Start again."
        )
    return trainer


def run_training(job: RunJob) -> None:
    """Train a run in this process of its group, in the folder of its model; checkpoints stay.

    Raises:
        InputError, TrainingInterrupted: see `build` and `Trainer.run`; or the faces are damaged.
    """
    device = choose_device(job.settings.train)
    faces, validation = hdf5.read(job.train), hdf5.read(job.validation)
    folder = job.model.parent
    checkpoint, saved = Checkpoint(folder, job.checkpoint_seconds), None
    if processes.is_main():
        hdf5.check_digest(faces)
        hdf5.check_digest(validation)
        saved = checkpoint.load()  # first, and alone: it may rename a damaged checkpoint
    processes.barrier()
    if not processes.is_main():
        saved = checkpoint.load()
    trainer = build(job.settings, device, faces, validation, saved)
    if not processes.is_main():
        trainer.run(checkpoint)
        return
    if not saved:
        checkpoint.require_space(trainer.model, job.settings.train)
    saved_models = SavedModels(folder / "models" / "model.pt", job.save_every, job.keep_models)
    events = EventLog(folder / "tensorboard")
    events.add_epochs(trainer.history, trainer.throughput.rows)

    def after_epoch(trainer: Trainer) -> None:
        events.add_epochs(trainer.history, trainer.throughput.rows)
        saved_models.save(trainer.evaluated, trainer.epoch, trainer.state())

    with profiling.trace_of(job.profile_steps, job.model) as after_step:
        trainer.run(checkpoint, after_epoch, after_step)
    events.close()
    HISTORY.write(job.history, HISTORY.frame(trainer.history))
    THROUGHPUT.write(job.throughput, THROUGHPUT.frame(trainer.throughput.rows))
    model_file.save(job.model, trainer.model)
