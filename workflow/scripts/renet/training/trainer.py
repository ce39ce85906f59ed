"""The course's training loop (section 3.2.5), interruptible and for several processes."""

import contextlib
import dataclasses
import logging
import math
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
import torch.nn.functional as F

from renet.common.errors import InputError, TrainingInterrupted
from renet.common.progress import Progress
from renet.config.recipe import Recipe
from renet.dataset.hdf5 import FaceFile
from renet.network import devices, inference
from renet.network.batch_norm import BatchNorm
from renet.network.loader import DeviceLoader, StreamingLoader, make_loader
from renet.network.model import ReNet
from renet.training import train_step
from renet.training.checkpoints import Checkpoint
from renet.training.process_group import SINGLE_PROCESS, ProcessGroup, on_sigterm
from renet.training.throughput import EpochMeter

# No checkpoint is written before a validation if the latest one is younger than this, in seconds.
MIN_CHECKPOINT_GAP = 30.0

# Batches from one reading of the metrics to the next: on a GPU, each waits for the device.
SYNC_EVERY = {"cpu": 1, "cuda": 20}


class Trainer:
    """A training: the network, its optimizer and its progress.

    Attributes:
        epoch: number of completed epochs.
        sums: of the epoch that is under way.
        history, throughput: a row for each completed epoch; see `renet.training.history`.
        best: epoch, loss and weights of the lowest validation loss, with select_epoch: best.
    """

    def __init__(
        self,
        model: ReNet,
        recipe: Recipe,
        train: FaceFile,
        validation: FaceFile,
        group: ProcessGroup = SINGLE_PROCESS,
    ):
        """Prepare a training from its start.

        Raises:
            InputError: size or number of classes of the faces is not the network's, or the device
                does not exist.
        """
        for faces in (train, validation):
            if (faces.shape, faces.class_count) != (model.input_shape, model.architecture.classes):
                raise InputError(
                    f"{faces.path} has {faces.class_count} classes of faces of shape {faces.shape} "
                    f"and the network is for {model.architecture.classes} of {model.input_shape}."
                )
        self.device = devices.choose(recipe.device, recipe.threads, group.local_rank)
        self.model = devices.to_device(model, self.device, recipe.precision)
        for module in self.model.modules():
            if isinstance(module, BatchNorm):
                module.synchronised = recipe.sync_batchnorm and group.world_size > 1
        self.recipe, self.train, self.validation, self.group = recipe, train, validation, group
        self.step = train_step.make_train_step(self.model, recipe, group.world_size)
        self.optimizer = self.step.optimizer
        self.epoch, self.sums = 0, EpochSums()
        self.history: list[dict] = []
        self.throughput: list[dict] = []
        self.best: dict | None = None
        self._checkpoint: Checkpoint | None = None
        self._last_checkpoint, self._next_checkpoint = time.monotonic(), math.inf
        self._stop_requested = False

    def state(self) -> dict:
        """The state of the training without the weights, for `restore`: plain values and tensors.

        The order of an epoch follows from seed and epoch, and nothing else is random. The number of
        images of this epoch is therefore the position in the data, and there is no random state.
        """
        return {
            "epoch": self.epoch,
            "sums": dataclasses.asdict(self.sums),
            "optimizer": self.optimizer.state_dict(),
            "history": self.history,
            "throughput": self.throughput,
            "best": self.best,
        }

    def restore(self, saved: dict) -> None:
        """Continue from a model file with a training's state, as `model_file.read` returns it."""
        self.model.load_state_dict(saved["state"])
        state = saved["training"]
        self.epoch = state["epoch"]
        self.sums = EpochSums(**state["sums"])
        ours = [dict(group) for group in self.optimizer.param_groups]
        self.optimizer.load_state_dict(state["optimizer"])
        for group, settings in zip(self.optimizer.param_groups, ours, strict=True):
            group.update(settings)  # those of this recipe, not of the saved training
        self.history, self.throughput = state["history"], state["throughput"]
        self.best = state["best"]
        logging.info("Continuing after epoch %d, batch %d", self.epoch, self.sums.steps)

    def run(
        self,
        checkpoint: Checkpoint | None = None,
        after_epoch: Callable[["Trainer"], None] | None = None,
        show_progress: bool = True,
    ) -> None:
        """Train up to the recipe's number of epochs.

        Args:
            checkpoint: where to write checkpoints; None writes none, and SIGTERM ends the process.
            after_epoch: called after every epoch, in rank 0.

        Raises:
            InputError: the loss became NaN or infinite; the last checkpoint stays.
            TrainingInterrupted: SIGTERM came; a checkpoint was written.
        """
        self._checkpoint = checkpoint
        with on_sigterm(self._request_stop) if checkpoint else contextlib.nullcontext():
            if self.epoch < self.recipe.epochs:
                loader = make_loader(self.train.pixels, self.train.targets, self.device)
            while self.epoch < self.recipe.epochs:
                self._run_epoch(loader, show_progress)
                self._end_epoch()
                if after_epoch and self.group.is_main:
                    after_epoch(self)
                self._save_checkpoint()
        if self.recipe.select_epoch == "best" and self.best:
            self.model.load_state_dict(self.best["state"])

    def _request_stop(self, signal_number: int, frame: object) -> None:
        self._stop_requested = True

    def _run_epoch(self, loader: StreamingLoader | DeviceLoader, show_progress: bool) -> None:
        meter = EpochMeter(self.sums.images, loader.data_wait, self.device)
        self._next_checkpoint = self._checkpoint_due()
        self.model.train()
        sync_every = SYNC_EVERY[self.device.type]
        slices = list(self._rest_of_epoch())
        progress = Progress(
            total=len(self.train),
            initial=self.sums.images,
            desc=f"epoch {self.epoch + 1}/{self.recipe.epochs}",
            unit=" img",
            disable=not (show_progress and self.group.is_main),
        )
        with contextlib.closing(loader.batches(part.rows for part in slices)) as batches, progress:
            pending = EpochSums()  # batches since the last reading of the metrics
            for part, (pixels, targets) in zip(slices, batches, strict=True):
                self.step(pixels, targets, part.loss_weight)
                pending.images += part.batch_size
                pending.steps += 1
                last = self.sums.images + pending.images == len(self.train)
                if last or (self.sums.steps + pending.steps) % sync_every == 0:
                    self._sync_metrics(pending)
                    progress.set_postfix_str(self._describe(meter), refresh=False)
                    progress.update(pending.images)
                    pending = EpochSums()
        if slices:
            self.throughput.append(meter.row(self.epoch + 1, self.sums.images, loader.data_wait))

    def _rest_of_epoch(self) -> Iterator["BatchSlice"]:
        order = epoch_order(len(self.train), self.recipe, self.epoch)
        for start in range(self.sums.images, len(order), self.recipe.batch_size):
            yield BatchSlice.of(order[start : start + self.recipe.batch_size], self.group)

    def _sync_metrics(self, pending: "EpochSums") -> None:
        """Read the sums from the device; stop or write a checkpoint if that is due.

        All processes call this after the same batches, and come to the same decisions.
        """
        loss, correct, finite = self.step.take_sums()
        due = self.group.is_main and time.monotonic() > self._next_checkpoint
        ours = [loss, correct, pending.steps - finite, self._stop_requested, due]
        loss, correct, not_finite, stop, due = self.group.all_reduce(ours, self.device)
        if not_finite:
            raise InputError(
                f"The loss is NaN or infinite in epoch {self.epoch + 1}, batch "
                f"{self.sums.steps + finite + 1}, at a learning rate of "
                f"{self.recipe.learning_rate}; lower train.learning_rate."
            )
        self.sums.add(loss, int(correct), pending)
        if stop:
            self._save_checkpoint()
            raise TrainingInterrupted(
                f"The training received SIGTERM in epoch {self.epoch + 1} and stopped; start it "
                "again to continue from its checkpoint."
            )
        if due:
            self._save_checkpoint()
            self._next_checkpoint = self._checkpoint_due()

    def _checkpoint_due(self) -> float:
        return time.monotonic() + self._checkpoint.seconds if self._checkpoint else math.inf

    def _describe(self, meter: EpochMeter) -> str:
        remaining = (self.recipe.epochs - self.epoch) * len(self.train) - self.sums.images
        return f"{self.sums}, all done in {meter.time_for(remaining, self.sums.images)}"

    def _end_epoch(self) -> None:
        validates = self.recipe.validates_after(self.epoch + 1)
        if validates and time.monotonic() - self._last_checkpoint > MIN_CHECKPOINT_GAP:
            self._save_checkpoint()  # a validation may take longer than the time after SIGTERM
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
        texts = ["-" if value is None else f"{value:.4g}" for value in row.values()]
        logging.info(", ".join(f"{name} %s" for name in row), *texts)

    def validate(self) -> tuple[float, float]:
        """Mean loss and accuracy on the validation set, of the network as it is."""
        # Without sync_batchnorm, each process has its own statistics; rank 0 has the network's.
        self.group.broadcast(self.model.buffers())
        ours = self.group.slice_of(len(self.validation))
        logits = inference.logits(
            self.model, self.validation.pixels[ours], self.device, self.recipe.precision
        )
        logits = self.group.all_gather(logits)
        if not logits.any():
            logging.warning(
                "Constant prediction: the ReLU before the softmax is 0 for every validation face, "
                "so that the network predicts one class for all and no longer learns. Another "
                "train.seed or a lower train.learning_rate may help."
            )
        targets = self.validation.targets
        loss = F.cross_entropy(torch.from_numpy(logits), torch.from_numpy(targets)).item()
        accuracy = float((logits.argmax(1) == targets).mean())  # a tie counts as class 0
        selects = self.recipe.select_epoch == "best"
        if selects and (self.best is None or loss < self.best["loss"]):
            weights = {name: value.clone() for name, value in self.model.state_dict().items()}
            self.best = {"epoch": self.epoch, "loss": loss, "state": weights}
        return loss, accuracy

    def _save_checkpoint(self) -> None:
        if self._checkpoint and self.group.is_main:
            self._checkpoint.save(self.model, self.state())
        self._last_checkpoint = time.monotonic()


@dataclasses.dataclass
class EpochSums:
    """Sums over batches of the current epoch, of all processes."""

    loss: float = 0.0
    correct: int = 0
    images: int = 0
    steps: int = 0

    def add(self, loss: float, correct: int, pending: "EpochSums") -> None:
        """Add the batches of `pending`; `loss` is the sum over their images."""
        self.loss += loss
        self.correct += correct
        self.images += pending.images
        self.steps += pending.steps

    def __str__(self) -> str:
        return f"loss {self.loss / self.images:.4f}, accuracy {self.correct / self.images:.3f}"


@dataclasses.dataclass(frozen=True)
class BatchSlice:
    """A process's slice of a batch.

    Attributes:
        rows: (n,), of the training set.
        loss_weight: factor of the mean loss over the slice that makes the mean over the processes
            the mean over the batch. If the last batch of an epoch has fewer samples than there are
            processes, an empty slice becomes the last sample, with weight 0.
        batch_size: of the whole batch.
    """

    rows: np.ndarray
    loss_weight: float
    batch_size: int

    @classmethod
    def of(cls, batch: np.ndarray, group: ProcessGroup) -> "BatchSlice":
        """The slice of `batch` for this process."""
        rows = batch[group.slice_of(len(batch))]
        loss_weight = len(rows) * group.world_size / len(batch)
        return cls(rows if len(rows) else batch[-1:], loss_weight, len(batch))


def epoch_order(count: int, recipe: Recipe, epoch: int) -> np.ndarray:
    """The order of the samples in an epoch (from 0): the file's, or a random one."""
    if not recipe.shuffle_each_epoch:
        return np.arange(count)
    return np.random.default_rng([recipe.seed, epoch]).permutation(count)
