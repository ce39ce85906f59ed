"""The course's optimizer and training loop (section 3.2.5), made to be interrupted."""

import dataclasses
import logging
import math
import signal
import time
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F

from renet import devices, inference
from renet.checkpoints import Checkpoint
from renet.errors import InputError
from renet.hdf5 import FaceFile
from renet.models import ReNet
from renet.progress import Progress

HISTORY_COLUMNS = [
    "epoch", "learning_rate", "loss", "accuracy", "validation_loss", "validation_accuracy",
]  # fmt: skip
THROUGHPUT_COLUMNS = ["epoch", "images", "seconds", "images_per_second"]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What the config's section `train` says; the defaults are the course's training.

    Attributes:
        epochs: passes over the training set, in all.
        batch_size: samples an update; the last batch of an epoch may be smaller.
        learning_rate, momentum, weight_decay: of stochastic gradient descent; the decay is of all
            parameters, biases and batch normalisation included, as in neon.
        nesterov: Nesterov's momentum. The course's text names it; its code, and neon, do without.
        seed: of the initial weights, and of the order where `reshuffle` is on.
        reshuffle: a new order every epoch. neon keeps the file's order.
        keep: `last` epoch's weights, or the `best` by loss on the validation set.
        device: auto, cpu or cuda.
        precision: float32, bfloat16 (arithmetic only) or float64.
        threads: what torch computes with; sums of floats depend on it.
        validate_every: epochs between two looks at the validation set.
        checkpoint_minutes: longest time between two checkpoints; there is one after each epoch too.
    """

    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 0.01
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0005
    seed: int = 1
    reshuffle: bool = False
    keep: str = "last"
    device: str = "auto"
    precision: str = "float32"
    threads: int = 2
    validate_every: int = 1
    checkpoint_minutes: float = 10


class TrainingInterrupted(InputError):
    """The training was told to stop (SIGTERM) and has left a checkpoint."""


def make_optimizer(model: torch.nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """neon's `GradientDescentMomentum`, which equals torch's SGD on the mean loss."""
    return torch.optim.SGD(
        model.parameters(),
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=recipe.nesterov,
        fused=True,  # one pass over the 25 million parameters
    )


def loss_and_accuracy(logits: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
    """Mean cross-entropy (natural logarithm) and share of right answers, ties to class 0."""
    values, classes = torch.from_numpy(logits), torch.from_numpy(targets)
    return F.cross_entropy(values, classes).item(), float((logits.argmax(1) == targets).mean())


class Trainer:
    """One training run: the network, its optimizer, and how far they have come."""

    def __init__(
        self,
        model: ReNet,
        recipe: Recipe,
        train: FaceFile,
        validation: FaceFile,
        checkpoint: Checkpoint | None = None,
        after_epoch: Callable[["Trainer"], None] | None = None,
    ):
        """Prepare a training from its start.

        Args:
            checkpoint: where to leave checkpoints; None leaves none.
            after_epoch: called after every epoch, for instance to save a snapshot.

        Raises:
            InputError: the faces are not of the network's size or number of classes.
        """
        for faces in (train, validation):
            if (faces.shape, faces.class_count) != (model.input_shape, model.architecture.classes):
                raise InputError(
                    f"{faces.path} has {faces.class_count} classes of faces of shape {faces.shape} "
                    f"and the network is for {model.architecture.classes} of {model.input_shape}."
                )
        torch.set_num_threads(recipe.threads)
        self.device = devices.choose(recipe.device)
        self.model = model.to(
            self.device, devices.weight_dtype(recipe.precision), memory_format=torch.channels_last
        )
        self.recipe, self.train, self.validation = recipe, train, validation
        self.optimizer = make_optimizer(self.model, recipe)
        self.checkpoint, self.after_epoch = checkpoint, after_epoch
        self.epoch = 0  # whole epochs done
        self.sums = EpochSums()  # of the epoch that has begun
        self.history: list[dict] = []
        self.throughput: list[dict] = []
        self.best: dict | None = None
        self._stop_asked = False

    def state(self) -> dict:
        """All but the weights: plain values and tensors, to be given to `restore`."""
        return {
            "epoch": self.epoch,
            "sums": dataclasses.asdict(self.sums),
            "optimizer": self.optimizer.state_dict(),
            "history": self.history,
            "throughput": self.throughput,
            "best": self.best,
        }

    def restore(self, content: dict) -> None:
        """Go on from a model file with a training's state, as `models.read` returns it."""
        self.model.load_state_dict(content["state"])
        state = content["training"]
        self.epoch = state["epoch"]
        self.sums = EpochSums(**state["sums"])
        ours = [dict(group) for group in self.optimizer.param_groups]
        self.optimizer.load_state_dict(state["optimizer"])
        for group, settings in zip(self.optimizer.param_groups, ours, strict=True):
            group.update(settings)  # the recipe counts, not that of the stored training
        self.history, self.throughput = state["history"], state["throughput"]
        self.best = state["best"]
        logging.info("Going on after epoch %d, batch %d", self.epoch, self.sums.steps)

    def run(self) -> None:
        """Train up to the recipe's number of epochs.

        Raises:
            InputError: the loss became NaN or infinite; the last checkpoint stays.
            TrainingInterrupted: SIGTERM came; a checkpoint was left.
        """
        before = signal.getsignal(signal.SIGTERM)
        if self.checkpoint:  # without one there is nothing to stop for
            signal.signal(signal.SIGTERM, self._ask_to_stop)
        try:
            while self.epoch < self.recipe.epochs:
                self._run_epoch()
                self._save_checkpoint()
        finally:
            signal.signal(signal.SIGTERM, before)
        if self.recipe.keep == "best" and self.best:
            self.model.load_state_dict(self.best["state"])

    def _ask_to_stop(self, signal_number: int, frame: object) -> None:
        self._stop_asked = True

    def _run_epoch(self) -> None:
        next_checkpoint = time.monotonic() + 60 * self.recipe.checkpoint_minutes
        started, images_before = time.perf_counter(), self.sums.images
        self.model.train()
        with Progress(
            total=len(self.train),
            initial=self.sums.images,
            desc=f"epoch {self.epoch + 1}/{self.recipe.epochs}",
            unit=" img",
        ) as progress:
            for batch in self._batches():
                self._step(*batch)
                progress.update(len(batch[1]))
                progress.set_postfix_str(str(self.sums), refresh=False)
                if self._stop_asked:
                    self._save_checkpoint()
                    raise TrainingInterrupted(
                        f"The training was told to stop in epoch {self.epoch + 1}; start it again "
                        f"to go on from {self.checkpoint.path}."
                    )
                if time.monotonic() > next_checkpoint:
                    self._save_checkpoint()
                    next_checkpoint = time.monotonic() + 60 * self.recipe.checkpoint_minutes
        self._note_throughput(self.sums.images - images_before, time.perf_counter() - started)
        self._end_epoch()

    def _batches(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """The rest of this epoch's batches, on the device."""
        order = epoch_order(len(self.train), self.recipe, self.epoch)
        for start in range(self.sums.images, len(order), self.recipe.batch_size):
            rows = order[start : start + self.recipe.batch_size]
            pixels = torch.from_numpy(self.train.pixels[rows]).to(self.device)
            targets = torch.from_numpy(self.train.targets[rows]).to(self.device)
            yield pixels.contiguous(memory_format=torch.channels_last), targets

    def _step(self, pixels: torch.Tensor, targets: torch.Tensor) -> None:
        with devices.arithmetic(self.recipe.precision, self.device):
            logits = self.model(pixels)
        loss = F.cross_entropy(logits.to(self.model.norm.mean.dtype), targets)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.sums.add(loss.item(), (logits.argmax(1) == targets).sum().item(), len(targets))
        if not math.isfinite(self.sums.loss):
            raise InputError(
                f"The loss is {loss.item()} in epoch {self.epoch + 1}, batch {self.sums.steps}, at "
                f"a learning rate of {self.recipe.learning_rate}; lower train.learning_rate."
            )

    def _end_epoch(self) -> None:
        self.epoch += 1
        row = {
            "epoch": self.epoch,
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            "loss": self.sums.loss / self.sums.images,
            "accuracy": self.sums.correct / self.sums.images,
            "validation_loss": None,
            "validation_accuracy": None,
        }
        if self.epoch % self.recipe.validate_every == 0 or self.epoch == self.recipe.epochs:
            row["validation_loss"], row["validation_accuracy"] = self.validate()
        self.history.append(row)
        self.sums = EpochSums()
        logging.info("%s", ", ".join(f"{name} {_short(row[name])}" for name in HISTORY_COLUMNS))
        if self.after_epoch:
            self.after_epoch(self)

    def validate(self) -> tuple[float, float]:
        """Mean loss and accuracy on the validation set, of the network as it is."""
        logits = inference.logits(
            self.model, self.validation.pixels, self.device, self.recipe.precision
        )
        if not logits.any():
            logging.warning(
                "The network has died: the ReLU before the softmax gives 0 for every validation "
                "face, so that it answers one class for all and learns no more. Another train.seed "
                "or a lower train.learning_rate may help."
            )
        loss, accuracy = loss_and_accuracy(logits, self.validation.targets)
        if self.recipe.keep == "best" and (self.best is None or loss < self.best["loss"]):
            weights = {name: value.clone() for name, value in self.model.state_dict().items()}
            self.best = {"epoch": self.epoch, "loss": loss, "state": weights}
        return loss, accuracy

    def _note_throughput(self, images: int, seconds: float) -> None:
        row = (self.epoch + 1, images, round(seconds, 3), round(images / seconds, 1))
        self.throughput.append(dict(zip(THROUGHPUT_COLUMNS, row, strict=True)))

    def _save_checkpoint(self) -> None:
        if self.checkpoint:
            self.checkpoint.save(self.model, self.state())


@dataclasses.dataclass
class EpochSums:
    """Sums over the batches of the running epoch."""

    loss: float = 0.0
    correct: int = 0
    images: int = 0
    steps: int = 0

    def add(self, mean_loss: float, correct: int, images: int) -> None:
        """Count one batch."""
        self.loss += mean_loss * images
        self.correct += correct
        self.images += images
        self.steps += 1

    def __str__(self) -> str:
        return f"loss {self.loss / self.images:.4f}, accuracy {self.correct / self.images:.3f}"


def epoch_order(count: int, recipe: Recipe, epoch: int) -> np.ndarray:
    """The order of the samples in an epoch (0-based): the file's, or one drawn for this epoch."""
    if not recipe.reshuffle:
        return np.arange(count)
    return np.random.default_rng([recipe.seed, epoch]).permutation(count)


def table(rows: list[dict], columns: list[str]) -> str:
    """History or throughput as CSV text."""
    return pd.DataFrame(rows, columns=columns).to_csv(index=False)


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
