"""The course's training loop (section 3.2.5), interruptible and for several processes."""

import contextlib
import itertools
import logging
import math
from collections.abc import Callable, Generator, Iterator

import numpy as np
from torch import Tensor

from renet.common.errors import InputError, TrainingInterrupted
from renet.common.progress import Progress
from renet.config.recipe import Recipe
from renet.dataset.hdf5 import FaceFile
from renet.network.loader import Loader
from renet.network.model import Network
from renet.training import age_groups, history, processes, schedule, train_step
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
        check_faces(model, recipe, *filter(None, (faces, validation)))
        self.model, self.device = model, next(model.parameters()).device
        self.recipe, self.faces = recipe, faces
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
        show_progress: bool = True,
    ) -> None:
        """Train up to the recipe's number of epochs.

        Args:
            checkpoint: where to write checkpoints; None writes none, and SIGTERM ends the process.
            after_epoch: called after every epoch, in rank 0.

        Raises:
            InputError: the loss became NaN or infinite; the last checkpoint stays.
            TrainingInterrupted: SIGTERM or SIGINT came; a checkpoint was written.
        """
        self._checkpoint = checkpoint
        with contextlib.ExitStack() as stack:
            self._stop = stack.enter_context(stop_requests()) if checkpoint else []
            loader = Loader(self.faces.pixels, self._labels(), self.device)
            batches = stack.enter_context(contextlib.closing(self._batches(loader)))
            while self.epoch < self.recipe.epochs:
                self.throughput.start(loader)
                self._train_epoch(batches, show_progress)
                self._end_epoch()
                if processes.is_main():
                    after_epoch(self)
                self._save()
        best = self.validation.best
        self.model.load_state_dict(best["state"] if best else self.evaluated.state_dict())
        if self.recipe.age_weight:
            age_groups.drop_outputs(self.model)

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

    def _labels(self) -> np.ndarray:
        """What the loader gives with each face: its class, or its joint class and age group."""
        faces = self.faces
        if not self.recipe.age_weight:
            return faces.targets
        return age_groups.joint_classes(faces.targets, faces.class_count, faces.ages)

    def _batches(self, loader: Loader) -> Generator[Batch, None, None]:
        """The batches of all updates that are left, read ahead and augmented."""
        recipe, count = self.recipe, len(self.faces)
        labels = age_groups.label_count(recipe, self.faces.class_count)
        changes = Augmentation.from_recipe(recipe, count, labels)
        parts, ahead = itertools.tee(schedule.batches(recipe, count, self.updates))
        rows = (changes.rows_to_read(own, epoch) if changes else own for epoch, own, _ in ahead)
        with contextlib.closing(loader.batches(rows)) as loaded:
            for (epoch, own, fraction), (pixels, targets) in zip(parts, loaded, strict=True):
                if changes:
                    pixels, targets = changes(pixels, targets, own, epoch)
                yield pixels, targets, fraction

    def _train_epoch(self, batches: Iterator[Batch], show_progress: bool) -> None:
        self.model.train()
        progress = Progress(
            total=len(self.faces), initial=self.images, unit=" img",
            desc=f"epoch {self.epoch + 1}/{self.recipe.epochs}",
            disable=not (show_progress and processes.is_main()),
        )  # fmt: skip
        with progress:
            for batch in itertools.islice(batches, self._steps_of_epoch - self.steps):
                self._update(*batch)
                if self.images == len(self.faces) or self.steps % SYNC_EVERY[self.device.type] == 0:
                    self._show_metrics(progress)
                    self._stop_or_save()

    def _update(self, pixels: Tensor, targets: Tensor, fraction: float) -> None:
        self.step.set_rate(schedule.rate(self.recipe, self.updates, self._steps_of_epoch))
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
                f"The training was stopped in epoch {self.epoch + 1}; start it again to continue "
                "from its checkpoint."
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
            loss, accuracy = self.validation.measure()
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
            f"rate of {self.recipe.learning_rate}; lower `train.learning_rate`, which starts the "
            "training anew."
        )


def check_faces(model: Network, recipe: Recipe, *files: FaceFile) -> None:
    """Refuse faces whose size or number of classes is not the network's."""
    classes = model.architecture.classes - age_groups.extra_outputs(recipe)
    for faces in files:
        if (faces.shape, faces.class_count) != (model.input_shape, classes):
            raise InputError(
                f"{faces.path} has {faces.class_count} classes and faces of shape {faces.shape}, "
                f"but the network is for {classes} classes and {model.input_shape}; give other "
                "faces, or train another network."
            )
