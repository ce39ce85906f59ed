"""A network and a training that take less than a second, and faces for them."""

import contextlib
import functools
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.faces import write_hdf5
from renet.common.errors import TrainingInterrupted
from renet.config.model import Architecture, CnnArchitecture, ResNet18Architecture
from renet.config.train import Recipe
from renet.dataset import hdf5
from renet.network import devices, kinds
from renet.network.model import Network
from renet.training import launch, loop, processes
from renet.training.augmentation import CHANGES
from renet.training.loop import Trainer, TrainJob
from renet.training.settings import RunSettings

SMALL = Architecture(
    conv_channels=[4, 4, 4, 8],
    spatial_rnns=[{"units": 8, "block": [2, 2]}, {"units": 8, "block": [2, 2]}],
)
SMALL_BLOCKS = [{"units": 4, "block": [2, 2]}, {"units": 6, "block": [2, 4]}]
SMALL_KINDS = {
    "renet": Architecture(conv_channels=[4, 8], spatial_rnns=SMALL_BLOCKS),
    "cnn": CnnArchitecture(conv_channels=[4, 8], strided_convs=[{"channels": 8, "stride": [2, 2]}]),
    "resnet18": ResNet18Architecture(),
}
QUICK = Recipe(epochs=3, batch_size=8, threads=1, device="cpu", learning_rate=0.05)
MODERN = QUICK.replace(augment=[*CHANGES], mixup=0.2, ema=0.9,
    label_smoothing=0.1, schedule="cosine", warm_up=0.5, shuffle_each_epoch=True,
    select_epoch="best", optimizer="adamw", learning_rate=0.005, age_weight=0.3,
)  # fmt: skip


def new_network(architecture=SMALL, side: int = 32, seed: int = 1, mean=None) -> Network:
    """A network with its initial weights, for faces of so many pixels on a side."""
    network = kinds.build((3, side, side), architecture, mean)
    network.init_weights(seed)
    return network


def write_faces(path, count: int = 44, seed: int = 0):
    """Faces of 32 x 32 pixels; those of class 1 are lighter."""
    random = np.random.default_rng(seed)
    targets = random.integers(0, 2, count)
    light = 80 + 60 * targets[:, None, None, None]
    pixels = (light + random.integers(-60, 60, (count, 3, 32, 32))).clip(0, 255).astype(np.uint8)
    write_hdf5(path, pixels, targets)
    return hdf5.read(path)


@pytest.fixture
def faces(tmp_path):
    """A training set and a validation set, train.h5 and validation.h5."""
    return write_faces(tmp_path / "train.h5"), write_faces(tmp_path / "validation.h5", 20, 1)


class PowerCut(Exception):
    """Stands for anything that ends a process between two steps."""


@contextlib.contextmanager
def terminated_before(update: int) -> Iterator[list]:
    """Send SIGTERM before an update, from 1 (0: never), and expect the end; yield those begun."""
    updates, update_weights = [], Trainer._update

    def terminate(trainer: Trainer, *batch: object) -> None:
        updates.append(batch)
        if len(updates) == update:
            signal.raise_signal(signal.SIGTERM)
        update_weights(trainer, *batch)

    ends = pytest.raises(TrainingInterrupted) if update else contextlib.nullcontext()
    with pytest.MonkeyPatch.context() as patch, ends:
        patch.setattr(Trainer, "_update", terminate)
        yield updates


@contextlib.contextmanager
def after_each_update(action: Callable[[], object]) -> Iterator[None]:
    update_weights = Trainer._update

    def update(trainer: Trainer, *batch: object) -> None:
        update_weights(trainer, *batch)
        action()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "_update", update)
        yield


@contextlib.contextmanager
def forked_processes() -> Iterator[None]:
    """Let `launch` fork its processes, which then need not import PyTorch."""
    with pytest.MonkeyPatch.context() as patch:
        config = functools.partial(launch.LaunchConfig, start_method="fork")
        patch.setattr(launch, "LaunchConfig", config)
        yield


def train_job(folder: Path, settings: RunSettings, **options: object) -> TrainJob:
    """The rule `train` on the faces in a folder, with its results in the folder's `run`."""
    run_folder = folder / "run"
    required = {"checkpoint_seconds": 3600, "code": "code", "gpu": 0}
    return TrainJob(
        settings=settings, faces=folder / "train.h5", validation=folder / "validation.h5",
        model=run_folder / "model.pt", history=run_folder / "history.csv",
        throughput=run_folder / "throughput.csv", **required | options,
    )  # fmt: skip


def make_trainer(faces, recipe=QUICK, saved=None) -> Trainer:
    device = loop.choose_device(recipe)
    return loop.build(RunSettings(SMALL, recipe), device, *faces, saved=saved)


def train(faces, recipe=QUICK, **options) -> Trainer:
    """A finished training; `options` are those of `Trainer.run`."""
    trainer = make_trainer(faces, recipe)
    trainer.run(**options)
    return trainer


def weights_of(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in trainer.model.state_dict().items()}


def same(first: dict, second: dict) -> bool:
    return all(torch.equal(value, second[name]) for name, value in first.items())


def train_and_save(folder: str, recipe: Recipe) -> None:
    """Train in one process of a test, in float64, and save weights and history."""
    faces = hdf5.read(f"{folder}/train.h5"), hdf5.read(f"{folder}/validation.h5")
    with pytest.MonkeyPatch.context() as patch:  # where another order of additions shows least
        patch.setattr(devices, "to_device", lambda model, on: model.to(on, torch.float64))
        trainer = loop.build(RunSettings(SMALL, recipe), loop.choose_device(recipe), *faces)
    trainer.run()
    outcome = {"history": trainer.history, "state": trainer.model.state_dict()}
    torch.save(outcome, f"{folder}/outcome-{recipe.processes}-{processes.rank()}.pt")
