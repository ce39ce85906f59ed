"""Checks that a GPU computes what a CPU computes, in all ways that the code has.

    python benchmarks/gpu_check.py                        # all checks
    python benchmarks/gpu_check.py -k Updates -k memory   # some
    python benchmarks/gpu_check.py --help                 # the options of Python's unittest

Each check prints the differences that it found. It is skipped if the machine lacks what it needs:
`Kernels` and `Updates` need only torch, NumPy and pydantic, `Trainings` and `TwoGpus` all packages
of requirements.txt, and the latter two GPUs. The exit status is 0 only if a GPU passed each check
that was not skipped. benchmarks/train.py measures the speed.
"""

import contextlib
import dataclasses
import itertools
import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path

import measuring
import numpy as np
import torch
from torch import Tensor

from renet.common import errors
from renet.common.errors import TrainingInterrupted
from renet.config.model import Architecture, CnnArchitecture, ResNet18Architecture
from renet.config.train import Recipe
from renet.network import devices, kinds
from renet.network.loader import Loader
from renet.network.model import Network, infer
from renet.training import age_groups
from renet.training.train_step import MovingAverage, TrainStep

try:
    from helpers.faces import write_hdf5
    from renet.dataset.hdf5 import FaceFile
    from renet.training import loop, processes
    from renet.training.augmentation import Augmentation
    from renet.training.folder import Checkpoint
    from renet.training.launch import launch

    ABSENT = None
except ModuleNotFoundError as absent:
    ABSENT = absent.name

CPU = torch.device("cpu")
RENETS = {
    **{cell: {"cell": cell} for cell in ("tanh", "relu", "gru", "lstm")},
    "modern": {"residual": True, "sweep_norm": True, "classifier": "plain"},
}
OTHERS = {"cnn": CnnArchitecture(), "resnet18": ResNet18Architecture()}
MODERN = {
    "optimizer": "adamw", "learning_rate": 0.001, "schedule": "cosine", "warm_up": 0.5, "ema": 0.99,
    "augment": ["flip", "affine", "colour", "grey", "blur", "noise", "erase"], "mixup": 0.2,
    "label_smoothing": 0.1, "age_weight": 0.3, "age_adjustment": True,
}  # fmt: skip
# The largest differences from a CPU in float64: of the logits, relative to the largest one, and of
# the gradient of all weights, relative to its length. On a CPU were found, over the four cells,
# 1e-6 and 2e-3 in float32, where the gradient of a ReLU can be on either side of zero, and 0.06 and
# 0.4 in bfloat16, where the gradients of a new network are largely rounding.
TOLERANCES = {
    "float32": (1e-4, 1e-2),
    "bfloat16": (0.1, 0.7),
}
SAME_KERNELS = 1e-4  # relative, after some steps: a GPU adds up in any order
LEFT_FREE = 350 << 20  # bytes: the weights, their gradients and momentum, and no activations


@dataclasses.dataclass(frozen=True)
class Machine:
    """Where the checks run, and on how much.

    Attributes:
        side: of the faces, in pixels.
        faces: number for each training.
    """

    device: torch.device
    gpus: int
    architecture: Architecture = dataclasses.field(default_factory=Architecture)
    side: int = 128
    faces: int = 672  # with batches of 16, a GPU is asked for the loss twice in an epoch

    def network(self, device: torch.device, recipe: Recipe, name: str = "tanh") -> Network:
        """A new network in training mode."""
        architecture = OTHERS.get(name) or self.architecture.replace(**RENETS[name])
        model = kinds.build((3, self.side, self.side), architecture)
        model.init_weights(recipe.seed)
        return devices.to_device(model, device).train()

    def pixels(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Random faces and classes, the same at each call; those of class 1 are lighter."""
        random = np.random.default_rng(0)
        targets = random.integers(0, 2, count)
        noise = random.integers(0, 160, (count, 3, self.side, self.side), np.uint8)
        return noise + 60 * targets[:, None, None, None].astype(np.uint8), targets

    def batch(self, count: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """The first of these faces, on a device."""
        return tuple(torch.from_numpy(values).to(device) for values in self.pixels(count))


def distance(found: dict[str, Tensor], expected: dict[str, Tensor]) -> float:
    """The norm of all differences, relative to the norm of the expected values."""
    differences = squares = 0.0
    for name, value in expected.items():
        value = value.detach().double().cpu()
        differences += (found[name].detach().double().cpu() - value).square().sum().item()
        squares += value.square().sum().item()
    return float(np.sqrt(differences / squares))


def gradients_and_logits(
    machine: Machine, device: torch.device, precision: str, name: str
) -> tuple[dict[str, Tensor], Tensor]:
    """The momentum after one update of a new network, and its logits before."""
    in_double = precision == "float64"
    recipe = Recipe(batch_size=4, precision="float32" if in_double else precision)
    model, (pixels, targets) = machine.network(device, recipe, name), machine.batch(4, device)
    model = model.double() if in_double else model
    with torch.no_grad(), devices.precision_context(recipe.precision, device):
        logits = model(pixels)
    step = TrainStep(model, recipe)
    step(pixels, targets)
    states = step.optimizer.state
    named = model.named_parameters()
    return {name: states[weight]["momentum_buffer"] for name, weight in named}, logits


@contextlib.contextmanager
def no_waits() -> Iterator[None]:
    """An error where the host waits for the GPU."""
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


class OnGpu(unittest.TestCase):
    """What the checks share: the machine, whose default is the first GPU, and tolerances."""

    machine: Machine | None = None

    @classmethod
    def setUpClass(cls) -> None:
        if OnGpu.machine is None:
            if not torch.cuda.is_available():
                raise RuntimeError("PyTorch sees no GPU, so that nothing was checked")
            OnGpu.machine = Machine(torch.device("cuda", 0), torch.cuda.device_count())
            print(torch.cuda.get_device_name(0), torch.__version__, torch.version.cuda)
        devices.choose_algorithms(cls.machine.device, deterministic=True)  # before cuBLAS starts

    def setUp(self) -> None:
        devices.choose_algorithms(self.machine.device, deterministic=False)

    def near(self, difference: float, tolerance: float, what: str) -> None:
        """Print a difference, which has to be within the tolerance and a number."""
        print(f"{what} differ by {difference:.1e}")
        self.assertLessEqual(difference, tolerance, f"{what} differ by {difference:.1e}")


class Kernels(OnGpu):
    """One update of each network."""

    def test_update_of_renet_is_that_of_a_cpu(self) -> None:
        self.check_updates(*RENETS)

    def test_update_of_other_kinds_is_that_of_a_cpu(self) -> None:
        self.check_updates(*OTHERS)

    def check_updates(self, *names: str) -> None:
        """Compare one update of networks, in each precision, with a CPU in float64."""
        for name in names:
            gradients, logits = gradients_and_logits(self.machine, CPU, "float64", name)
            scale = logits.abs().max().item()
            for precision, (of_logits, of_gradients) in TOLERANCES.items():
                with self.subTest(name=name, precision=precision):
                    found, evidence = gradients_and_logits(
                        self.machine, self.machine.device, precision, name
                    )
                    apart = (evidence.double().cpu() - logits).abs().max().item() / scale
                    self.near(apart, of_logits, f"the logits of {name} in {precision}")
                    apart = distance(found, gradients)
                    self.near(apart, of_gradients, f"the gradients of {name} in {precision}")


class Updates(OnGpu):
    """Updates in a row, captured as graphs or not, and predictions."""

    def test_captured_and_plain_updates_give_the_same_weights(self) -> None:
        device, rates = self.machine.device, {"sgd": 0.01, "adamw": 1e-4}
        for name, optimizer in itertools.product(("tanh", "modern", *OTHERS), rates):
            weights = []  # after eight batches, of which the last one is short
            for captures in (False, True):
                # AdamW enlarges small differences.
                recipe = Recipe(batch_size=8, optimizer=optimizer, learning_rate=rates[optimizer])
                model = self.machine.network(device, recipe, name)
                step = TrainStep(model, recipe)
                pixels, targets = self.machine.batch(61, device)
                step.captures &= captures
                for rows in torch.arange(61, device=device).split(8):
                    step(pixels[rows], targets[rows])
                weights.append(model.state_dict())
            with self.subTest(name=name, optimizer=optimizer):
                what = f"the weights of {name} by {optimizer}"
                self.near(distance(*weights[::-1]), SAME_KERNELS, what)

    def test_neither_update_nor_inference_makes_the_host_wait(self) -> None:
        for name, precision, captures in itertools.product(RENETS, TOLERANCES, (False, True)):
            recipe = Recipe(batch_size=8, precision=precision)
            model = self.machine.network(self.machine.device, recipe, name)
            batch, step = self.machine.batch(8, self.machine.device), TrainStep(model, recipe)
            step.captures &= captures
            for _ in range(5):  # until the step is captured, which waits
                step(*batch)
            with self.subTest(name, precision=precision, captures=captures), no_waits():
                step(*batch)
                infer(model.eval(), batch[0], precision)


def trained(
    machine: Machine,
    device: torch.device,
    saved: dict | None = None,
    recipe: dict | None = None,
    **options: object,
):
    """A training of two epochs on a device, or by another recipe, which has run with options."""
    options_of_recipe = {"epochs": 2, "batch_size": 16, "shuffle_each_epoch": True}
    options_of_recipe |= {"device": device.type, "threads": torch.get_num_threads()}
    # `replace` takes also the device that stands in.
    recipe = Recipe().replace(**options_of_recipe | (recipe or {}))
    pixels, targets = machine.pixels(machine.faces)
    targets, ages = targets.astype(np.int64), np.linspace(1, 90, machine.faces)
    faces = [
        FaceFile(Path(name), pixels[rows], targets[rows], 2, None, "", ages[rows])
        for name, rows in (("train", slice(32, None)), ("validation", slice(32)))
    ]
    settings = loop.RunSettings(machine.architecture, recipe)
    trainer = loop.build(settings, loop.choose_device(recipe), *faces, saved=saved)
    trainer.run(show_progress=False, **options)
    return trainer


@contextlib.contextmanager
def checkpoints() -> Iterator["Checkpoint"]:
    """A checkpoint in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        yield Checkpoint(Path(folder), 3600.0, gap=0.0)


def train_together(machine: Machine, path: Path, captures: bool) -> None:
    """Train in a process of a group, whose first one saves the weights."""
    if not captures:
        # In this process alone.
        TrainStep._capture = lambda step, *_: [step._backward, step._update]
    model = trained(machine, machine.device).model
    if processes.is_main():
        torch.save(model.state_dict(), path)


@unittest.skipIf(ABSENT, f"the package {ABSENT} is not installed")
class Trainings(OnGpu):
    """Whole trainings, and what they do between updates."""

    def test_batches_changes_and_moving_average_make_the_host_wait_no_more(self) -> None:
        device = self.machine.device
        recipe, (pixels, targets) = Recipe(batch_size=8, **MODERN), self.machine.pixels(64)
        model = self.machine.network(device, recipe, "modern")
        step, average = TrainStep(model, recipe), MovingAverage(model, recipe.ema)
        changes = Augmentation(recipe, len(pixels), 2 * (age_groups.GROUPS + 1))
        loader, rows = Loader(pixels, targets, device), np.split(np.arange(64), 8)
        loaded = loader.batches([changes.rows_to_read(own, 0) for own in rows])
        batches = (changes(*read, own, 0) for own, read in zip(rows, loaded, strict=True))
        step(*next(batches))  # captures, and makes what the changes keep
        with no_waits():
            for number, batch in enumerate(batches):
                step(*batch)
                average.update(number)

    def test_stopped_training_continues_to_the_undisturbed_result(self) -> None:
        """With `train.deterministic`, to the same bits."""
        for recipe in ({}, {"deterministic": True}, {"deterministic": True, **MODERN}):
            whole = trained(self.machine, self.machine.device, recipe=recipe)

            def stop(trainer: object) -> None:
                os.kill(os.getpid(), signal.SIGTERM)

            with self.subTest(recipe=recipe), checkpoints() as checkpoint:
                options = {"checkpoint": checkpoint, "after_epoch": stop}
                with self.assertRaises(TrainingInterrupted):
                    trained(self.machine, self.machine.device, recipe=recipe, **options)
                saved = checkpoint.load()
                self.assertIn(saved["training"]["steps"], range(1, (self.machine.faces - 32) // 16))
                continued = trained(self.machine, self.machine.device, saved, recipe)
                apart = distance(continued.model.state_dict(), whole.model.state_dict())
                self.near(apart, 0 if recipe else SAME_KERNELS, f"the weights by {recipe}")

    def test_checkpoint_continues_on_the_other_device(self) -> None:
        expected = trained(self.machine, CPU).model.state_dict()
        for first, second in itertools.permutations((CPU, self.machine.device)):
            with self.subTest(first=first, second=second), checkpoints() as checkpoint:
                trained(self.machine, first, recipe={"epochs": 1}, checkpoint=checkpoint)
                continued = trained(self.machine, second, checkpoint.load()).model.state_dict()
                self.near(distance(continued, expected), 1e-2, f"the weights on {second.type}")

    def test_lack_of_memory_is_an_error_that_the_logs_explain(self) -> None:
        if self.machine.device.type != "cuda":
            self.skipTest("the memory of a CPU cannot be filled without harm")
        torch.cuda.empty_cache()
        free, _ = torch.cuda.mem_get_info(self.machine.device)
        filler = torch.empty(free - LEFT_FREE, dtype=torch.uint8, device=self.machine.device)
        try:
            with self.assertRaises(RuntimeError) as raised:
                trained(self.machine, self.machine.device)
        finally:
            del filler
            torch.cuda.empty_cache()
        self.assertTrue(errors.memory_shortage(raised.exception), raised.exception)

    def test_epoch_waits_little_for_data(self) -> None:
        last = trained(self.machine, self.machine.device, recipe={"epochs": 4}).throughput.rows[-1]
        print(last)
        self.assertLess(last["data_wait_fraction"], 0.5)


@unittest.skipIf(ABSENT, f"the package {ABSENT} is not installed")
class TwoGpus(OnGpu):
    """Trainings on two GPUs."""

    def setUp(self) -> None:
        super().setUp()
        if self.machine.gpus < 2:
            self.skipTest(f"it needs two GPUs, and PyTorch sees {self.machine.gpus}")

    def test_two_processes_train_the_same_with_graphs_and_without(self) -> None:
        """Each has its own statistics."""
        states = []
        with tempfile.TemporaryDirectory() as name:
            for captures in (False, True):
                path, device = Path(name) / f"{captures}.pt", self.machine.device.type
                launch(train_together, self.machine, path, captures, count=2, device=device)
                states.append(torch.load(path, map_location="cpu", weights_only=True))
        self.near(distance(*states), SAME_KERNELS, "the weights")

    def test_two_trainings_that_start_at_once_take_a_gpu_each(self) -> None:
        on_gpu = self.machine.device.type == "cuda"
        with tempfile.TemporaryDirectory() as folder:
            for name in ("train.h5", "test.h5"):
                write_hdf5(Path(folder, name), *self.machine.pixels(self.machine.faces))
            command = [sys.executable, str(measuring.SCRIPTS / "train.py"), "--data_root", folder]
            command += ["-b", "gpu" if on_gpu else "cpu", "-e", "1", "-z", "16", "--threads", "1"]
            both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
            started = [subprocess.Popen(command, **both, text=True) for _ in range(2)]
            printed = [process.communicate(timeout=120)[0] for process in started]
        self.assertEqual([process.returncode for process in started], [0, 0], printed)
        found = {re.search(r"Device: (\S+)", text)[1] for text in printed}
        self.assertEqual(len(found), 2 if on_gpu else 1, printed)


if __name__ == "__main__":
    unittest.main(verbosity=2)
