"""The course's training loop (section 3.2.5), made to be interrupted and to be shared."""

import contextlib
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

from renet.common.errors import InputError, TrainingInterrupted
from renet.common.progress import Progress
from renet.config.recipe import Recipe
from renet.dataset.hdf5 import FaceFile
from renet.network import devices, inference, loader
from renet.network.layers import BatchNorm
from renet.network.models import ReNet
from renet.training import memory, train_step
from renet.training.checkpoints import Checkpoint
from renet.training.process_group import ALONE, World

HISTORY_COLUMNS = [
    "epoch", "learning_rate", "loss", "accuracy", "validation_loss", "validation_accuracy",
]  # fmt: skip
THROUGHPUT_COLUMNS = [
    "epoch", "images", "seconds", "images_per_second", "waiting_share", "memory_mb",
    "gpu_memory_mb",
]  # fmt: skip

MUCH_TO_LOSE = 30.0  # seconds of training without a checkpoint

# Batches between two looks at the sums: each look makes a GPU wait for the host.
LOOK_EVERY = {"cpu": 1, "cuda": 20}


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
        world: World = ALONE,
    ):
        """Prepare a training from its start.

        Args:
            checkpoint: where to leave checkpoints; None leaves none.
            after_epoch: called after every epoch, in the first process, for instance to save a
                model.
            world: the processes that train together.

        Raises:
            InputError: the faces are not of the network's size or number of classes, or the device
                is not there.
        """
        for faces in (train, validation):
            if (faces.shape, faces.class_count) != (model.input_shape, model.architecture.classes):
                raise InputError(
                    f"{faces.path} has {faces.class_count} classes of faces of shape {faces.shape} "
                    f"and the network is for {model.architecture.classes} of {model.input_shape}."
                )
        compute = devices.Compute(recipe.device, recipe.precision, recipe.threads)
        self.device = devices.choose(compute, local_rank=world.local_rank)
        self.model = devices.to_device(model, self.device, recipe.precision)
        for module in self.model.modules():
            if isinstance(module, BatchNorm):
                module.synchronised = recipe.sync_batchnorm and world.size > 1
        self.recipe, self.train, self.validation, self.world = recipe, train, validation, world
        self.step = train_step.make_train_step(self.model, recipe, world.size)
        self.optimizer = self.step.optimizer
        self.checkpoint, self.after_epoch = checkpoint, after_epoch
        self.epoch = 0  # whole epochs done
        self.sums = EpochSums()  # of the epoch that has begun
        self.history: list[dict] = []
        self.throughput: list[dict] = []
        self.best: dict | None = None
        self._stop_asked = False
        self._saved = time.monotonic()
        self._next_checkpoint = math.inf

    def state(self) -> dict:
        """All but the weights: plain values and tensors, to be given to `restore`.

        The order of an epoch follows from seed and epoch, and nothing else is drawn: so the
        number of images seen in this epoch is the sampler's position, and there are no further
        random states.
        """
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
            if self.epoch < self.recipe.epochs:
                feed = loader.make_feed(self.train.pixels, self.train.targets, self.device)
            while self.epoch < self.recipe.epochs:
                self._run_epoch(feed)
                self._save_checkpoint()
        finally:
            signal.signal(signal.SIGTERM, before)
        if self.recipe.keep == "best" and self.best:
            self.model.load_state_dict(self.best["state"])

    def _ask_to_stop(self, signal_number: int, frame: object) -> None:
        self._stop_asked = True

    def _run_epoch(self, feed: loader.StreamedFaces | loader.ResidentFaces) -> None:
        meter = EpochMeter(self.sums.images, feed.waited, self.device)
        self._next_checkpoint = self._checkpoint_due()
        self.model.train()
        look_every = LOOK_EVERY[self.device.type]
        shares = list(self._rest_of_epoch())
        with (
            contextlib.closing(feed.batches(share.rows for share in shares)) as faces,
            self._progress() as progress,
        ):
            unseen = EpochSums()  # batches since the last look
            for share, (pixels, targets) in zip(shares, faces, strict=True):
                self.step(pixels, targets, share.weight)
                unseen.images += share.images
                unseen.steps += 1
                last = self.sums.images + unseen.images == len(self.train)
                if last or (self.sums.steps + unseen.steps) % look_every == 0:
                    self._look(unseen)
                    progress.set_postfix_str(self._in_words(meter), refresh=False)
                    progress.update(unseen.images)
                    unseen = EpochSums()
        if shares:
            self.throughput.append(meter.row(self.epoch + 1, self.sums.images, feed.waited))
        self._end_epoch()

    def _progress(self) -> Progress:
        return Progress(
            total=len(self.train),
            initial=self.sums.images,
            desc=f"epoch {self.epoch + 1}/{self.recipe.epochs}",
            unit=" img",
            disable=Progress.off or not self.world.is_first,
        )

    def _rest_of_epoch(self) -> Iterator["Share"]:
        order = epoch_order(len(self.train), self.recipe, self.epoch)
        for start in range(self.sums.images, len(order), self.recipe.batch_size):
            yield Share.of(order[start : start + self.recipe.batch_size], self.world)

    def _look(self, unseen: "EpochSums") -> None:
        """Read the sums from the device, and do what they, the clock and the system ask for.

        All processes look after the same batches, and come to the same decisions.
        """
        loss, correct, finite = self.step.take_sums()
        due = self.world.is_first and time.monotonic() > self._next_checkpoint
        told = [loss, correct, unseen.steps - finite, self._stop_asked, due]
        loss, correct, wrong, stop_asked, due = self.world.total(told, self.device)
        if wrong:
            raise InputError(
                f"The loss is no finite number in epoch {self.epoch + 1}, batch "
                f"{self.sums.steps + finite + 1}, at a learning rate of "
                f"{self.recipe.learning_rate}; lower train.learning_rate."
            )
        self.sums.add(loss, int(correct), unseen)
        if stop_asked:
            self._save_checkpoint()
            raise TrainingInterrupted(
                f"The training was told to stop in epoch {self.epoch + 1}; start it again to go "
                "on from its checkpoint."
            )
        if due:
            self._save_checkpoint()
            self._next_checkpoint = self._checkpoint_due()

    def _checkpoint_due(self) -> float:
        return time.monotonic() + 60 * self.recipe.checkpoint_minutes

    def _in_words(self, meter: "EpochMeter") -> str:
        to_do = (self.recipe.epochs - self.epoch) * len(self.train) - self.sums.images
        return f"{self.sums}, all done in {meter.time_for(to_do, self.sums.images)}"

    def _end_epoch(self) -> None:
        validates = self.recipe.validates_after(self.epoch + 1)
        if validates and time.monotonic() - self._saved > MUCH_TO_LOSE:
            self._save_checkpoint()  # a validation may last longer than SIGTERM leaves time
        self.epoch += 1
        row = {
            "epoch": self.epoch,
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            "loss": self.sums.loss / self.sums.images,
            "accuracy": self.sums.correct / self.sums.images,
            "validation_loss": None,
            "validation_accuracy": None,
        }
        if validates:
            row["validation_loss"], row["validation_accuracy"] = self.validate()
        self.history.append(row)
        self.sums = EpochSums()
        logging.info("%s", ", ".join(f"{name} {_short(row[name])}" for name in HISTORY_COLUMNS))
        if self.after_epoch and self.world.is_first:
            self.after_epoch(self)

    def validate(self) -> tuple[float, float]:
        """Mean loss and accuracy on the validation set, of the network as it is."""
        # Where each process normalises for itself, the first one's statistics are the network's.
        self.world.take_from_first(self.model.buffers())
        ours = self.world.share(len(self.validation))
        logits = inference.logits(
            self.model, self.validation.pixels[ours], self.device, self.recipe.precision
        )
        logits = self.world.gather(logits)
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

    def _save_checkpoint(self) -> None:
        if self.checkpoint and self.world.is_first:
            self.checkpoint.save(self.model, self.state())
        self._saved = time.monotonic()


@dataclasses.dataclass
class EpochSums:
    """Sums over the batches of the running epoch, of all processes."""

    loss: float = 0.0
    correct: int = 0
    images: int = 0
    steps: int = 0

    def add(self, loss: float, correct: int, unseen: "EpochSums") -> None:
        """Count the batches since the last look; `loss` is summed over their images."""
        self.loss += loss
        self.correct += correct
        self.images += unseen.images
        self.steps += unseen.steps

    def __str__(self) -> str:
        return f"loss {self.loss / self.images:.4f}, accuracy {self.correct / self.images:.3f}"


@dataclasses.dataclass(frozen=True)
class Share:
    """A process's part of a batch.

    Attributes:
        rows: (n,) of the set.
        weight: of the mean loss over them, so that the mean over all processes is that over the
            batch. A process that an epoch's short last batch leaves without samples takes its
            last one, with weight 0.
        images: in the whole batch.
    """

    rows: np.ndarray
    weight: float
    images: int

    @classmethod
    def of(cls, batch: np.ndarray, world: World) -> "Share":
        """The part of `batch` that this process takes."""
        rows = batch[world.share(len(batch))]
        weight = len(rows) * world.size / len(batch)
        return cls(rows if len(rows) else batch[-1:], weight, len(batch))


class EpochMeter:
    """What the clock and the memory said while an epoch ran."""

    def __init__(self, images: int, waited: float, device: torch.device):
        """Begin, with so many images done and so many seconds waited for batches before."""
        self._images, self._waited, self._device = images, waited, device
        self._started = time.perf_counter()
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        self._memory = memory.HighWater()

    def time_for(self, images: int, images_done: int) -> str:
        """How long so many images will take at this epoch's pace."""
        self._memory.look()
        pace = (time.perf_counter() - self._started) / max(1, images_done - self._images)
        return Progress.format_interval(pace * images)

    def row(self, epoch: int, images_done: int, waited: float) -> dict:
        """A row of throughput.csv."""
        seconds, images = time.perf_counter() - self._started, images_done - self._images
        gpu = 0
        if self._device.type == "cuda":
            gpu = torch.cuda.max_memory_allocated(self._device)
        row = (
            epoch,
            images,
            round(seconds, 3),
            round(images / seconds, 1),
            round((waited - self._waited) / seconds, 4),
            round(self._memory.look() / 1e6),
            round(gpu / 1e6),
        )
        return dict(zip(THROUGHPUT_COLUMNS, row, strict=True))


def epoch_order(count: int, recipe: Recipe, epoch: int) -> np.ndarray:
    """The order of the samples in an epoch (0-based): the file's, or one drawn for this epoch."""
    if not recipe.reshuffle:
        return np.arange(count)
    return np.random.default_rng([recipe.seed, epoch]).permutation(count)


def to_csv(rows: list[dict], columns: list[str]) -> str:
    """History or throughput as CSV text."""
    return pd.DataFrame(rows, columns=columns).to_csv(index=False)


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
