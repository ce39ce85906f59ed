"""The course's training loop (section 3.2.5), interruptible and for several processes."""

import contextlib
import dataclasses
import itertools
import logging
import math
from collections.abc import Callable, Generator, Iterator

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn

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
from renet.training.stop_request import stop_requests
from renet.training.throughput import Throughput
from renet.training.validation import Validation

# Updates from one reading of the metrics to the next: on a GPU, each waits for the device.
SYNC_EVERY = {"cpu": 1, "cuda": 20}
Batch = tuple[Tensor, Tensor, float]  # what a `TrainStep` takes


class Trainer:
    """A training: the network, its optimizer and its progress.

    Attributes:
        faces: the training set.
        updates: their number so far, from which all follows that is not in the weights: nothing is
            random but by the seed, see `renet.training.schedule`.
        history: a row for each completed epoch; see `renet.training.history`.
        throughput: speed and memory of the epochs.
        validation: the validation set, if there is one, and the best epoch on it.
        evaluated: the moving average of the network if there is one, or the network.
    """

    def __init__(
        self, model: Network, recipe: Recipe, faces: FaceFile, validation: FaceFile | None = None
    ):
        """Prepare a training of a network, which is on its device, from its start.

        Raises:
            InputError: size or number of classes of the faces is not the network's.
        """
        check_faces(model, *filter(None, (faces, validation)))
        self.model, self.device = model, next(model.parameters()).device
        self.recipe, self.faces = recipe, faces
        self._targets, self._weights = faces.targets, None
        if faces.ages is not None and (recipe.age_weight or recipe.balance):
            bins = np.searchsorted([10, 20, 30, 45, 60], faces.ages, side="right")
            bins[np.isnan(faces.ages)] = 6
            joint = faces.targets + 2 * bins
            if recipe.age_weight:
                self._targets = joint
            if recipe.balance:
                counts = np.bincount(joint, minlength=14)
                self._weights = 1 / counts[joint]
                logging.info("cells %s", counts)
        self.average = MovingAverage(model, recipe.ema) if recipe.ema else None
        self.evaluated = self.average.network if self.average else model
        self.validation = Validation(self.evaluated, validation, self.device, recipe)
        self.step = train_step.TrainStep(model, recipe)
        self.throughput = Throughput(self.device)
        self._parts = self.step, self.validation, self.throughput
        self.history: list[dict] = []
        self.updates = 0
        self._steps_of_epoch = len(range(0, len(faces), recipe.batch_size))

    @property
    def epoch(self) -> int:
        """Number of completed epochs."""
        return len(self.history)

    @property
    def steps(self) -> int:
        """Number of updates in the epoch that is under way."""
        return self.updates - self.epoch * self._steps_of_epoch

    @property
    def images(self) -> int:
        """Number of faces in these updates, of all processes."""
        return min(self.steps * self.recipe.batch_size, len(self.faces))

    def run(
        self,
        checkpoint: Checkpoint | None = None,
        after_epoch: Callable[["Trainer"], None] = lambda _: None,
        after_step: Callable[[], None] = lambda: None,
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
        self._checkpoint = checkpoint
        with contextlib.ExitStack() as stack:
            self._stop = stack.enter_context(stop_requests()) if checkpoint else []
            stack.enter_context(train_step.explain_out_of_memory(self.recipe.batch_size))
            self.step.prepare(self.faces.shape)  # before the faces fill the GPU's memory
            loader = make_loader(self.faces.pixels, self._targets, self.device)
            batches = stack.enter_context(contextlib.closing(self._batches(loader)))
            while self.epoch < self.recipe.epochs:
                self.throughput.start(loader)
                self._train_epoch(batches, after_step, show_progress)
                self._end_epoch()
                if processes.is_main():
                    after_epoch(self)
                self._save()
        best = self.validation.best
        self.model.load_state_dict(best["state"] if best else self.evaluated.state_dict())
        if self.recipe.age_weight:
            narrow(self.model)

    def state(self) -> dict:
        """The state as it is, for model files: plain values, and tensors that are shared."""
        state = {
            "epoch": self.epoch,
            "steps": self.steps,  # of the epoch: a training can go on with larger batches
            "history": self.history,
            # A model file has the moving average in place of the network.
            "weights": self.model.state_dict() if self.average else None,
        }
        for part in self._parts:
            state |= part.state()
        return state

    def restore(self, state: dict) -> None:
        """Continue from the state in a model file, whose network this training was made with."""
        self.history = state["history"]
        self.updates = self.epoch * self._steps_of_epoch + state["steps"]
        self.model.load_state_dict(state["weights"] or self.model.state_dict())
        for part in self._parts:
            part.restore(state)
        logging.info("Continuing after epoch %d, batch %d", self.epoch, self.steps)

    def _batches(self, loader: Loader) -> Generator[Batch, None, None]:
        """The batches of all updates that are left, read ahead and augmented."""
        recipe, count = self.recipe, len(self.faces)
        all_changes = Augmentation.from_recipe(recipe, count, 14 if recipe.age_weight else 2)
        sides = [int(side) for side, epochs in recipe.sizes.items() for _ in range(epochs)]
        full = self.faces.shape[1]
        sides = sides or [full] * recipe.epochs
        of = [all_changes and all_changes.of_size(side < full) for side in sides]
        parts, ahead = itertools.tee(schedule.batches(recipe, count, self.updates, self._weights))
        rows = (of[epoch].rows_to_read(own, epoch) if of[epoch] else own for epoch, own, _ in ahead)
        with contextlib.closing(loader.batches(rows)) as loaded:
            for (epoch, own, fraction), (pixels, targets) in zip(parts, loaded, strict=True):
                if of[epoch]:
                    pixels, targets = of[epoch](pixels, targets, own, epoch)
                if sides[epoch] < full:
                    pixels = F.interpolate(pixels, (sides[epoch], sides[epoch]), mode="area")
                yield pixels, targets, fraction

    def _train_epoch(
        self, batches: Iterator[Batch], after_step: Callable[[], None], show_progress: bool
    ) -> None:
        self.model.train()
        progress = Progress(
            total=len(self.faces), initial=self.images, unit=" img",
            desc=f"epoch {self.epoch + 1}/{self.recipe.epochs}",
            disable=not (show_progress and processes.is_main()),
        )  # fmt: skip
        with progress:
            for batch in itertools.islice(batches, self._steps_of_epoch - self.steps):
                self._update(*batch)
                after_step()
                if self.images == len(self.faces) or self.steps % SYNC_EVERY[self.device.type] == 0:
                    self._show_metrics(progress)
                    self._stop_or_save()

    def _update(self, pixels: Tensor, targets: Tensor, fraction: float) -> None:
        self.step.set_rate(schedule.rate(self.recipe, self.updates, self._steps_of_epoch))
        self.step.sharpness_aware = (
            self.recipe.sam > 0 and 3 * self.epoch >= 2 * self.recipe.epochs
        )
        self.step(pixels, targets, fraction)
        if self.average:
            self.average.update(self.updates)
        self.updates += 1

    def _show_metrics(self, progress: Progress) -> None:
        loss, accuracy = self._read_metrics()
        remaining = (self.recipe.epochs - self.epoch) * len(self.faces) - self.images
        time = self.throughput.time_for(remaining, self.images)
        metrics = f"loss {loss:.4f}, accuracy {accuracy:.3f}, all done in {time}"
        progress.set_postfix_str(metrics, refresh=False)
        progress.update(self.images - progress.n)

    def _read_metrics(self) -> tuple[float, float]:
        """Mean loss and accuracy of this epoch so far; waits for the device."""
        loss, correct, finite = self.step.sums.tolist()
        if finite < self.steps:
            raise self._divergence("The loss", int(finite) + 1)
        return loss / self.images, correct / self.images

    def _stop_or_save(self) -> None:
        if not self._checkpoint:
            return
        stops = processes.any_of(bool(self._stop), self.device)
        self._save(0 if stops else self._checkpoint.seconds)
        if stops:
            processes.barrier()  # rank 0 may still write, and would be ended with this process
            raise TrainingInterrupted(
                f"The training received SIGTERM in epoch {self.epoch + 1} and stopped; start it "
                "again to continue from its checkpoint."
            )

    def _save(self, min_age: float | None = None) -> None:
        """Write a checkpoint in rank 0, if the latest one has this age in seconds, or its `gap`."""
        if self._checkpoint and processes.is_main() and self._checkpoint.is_due(min_age):
            self._checkpoint.save(self.evaluated, self.state())

    def _end_epoch(self) -> None:
        # The loss is that before the last update, and does not tell of it.
        if not all(values.isfinite().all() for values in self.model.state_dict().values()):
            raise self._divergence("A weight", self.steps)
        (loss, accuracy), epoch = self._read_metrics(), self.epoch + 1
        rate = schedule.rate(self.recipe, self.updates - 1, self._steps_of_epoch)
        row: dict[str, float | None] = {
            "epoch": epoch, "learning_rate": rate, "loss": loss, "accuracy": accuracy,
            **history.NOT_VALIDATED,
        }  # fmt: skip
        if self.validation.is_due(epoch):
            self._save()  # it may take longer than the time after SIGTERM
            loss, accuracy = self.validation.measure(self.updates)
            if not math.isfinite(loss):
                raise self._divergence("The validation loss", self.steps)
            row |= {"validation_loss": loss, "validation_accuracy": accuracy}
            self.validation.compare(epoch, loss)
        self.throughput.end(epoch, self.images)
        self.history.append(row)
        history.log(row)
        self.step.sums.zero_()

    def _divergence(self, what: str, batch: int) -> InputError:
        """The error for numbers that are no longer finite."""
        return InputError(
            f"{what} is NaN or infinite in epoch {self.epoch + 1}, batch {batch}, at a learning "
            f"rate of {self.recipe.learning_rate}; lower train.learning_rate. The last checkpoint "
            "is kept."
        )


def narrow(model: Network) -> None:
    """Drop the outputs for the age."""
    last = list(model.children())[-1]
    last.weight = nn.Parameter(last.weight.detach()[:2].clone())
    last.bias = nn.Parameter(last.bias.detach()[:2].clone())
    model.architecture = dataclasses.replace(model.architecture, classes=2)


def check_faces(model: Network, *files: FaceFile) -> None:
    """Refuse faces whose size or number of classes is not the network's."""
    for faces in files:
        if faces.shape != model.input_shape:
            raise InputError(
                f"{faces.path} has {faces.class_count} classes of faces of shape {faces.shape} "
                f"and the network is for {model.architecture.classes} of {model.input_shape}."
            )
