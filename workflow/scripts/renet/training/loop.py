"""The course's training loop (section 3.2.5), from HDF5 files to a trained network.

Each process of a group runs the loop. After an interruption, a training continues from its
checkpoint to bit-identical results, because every random choice is a function of seed and step.
"""

import contextlib
import copy
import dataclasses
import importlib.metadata
import itertools
import logging
import math
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from renet.common import files, logs
from renet.common.errors import InputError, TrainingInterrupted
from renet.common.history import HISTORY, THROUGHPUT
from renet.common.progress import Progress
from renet.config.train import Recipe
from renet.dataset import hdf5
from renet.dataset.hdf5 import FaceFile
from renet.dataset.tables import SPLIT
from renet.network import devices, inference, kinds, model_file
from renet.network.loader import Loader
from renet.network.model import Network, parameter_count
from renet.training import age_groups, initial_weights, processes
from renet.training.augmentation import Augmentation
from renet.training.folder import Checkpoint, TrainingFolder
from renet.training.monitoring import EventLog, Throughput
from renet.training.settings import RunSettings
from renet.training.train_step import MovingAverage, TrainStep, learning_rate

# Steps between two readings of the metrics, which block the host on a GPU.
SYNC_EVERY = {"cpu": 1, "cuda": 20}
Batch = tuple[Tensor, Tensor, float]  # arguments of a `TrainStep`


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainJob:
    """Inputs, outputs, params and resources of the rule `train`."""

    settings: RunSettings
    faces: Path
    validation: Path | None = None
    table: Path | None = None  # table of the training faces, for `age_weight` or an SVM
    model: Path
    history: Path
    throughput: Path
    checkpoint_seconds: float
    code: str
    gpu: int

    @property
    def paths(self) -> list[Path]:
        """HDF5 files of the training set and, if any, the validation set."""
        return [path for path in (self.faces, self.validation) if path]

    def read(self) -> list[FaceFile]:
        """Read the files; with `age_weight`, add the ages in the table to the training faces."""
        faces, *validation = [hdf5.read(path) for path in self.paths]
        if self.table and self.settings.train.age_weight:
            faces = hdf5.with_ages(faces, SPLIT.read(self.table).age)
        return [faces, *validation]

    def folder(self) -> TrainingFolder:
        """Return the folder of this training, beside the model."""
        settings = self.settings
        depends_on = [settings.without_device(), self.code, *map(hdf5.content_digest, self.read())]
        if self.table and not settings.model.has_layers:
            version = importlib.metadata.version("scikit-learn")
            depends_on += [files.file_digest(self.table), version]
        return TrainingFolder(self.model.parent / "training", *depends_on)


def run_training(job: TrainJob) -> None:
    """Train or fit a run in this process, one of its group; checkpoints are not deleted."""
    faces, folder = job.read(), job.model.parent
    if job.table and not job.settings.model.has_layers:
        people = SPLIT.read(job.table, ["subject"]).subject.to_numpy()
        model, history, throughput = fit(job.settings, people, *faces)
    else:
        checkpoint = Checkpoint(folder, job.checkpoint_seconds)
        trainer = resume(job.settings, checkpoint, *faces)
        model, history, throughput = trainer.model, trainer.history, trainer.throughput.rows
        if not processes.is_main():
            trainer.run(checkpoint)
            return
        events = EventLog(folder / "tensorboard", history, throughput)
        trainer.run(checkpoint, after_epoch=lambda _: events.add_epochs())
        events.close()
    HISTORY.write(job.history, HISTORY.frame(history))
    THROUGHPUT.write(job.throughput, THROUGHPUT.frame(throughput))
    model_file.save(job.model, model)


def fit(settings: RunSettings, *arguments: Any) -> tuple[Network, list[dict], list[dict]]:
    """Fit a kind without layers by its module, such as `renet.training.hog_svm`."""
    return importlib.import_module(settings.model.modules()[-1]).fit(settings, *arguments)


def resume(settings: RunSettings, checkpoint: Checkpoint, *faces: FaceFile) -> "Trainer":
    """Build a training in the state of its checkpoint, if any, or at its start."""
    device = choose_device(settings.train)
    saved = processes.from_main(checkpoint.load)  # `load` may rename a file
    return build(settings, device, *faces, saved=saved)


def choose_device(recipe: Recipe) -> torch.device:
    """Return this process's device; apply `deterministic` of the recipe to a GPU."""
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
) -> "Trainer":
    """Build a training at its start, or in the state of `saved`, a model file's content."""
    if saved:
        model = model_file.build(saved)
    else:
        model = kinds.build(faces.shape, settings.model, faces.mean)
        model.init_weights(settings.train.seed)
        if settings.train.start_from:
            initial_weights.load(model, settings.train)
    model.freeze(settings.train.freeze)
    logging.info("The network has %s parameters", f"{parameter_count(model):,}")
    trainer = Trainer(devices.to_device(model, device), settings.train, faces, validation)
    if saved:
        trainer.restore(saved["training"])
    return trainer


class Trainer:
    """A training: the network, its optimizer and its progress.

    Attributes:
        eval_model: the moving average of the network, if any, else the network.
        global_step: number of steps so far; it fixes batches, augmentation and learning rate.
        history: a row of `HISTORY` for each completed epoch.
        best: loss and weights at the lowest validation loss, with select_epoch: best.
    """

    def __init__(
        self, model: Network, recipe: Recipe, faces: FaceFile, validation: FaceFile | None = None
    ):
        """Prepare to train `model` on its device; raise an InputError if the faces do not fit."""
        shape, classes = model.input_shape, model.architecture.classes
        for file in filter(None, (faces, validation)):
            if (file.shape, file.class_count) != (shape, classes):
                raise InputError(
                    f"{file.path} has {file.class_count} classes and faces of shape {file.shape}, "
                    f"but the network is for {classes} classes and {shape}; use other faces, or "
                    "train a new network."
                )
        self.model, self.device = model, next(model.parameters()).device
        self.recipe, self.faces, self.validation = recipe, faces, validation
        self.average = MovingAverage(model, recipe.ema) if recipe.ema else None
        self.eval_model = self.average.network if self.average else model
        self.step = TrainStep(model, recipe)
        self.throughput = Throughput(self.device)
        self.history: list[dict] = []
        self.best: dict | None = None
        self.global_step = 0
        self._steps_per_epoch = len(range(0, len(faces), recipe.batch_size))
        self._checkpoint: Checkpoint | None = None

    @property
    def epoch(self) -> int:
        """Number of completed epochs."""
        return len(self.history)

    @property
    def epoch_step(self) -> int:
        """Number of steps so far in the current epoch."""
        return self.global_step - self.epoch * self._steps_per_epoch

    @property
    def samples_seen(self) -> int:
        """Number of faces so far in the current epoch, over all processes."""
        return min(self.epoch_step * self.recipe.batch_size, len(self.faces))

    def run(
        self,
        checkpoint: Checkpoint | None = None,
        after_epoch: Callable[["Trainer"], None] = lambda _: None,
        show_progress: bool = True,
    ) -> None:
        """Train up to the recipe's number of epochs.

        Without a checkpoint, SIGTERM ends the process. `after_epoch` is called in rank 0.

        Raises:
            InputError: a loss or weight became NaN or infinite; the last checkpoint is kept.
            TrainingInterrupted: SIGTERM or SIGINT was received; a checkpoint was written.
        """
        self._checkpoint = checkpoint
        with contextlib.ExitStack() as stack:
            if checkpoint:
                self.step.signals = stack.enter_context(processes.stop_requests())
            faces, labels = self.faces, self.faces.targets
            if self.recipe.age_weight:
                labels = age_groups.joint_classes(labels, faces.class_count, faces.ages)
            if self.recipe.age_adjustment:
                adjustment = age_groups.logit_adjustment(labels, faces.class_count)
                self.step.adjustment = torch.from_numpy(adjustment).to(self.device)
            loader = Loader(faces.pixels, labels, self.device)
            batches = stack.enter_context(contextlib.closing(self._batches(loader)))
            while self.epoch < self.recipe.epochs:
                self.throughput.start(loader)
                self._train_epoch(batches, show_progress)
                self._end_epoch()
                if processes.is_main():
                    after_epoch(self)
                self._save()
        best = self.best
        self.model.load_state_dict(best["state"] if best else self.eval_model.state_dict())

    def _train_epoch(self, batches: Iterator[Batch], show_progress: bool) -> None:
        self.model.train()
        progress = Progress(
            total=len(self.faces), initial=self.samples_seen, unit=" img",
            desc=f"epoch {self.epoch + 1}/{self.recipe.epochs}",
            disable=not (show_progress and processes.is_main()),
        )  # fmt: skip
        with progress:
            for batch in itertools.islice(batches, self._steps_per_epoch - self.epoch_step):
                self._update(*batch)
                at_end = self.samples_seen == len(self.faces)
                if at_end or self.epoch_step % SYNC_EVERY[self.device.type] == 0:
                    self._show_metrics(progress)
                    self._stop_or_save()

    def _update(self, pixels: Tensor, targets: Tensor, fraction: float) -> None:
        self.step.set_rate(learning_rate(self.recipe, self.global_step, self._steps_per_epoch))
        self.step(pixels, targets, fraction)
        if self.average:
            self.average.update(self.global_step)
        self.global_step += 1

    def _batches(self, loader: Loader) -> Generator[Batch, None, None]:
        """Yield augmented batches for all remaining steps; faces are read ahead."""
        recipe, count = self.recipe, len(self.faces)
        groups = age_groups.GROUPS + 1 if recipe.age_weight else 1
        augmentation = Augmentation(recipe, count, groups * self.faces.class_count)
        parts, ahead = itertools.tee(batches(recipe, count, self.global_step))
        rows = (augmentation.rows_to_read(own, epoch) for epoch, own, _ in ahead)
        with contextlib.closing(loader.batches(rows)) as loaded:
            for (epoch, own, fraction), (pixels, targets) in zip(parts, loaded, strict=True):
                yield *augmentation(pixels, targets, own, epoch), fraction

    def _end_epoch(self) -> None:
        # The last loss was computed before the last update, which may have diverged.
        if not all(values.isfinite().all() for values in self.step.model.state_dict().values()):
            raise self._divergence("A weight", self.epoch_step)
        (loss, accuracy), epoch = self._read_metrics(), self.epoch + 1
        rate = learning_rate(self.recipe, self.global_step - 1, self._steps_per_epoch)
        row = {"epoch": epoch, "learning_rate": rate, "loss": loss, "accuracy": accuracy}
        if self.validation is not None and self.recipe.validates_after(epoch):
            self._save()  # a validation may outlast the time between SIGTERM and SIGKILL
            loss, accuracy = self.validate()
            if not math.isfinite(loss):
                raise self._divergence("The validation loss", self.epoch_step)
            row |= {"validation_loss": loss, "validation_accuracy": accuracy}
            if self.recipe.select_epoch == "best" and (not self.best or loss < self.best["loss"]):
                self.best = {"loss": loss, "state": copy.deepcopy(self.eval_model.state_dict())}
        self.throughput.end(epoch, self.samples_seen)
        self.history.append(row)
        texts = [f"{name} {value:.4g}" for name, value in row.items()]
        logging.info("%s", ", ".join(texts), extra=logs.NEWS)
        self.step.sums.zero_()

    def validate(self) -> tuple[float, float]:
        """Compute mean loss and accuracy on the validation set; each process infers a part."""
        faces: Any = self.validation
        # The running statistics differ between processes; rank 0's are saved.
        processes.broadcast(self.eval_model.buffers())
        own = faces.pixels[processes.part(len(faces))]
        own = inference.logits(self.eval_model, own, self.device, self.recipe.precision)
        logits = np.concatenate(processes.gather(own))
        loss = F.cross_entropy(torch.from_numpy(logits), torch.from_numpy(faces.targets)).item()
        return loss, float((logits.argmax(1) == faces.targets).mean())  # a tie counts as class 0

    def _show_metrics(self, progress: Progress) -> None:
        loss, accuracy = self._read_metrics()
        remaining = (self.recipe.epochs - self.epoch) * len(self.faces) - self.samples_seen
        time = self.throughput.time_for(remaining, self.samples_seen)
        metrics = f"loss {loss:.4f}, accuracy {accuracy:.3f}, all done in {time}"
        progress.set_postfix_str(metrics, refresh=False)
        progress.update(self.samples_seen - progress.n)

    def _read_metrics(self) -> tuple[float, float]:
        """Return mean loss and accuracy of this epoch so far; a GPU first finishes its queue."""
        loss, correct, finite, _ = self.step.sums.tolist()
        if finite < self.epoch_step:
            raise self._divergence("The loss", int(finite) + 1)
        return loss / self.samples_seen, correct / self.samples_seen

    def _stop_or_save(self) -> None:
        if not self._checkpoint:
            return
        stops = bool(self.step.sums[3])
        self._save(0 if stops else self._checkpoint.seconds)
        if stops:
            processes.gather(None)  # wait until rank 0 has saved: an error would end rank 0, too
            raise TrainingInterrupted(
                f"The training was stopped in epoch {self.epoch + 1}; run the workflow again "
                "to continue from the checkpoint."
            )

    def _save(self, min_age: float | None = None) -> None:
        """Write a checkpoint in rank 0, if one is due; see `Checkpoint.is_due`."""
        if self._checkpoint and processes.is_main() and self._checkpoint.is_due(min_age):
            self._checkpoint.save(self.eval_model, self.state())

    def state(self) -> dict:
        """Return the state for model files: plain values and tensors, which are not copied."""
        trained = self.step.model
        return {
            "epoch": self.epoch,
            "steps": self.epoch_step,  # not global_step: the batch size can change
            "history": self.history,
            # The file's network is the moving average, if any, and never has the age layer.
            "weights": None if trained is self.eval_model else trained.state_dict(),
            "best": self.best,
            **self.step.state(),
            **self.throughput.state(),
        }

    def restore(self, state: dict) -> None:
        """Continue from the state in a model file, whose network this trainer already has."""
        self.history = state["history"]
        self.global_step = self.epoch * self._steps_per_epoch + state["steps"]
        self.step.model.load_state_dict(state["weights"] or self.model.state_dict())
        self.best = state["best"] if self.recipe.select_epoch == "best" else None
        self.step.restore(state)
        self.throughput.restore(state)
        logging.info("Continuing after epoch %d, batch %d", self.epoch, self.epoch_step)

    def _divergence(self, what: str, batch: int) -> InputError:
        """Return the error for a value that is NaN or infinite."""
        return InputError(
            f"{what} is NaN or infinite in epoch {self.epoch + 1}, batch {batch}, at a learning "
            f"rate of {self.recipe.learning_rate}; lower `train.learning_rate`. The training then "
            "starts from the beginning."
        )


def batches(recipe: Recipe, count: int, first: int) -> Iterator[tuple[int, np.ndarray, float]]:
    """Yield for each step the epoch (from 0), this process's rows, and their fraction of the batch.

    The first step is number `first`. A process without rows in a batch still has to take part in
    the step: the process then has the batch's last row, with fraction 0.
    """
    starts = range(0, count, recipe.batch_size)
    for epoch in range(first // len(starts), recipe.epochs):
        order = epoch_order(recipe, count, epoch)
        for start in starts[max(0, first - epoch * len(starts)) :]:
            batch = order[start : start + recipe.batch_size]
            own = batch[processes.part(len(batch))]
            yield epoch, own if len(own) else batch[-1:], len(own) / len(batch)


def epoch_order(recipe: Recipe, count: int, epoch: int) -> np.ndarray:
    """Return the order of the samples in an epoch (from 0): the file's, or a random order."""
    if not recipe.shuffle_each_epoch:
        return np.arange(count)
    return np.random.default_rng([recipe.seed, epoch]).permutation(count)
