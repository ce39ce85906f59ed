"""A training from its settings and HDF5 files to its results, in each process of its group."""

import dataclasses
import logging
from pathlib import Path

import torch

from renet.config.recipe import Recipe
from renet.dataset import hdf5
from renet.dataset.hdf5 import FaceFile
from renet.dataset.tables import SPLIT
from renet.network import devices, kinds, model_file
from renet.network.model import parameter_count
from renet.network.settings import RunSettings
from renet.training import age_groups, initial_weights, processes
from renet.training.checkpoints import Checkpoint
from renet.training.folder import TrainingFolder
from renet.training.history import HISTORY, THROUGHPUT
from renet.training.tensorboard import EventLog
from renet.training.trainer import Trainer


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainJob:
    """The inputs, outputs, params and resources of the rule `train`, for each process of a run.

    Attributes:
        table: CSV table of the training faces, for a recipe with `age_weight`.
        checkpoint_seconds: see `renet.training.checkpoints`.
        code: digest of the code.
        gpu, nodes: number of GPUs and of machines; several machines have each its own GPUs.
    """

    settings: RunSettings
    faces: Path
    validation: Path | None = None
    table: Path | None = None
    model: Path
    history: Path
    throughput: Path
    training: Path
    checkpoint_seconds: float
    code: str
    gpu: int | None = None
    nodes: int

    @property
    def paths(self) -> list[Path]:
        """The training set, and the validation set if there is one."""
        return [path for path in (self.faces, self.validation) if path]

    def read(self) -> list[FaceFile]:
        """The files of `paths`, and the ages in the table if there is one."""
        faces, *validation = [hdf5.read(path) for path in self.paths]
        if self.table:
            faces = hdf5.with_ages(faces, SPLIT.read(self.table).age)
        return [faces, *validation]

    def folder(self) -> TrainingFolder:
        """The folder of this training, beside the model."""
        digests = map(hdf5.content_digest, self.read())
        settings = self.settings.without_device()
        return TrainingFolder(self.model.parent / "training", settings, self.code, *digests)


def choose_device(recipe: Recipe) -> torch.device:
    """The device of this process, and its algorithms.

    Raises:
        InputError: the device does not exist.
    """
    device = devices.choose(recipe.device, recipe.threads, processes.local_rank())
    devices.choose_algorithms(device, recipe.deterministic)
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
        classes = settings.model.classes + age_groups.extra_outputs(settings.train)
        architecture = dataclasses.replace(settings.model, classes=classes)
        model = kinds.build(faces.shape, architecture, faces.mean)
        kinds.init_weights(model, settings.train.seed)
        if settings.train.start_from:
            initial_weights.load_into(model, settings.train)
    model.freeze(settings.train.freeze)
    logging.info("The network has %s parameters", f"{parameter_count(model):,}")
    logging.debug("%s", model)
    model = devices.to_device(model, device)
    trainer = Trainer(model, settings.train, faces, validation)
    if saved:
        trainer.restore(saved["training"])
    return trainer


def resume(settings: RunSettings, checkpoint: Checkpoint, *faces: FaceFile) -> Trainer:
    """Build a training at the state of its checkpoint, or at its start where there is none.

    Args:
        faces: as `Trainer` takes them.

    Raises:
        InputError: see `build` and `Checkpoint.load`.
    """
    device = choose_device(settings.train)
    saved = processes.from_main(checkpoint.load)  # which may rename a damaged checkpoint
    return build(settings, device, *faces, saved=saved)


def run_training(job: TrainJob) -> None:
    """Train a run in this process of its group, in the folder of its model; checkpoints stay.

    Raises:
        InputError, TrainingInterrupted: see `resume` and `Trainer.run`.
    """
    faces, folder = job.read(), job.model.parent
    checkpoint = Checkpoint(folder, job.checkpoint_seconds)
    trainer = resume(job.settings, checkpoint, *faces)
    if not processes.is_main():
        trainer.run(checkpoint)
        return
    events = EventLog(folder / "tensorboard")
    events.add_epochs(trainer.history, trainer.throughput.rows)

    def after_epoch(trainer: Trainer) -> None:
        events.add_epochs(trainer.history, trainer.throughput.rows)

    trainer.run(checkpoint, after_epoch)
    events.close()
    HISTORY.write(job.history, HISTORY.frame(trainer.history))
    THROUGHPUT.write(job.throughput, THROUGHPUT.frame(trainer.throughput.rows))
    model_file.save(job.model, trainer.model)
