"""The course's training loop (section 3.2.5), interruptible and for several processes."""

import contextlib
import dataclasses
import logging
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from renet.common.errors import InputError, TrainingInterrupted
from renet.common.progress import Progress
from renet.config.recipe import Recipe
from renet.dataset.hdf5 import FaceFile
from renet.network.loader import Loader, make_loader
from renet.network.model import Network
from renet.training import history, processes, schedule, train_step
from renet.training.augmentation import Augmentation
from renet.training.checkpoints import Checkpoint
from renet.training.ema import MovingAverage
from renet.training.stop_request import StopRequest
from renet.training.throughput import Part, Throughput
from renet.training.validation import Validation

# Batches from one reading of the metrics to the next: on a GPU, each waits for the device.
SYNC_EVERY = {"cpu": 1, "cuda": 20}


class Trainer:
    """A training: the network, its optimizer and its progress.

    Attributes:
        faces: the training set.
        epoch: number of completed epochs.
        images, steps: of the epoch that is under way, of all processes.
        history: a row for each completed epoch; see `renet.training.history`.
        throughput: speed and memory of the epochs.
        validation: the validation set, if there is one, and the best epoch on it.
        evaluated: the moving average of the network if there is one, or the network.
    """

    def __init__(
        self, model: Network, recipe: Recipe, train: FaceFile, validation: FaceFile | None = None
    ):
        """Prepare a training of a network, which is on its device, from its start.

        Raises:
            InputError: size or number of classes of the faces is not the network's.
        """
        check_faces(model, *filter(None, (train, validation)))
        self.model, self.device = model, next(model.parameters()).device
        self.recipe, self.faces = recipe, train
        self.average = MovingAverage(self.model, recipe.ema) if recipe.ema else None
        self.evaluated = self.average.network if self.average else self.model
        self.validation = Validation(self.evaluated, validation, self.device, recipe)
        self.augment = Augmentation.from_recipe(recipe, len(train), model.architecture.classes)
        self.step = train_step.make_train_step(self.model, recipe)
        self.epoch = self.images = self.steps = 0
        self._steps_of_epoch = -(-len(train) // recipe.batch_size)
        self.history: list[dict] = []
        self.throughput = Throughput(self.device)
        self._checkpoint: Checkpoint | None = None
        self._after_step: Callable[[], None] | None = None

    @property
    def updates(self) -> int:
        """How often the weights were changed so far."""
        return self.epoch * self._steps_of_epoch + self.steps

    def run(
        self,
        checkpoint: Checkpoint | None = None,
        after_epoch: Callable[["Trainer"], None] | None = None,
        after_step: Callable[[], None] | None = None,
        show_progress: bool = True,
    ) -> None:
        """Train up to the recipe's number of epochs.

        Args:
            checkpoint: where to write checkpoints; None writes none, and SIGTERM ends the process.
            after_epoch: called after every epoch, in rank 0.
            after_step: called after every update.

        Raises:
            InputError: the loss became NaN or infinite; the last checkpoint stays.
            TrainingInterrupted: SIGTERM came; a checkpoint was written.
        """
        stop = StopRequest()
        self._checkpoint, self._after_step = checkpoint, after_step
        out_of_memory = train_step.explain_out_of_memory(self.recipe.batch_size)
        with stop if checkpoint else contextlib.nullcontext(), out_of_memory:
            if self.epoch < self.recipe.epochs:
                self.step.capture(self.faces.shape)  # before the faces fill the GPU's memory
                loader = make_loader(self.faces.pixels, self.faces.targets, self.device)
            while self.epoch < self.recipe.epochs:
                self._train_epoch(loader, stop, show_progress)
                self._end_epoch()
                if after_epoch and processes.is_main():
                    after_epoch(self)
                self._save()
        if self.average:
            self.model.load_state_dict(self.average.network.state_dict())
        if self.recipe.select_epoch == "best" and self.validation.best:
            self.model.load_state_dict(self.validation.best["state"])

    def state(self) -> dict:
        """The state as it is, for model files: plain values, and tensors that are shared.

        The order of an epoch follows from seed and epoch, and nothing else is random: the number of
        images of this epoch is the position in the data, and there is no random state.
        """
        loss, correct, _ = self.step.sums.tolist()
        sums = {"loss": loss, "correct": correct, "images": self.images, "steps": self.steps}
        return {
            "epoch": self.epoch,
            "sums": sums,
            "optimizer": {"state": self.step.optimizer.state_dict()["state"]},  # the momenta
            "history": self.history,
            "throughput": self.throughput.rows,
            "part_of_epoch": dataclasses.asdict(self.throughput.part),
            "best": self.validation.best,
            # A saved model has the moving average in place of the network; a checkpoint leaves it
            # out.
            "weights": self.model.state_dict() if self.average else None,
            "average": self.average.network.state_dict() if self.average else None,
        }

    def restore(self, saved: dict) -> None:
        """Continue from a model file with a training's state, as `model_file.read` returns it."""
        state, optimizer = saved["training"], self.step.optimizer
        self.model.load_state_dict(state["weights"] or saved["state"])
        sums = state["sums"]
        self.epoch, self.images, self.steps = state["epoch"], sums["images"], sums["steps"]
        values = [sums["loss"], sums["correct"], sums["steps"]]
        self.step.sums.copy_(torch.tensor(values, dtype=torch.float64))
        # The settings are those of this recipe, not of the saved training.
        settings = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict(state["optimizer"] | {"param_groups": settings})
        self.history = state["history"]
        self.throughput.rows = state["throughput"]
        self.throughput.part = Part(**state["part_of_epoch"])
        self.validation.best = state["best"]
        if self.average:
            self.average.network.load_state_dict(state["average"])
        logging.info("Continuing after epoch %d, batch %d", self.epoch, self.steps)

    def _train_epoch(self, loader: Loader, stop: StopRequest, show_progress: bool) -> None:
        self.model.train()
        count, size = len(self.faces), self.recipe.batch_size
        order = epoch_order(count, self.recipe, self.epoch)
        starts = range(self.images, count, size)
        parts = [train_step.part_of_batch(order[start : start + size]) for start in starts]
        changes = self.augment
        rows = (changes.rows_to_read(own, self.epoch) if changes else own for own, _ in parts)
        self.throughput.start(self.images, loader)
        progress = Progress(
            total=count, initial=self.images, desc=f"epoch {self.epoch + 1}/{self.recipe.epochs}",
            unit=" img", disable=not (show_progress and processes.is_main()),
        )  # fmt: skip
        with contextlib.closing(loader.batches(rows)) as batches, progress:
            for part, (pixels, targets) in zip(parts, batches, strict=True):
                self._update(part, pixels, targets)
                if self._after_step:
                    self._after_step()
                self.images, self.steps = min(self.images + size, count), self.steps + 1
                if self.images == count or self.steps % SYNC_EVERY[self.device.type] == 0:
                    loss, accuracy = self._read_metrics()
                    remaining = (self.recipe.epochs - self.epoch) * count - self.images
                    time = self.throughput.time_for(remaining, self.images)
                    metrics = f"loss {loss:.4f}, accuracy {accuracy:.3f}, all done in {time}"
                    progress.set_postfix_str(metrics, refresh=False)
                    progress.update(self.images - progress.n)
                    self._stop_or_save(stop)
        self.throughput.end(self.epoch + 1, self.images)

    def _update(self, part: tuple[np.ndarray, float], pixels: Tensor, targets: Tensor) -> None:
        """One update; rate, changes of the faces and moving average follow from its number."""
        rows, fraction = part
        self.step.set_rate(schedule.rate(self.recipe, self.updates, self._steps_of_epoch))
        if self.augment:
            pixels, targets = self.augment(pixels, targets, rows, self.epoch)
        self.step(pixels, targets, fraction)
        if self.average:
            self.average.update(self.updates)

    def _read_metrics(self) -> tuple[float, float]:
        """Mean loss and accuracy of this epoch so far; waits for the device."""
        loss, correct, finite = self.step.sums.tolist()
        if finite < self.steps:
            raise divergence("The loss", self.epoch + 1, int(finite) + 1, self.recipe)
        return loss / self.images, correct / self.images

    def _stop_or_save(self, stop: StopRequest) -> None:
        """Stop, or write a checkpoint, if that is due."""
        if not self._checkpoint:
            return
        if not processes.any_of(stop.received, self.device):
            self._save(self._checkpoint.seconds)
            return
        self._save(min_age=0)
        processes.barrier()  # rank 0 may still write, and would be ended with this process
        raise TrainingInterrupted(
            f"The training received SIGTERM in epoch {self.epoch + 1} and stopped; start it again "
            "to continue from its checkpoint."
        )

    def _save(self, min_age: float | None = None) -> None:
        """Write a checkpoint in rank 0 if the latest one is old enough.

        Args:
            min_age: in seconds; None: that of the end of an epoch.
        """
        checkpoint = self._checkpoint
        if not checkpoint or not processes.is_main():
            return
        if checkpoint.is_due(checkpoint.gap if min_age is None else min_age):
            checkpoint.save(self.model, self.state())

    def _end_epoch(self) -> None:
        # The loss is that before the last update, and does not tell of it.
        if not all(values.isfinite().all() for values in self.model.state_dict().values()):
            raise divergence("A weight", self.epoch + 1, self.steps, self.recipe)
        loss, accuracy = self._read_metrics()
        # Of the last update, perhaps before an interruption.
        rate = schedule.rate(self.recipe, self.updates - 1, self._steps_of_epoch)
        row: dict[str, float | None] = {
            "epoch": self.epoch + 1, "learning_rate": rate, "loss": loss, "accuracy": accuracy,
            **history.NOT_VALIDATED,
        }  # fmt: skip
        if self.validation.is_due(self.epoch + 1):
            # It may take longer than the time after SIGTERM.
            self._save()
            loss, accuracy = self.validation.measure(self.updates)
            if not math.isfinite(loss):
                raise divergence("The validation loss", self.epoch + 1, self.steps, self.recipe)
            row |= {"validation_loss": loss, "validation_accuracy": accuracy}
            self.validation.compare(self.epoch + 1, loss)
        self.history.append(row)
        history.log(row)
        self.epoch, self.images, self.steps = self.epoch + 1, 0, 0
        self.step.sums.zero_()


def divergence(what: str, epoch: int, batch: int, recipe: Recipe) -> InputError:
    """The error for numbers that are no longer finite."""
    return InputError(
        f"{what} is NaN or infinite in epoch {epoch}, batch {batch}, at a learning rate of "
        f"{recipe.learning_rate}; lower train.learning_rate. The last checkpoint is kept."
    )


def check_faces(model: Network, *files: FaceFile) -> None:
    """Refuse faces whose size or number of classes is not the network's."""
    for faces in files:
        if (faces.shape, faces.class_count) != (model.input_shape, model.architecture.classes):
            raise InputError(
                f"{faces.path} has {faces.class_count} classes of faces of shape {faces.shape} "
                f"and the network is for {model.architecture.classes} of {model.input_shape}."
            )


def epoch_order(count: int, recipe: Recipe, epoch: int) -> np.ndarray:
    """The order of the samples in an epoch (from 0): the file's, or a random one."""
    if not recipe.shuffle_each_epoch:
        return np.arange(count)
    return np.random.default_rng([recipe.seed, epoch]).permutation(count)
