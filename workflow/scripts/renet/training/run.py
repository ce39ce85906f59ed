"""A training from its settings and HDF5 files to its results, in each process of its group."""

import dataclasses
import logging
from pathlib import Path

import torch

from renet.config.recipe import Recipe
from renet.dataset import hdf5
from renet.dataset.hdf5 import FaceFile
from renet.network import cpu, devices, kinds, model_file
from renet.network.model import parameter_count
from renet.network.settings import RunSettings
from renet.training import initial_weights, processes, profiling
from renet.training.checkpoints import Checkpoint, SavedModels
from renet.training.folder import TrainingFolder
from renet.training.history import HISTORY, THROUGHPUT
from renet.training.tensorboard import EventLog
from renet.training.trainer import Trainer


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainJob:
    """The inputs, outputs, params and resources of the rule `train`, for each process of a run.

    Attributes:
        checkpoint_seconds, save_every, keep_models: see `renet.training.checkpoints`.
        code: digest of the code.
        gpu, nodes: number of GPUs and of machines; several machines have each its own GPUs.
        profile_steps: number of steps of which there is to be a trace.
    """

    settings: RunSettings
    faces: Path
    validation: Path | None = None
    model: Path
    history: Path
    throughput: Path
    training: Path
    checkpoint_seconds: float
    save_every: int
    keep_models: int
    code: str
    gpu: int | None = None
    nodes: int
    profile_steps: int = 0

    @property
    def paths(self) -> list[Path]:
        """The training set, and the validation set if there is one."""
        return [path for path in (self.faces, self.validation) if path]

    def folder(self) -> TrainingFolder:
        """The folder of this training, beside the model."""
        faces = [hdf5.content_digest(hdf5.read(path)) for path in self.paths]
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
    faces: FaceFile,
    validation: FaceFile | None = None,
    *,
    saved: dict | None = None,
) -> Trainer:
    """Build a training, at its start or at the state of a model file.

    Args:
        device: from `choose_device`.
        saved: content of a model file with a training's state; its network replaces that of
            `settings.model`.

    Raises:
        InputError: see `Trainer`.
    """
    if saved:
        model = model_file.build(saved)
    else:
        architecture = settings.model
        if settings.train.age_weight:
            architecture = dataclasses.replace(architecture, classes=8)
        model = kinds.build(faces.shape, architecture, faces.mean)
        kinds.init_weights(model, settings.train.seed)
        if settings.train.start_from:
            initial_weights.load_into(model, settings.train)
    model.freeze(settings.train.freeze)
    logging.info("The network has %s parameters", f"{parameter_count(model):,}")
    logging.debug("%s", model)
    model = devices.to_device(model, device, settings.train.precision)
    trainer = Trainer(model, settings.train, faces, validation)
    if saved:
        trainer.restore(saved["training"])
    return trainer


def resume(settings: RunSettings, checkpoint: Checkpoint, *faces: FaceFile) -> Trainer:
    """Build a training at the state of its checkpoint, or at its start where there is none.

    Args:
        faces: as `Trainer` takes them.

    Raises:
        InputError: see `build` and `Checkpoint.load`; or two checkpoints do not fit on the disk.
    """
    device = choose_device(settings.train)
    saved = processes.from_main(checkpoint.load)  # which may rename a damaged checkpoint
    trainer = build(settings, device, *faces, saved=saved)
    if not saved and processes.is_main():
        checkpoint.require_space(trainer.model, settings.train)
    return trainer


def run_training(job: TrainJob) -> None:
    """Train a run in this process of its group, in the folder of its model; checkpoints stay.

    Raises:
        InputError, TrainingInterrupted: see `resume` and `Trainer.run`.
    """
    faces, folder = [hdf5.read(path) for path in job.paths], job.model.parent
    checkpoint = Checkpoint(folder, job.checkpoint_seconds)
    trainer = resume(job.settings, checkpoint, *faces)
    if not processes.is_main():
        trainer.run(checkpoint)
        return
    saved_models = SavedModels(folder / "models" / "model.pt", job.save_every, job.keep_models)
    events = EventLog(folder / "tensorboard")
    events.add_epochs(trainer.history, trainer.throughput.rows)

    def after_epoch(trainer: Trainer) -> None:
        events.add_epochs(trainer.history, trainer.throughput.rows)
        saved_models.save(trainer)

    with profiling.trace_of(job.profile_steps, job.model) as after_step:
        trainer.run(checkpoint, after_epoch, after_step)
    events.close()
    HISTORY.write(job.history, HISTORY.frame(trainer.history))
    THROUGHPUT.write(job.throughput, THROUGHPUT.frame(trainer.throughput.rows))
    model_file.save(job.model, trainer.model)
