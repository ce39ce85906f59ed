"""Checks that a GPU computes what a CPU computes, in all ways that the code has.

    python benchmarks/gpu_check.py --output gpu_check.json

The result is a JSON on standard output or in the file. It has an entry for each check: "passed",
"failed" or "skipped", a reason for the last two, and numbers. A check is skipped if the machine
lacks what it needs. The exit status is

    0   a GPU passed every check that was not skipped
    1   a check failed
    3   no GPU was checked: there is none, or PyTorch cannot use it

Without a GPU, the checks that also hold for a CPU run on the CPU. The others are skipped, because
they would compare the CPU with itself. The equality checks need only torch, numpy and pydantic; the
checks of whole trainings need all packages of requirements.txt. benchmarks/train.py measures the
speed.
"""

import contextlib
import dataclasses
import functools
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
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

CPU = torch.device("cpu")
# Other kinds, or options of the kind renet.
NETWORKS = {
    **{cell: {"cell": cell} for cell in ("tanh", "relu", "gru", "lstm")},
    "modern": {"residual": True, "sweep_norm": True, "classifier": "plain"},
    "cnn": CnnArchitecture(),
    "resnet18": ResNet18Architecture(),
}
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
NO_GPU = "a CPU would be compared with itself"
STATUS = {"passed": 0, "failed": 1, "no GPU": 3}


class Skipped(Exception):
    """The machine lacks what a check needs."""


class Failed(Exception):
    """A check found what must not be."""


@dataclasses.dataclass(frozen=True)
class Machine:
    """Where the checks run, and on how much.

    Attributes:
        side: of the faces, in pixels.
        faces: number for each training.
        stands_in: True: a CPU takes the place of a GPU, to test the checks.
    """

    device: torch.device
    gpus: int
    architecture: Architecture = dataclasses.field(default_factory=Architecture)
    side: int = 128
    faces: int = 672  # with batches of 16, a GPU is asked for the loss twice in an epoch
    stands_in: bool = False

    def require_gpus(self, count: int = 1, reason: str = "") -> None:
        """Skip the check on a machine with fewer GPUs."""
        if self.gpus < count and not self.stands_in:
            raise Skipped(reason or f"it needs {count} GPUs, and PyTorch sees {self.gpus}")

    def network(self, device: torch.device, recipe: Recipe, name: str = "tanh") -> Network:
        """A new network in training mode."""
        architecture = NETWORKS[name]
        if isinstance(architecture, dict):
            architecture = self.architecture.replace(**architecture)
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
    """The length of all differences, relative to that of the expected values."""
    differences = squares = 0.0
    for name, value in expected.items():
        value = value.detach().double().cpu()
        differences += (found[name].detach().double().cpu() - value).square().sum().item()
        squares += value.square().sum().item()
    return float(np.sqrt(differences / squares))


def require(difference: float, tolerance: float, what: str) -> float:
    """The difference, if it is within the tolerance and a number."""
    if not difference <= tolerance:
        raise Failed(f"{what} differ by {difference:.1e}, more than {tolerance:.0e}")
    return difference


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


def equality(machine: Machine, name: str) -> dict:
    """One update of a network, in each precision, against a CPU in float64."""
    gradients, logits = gradients_and_logits(machine, CPU, "float64", name)
    scale, figures = logits.abs().max().item(), {}
    for precision, (of_logits, of_gradients) in TOLERANCES.items():
        found, evidence = gradients_and_logits(machine, machine.device, precision, name)
        apart = (evidence.double().cpu() - logits).abs().max().item() / scale
        figures[precision] = {
            "logits": require(apart, of_logits, f"the logits in {precision}"),
            "gradients": require(
                distance(found, gradients), of_gradients, f"the gradients in {precision}"
            ),
        }
    return figures


def graphs_on_and_off(machine: Machine) -> dict:
    """Captured and plain updates give the same weights, a short batch among them."""
    machine.require_gpus(reason="there are no CUDA graphs on a CPU")
    figures, rates = {}, {"sgd": 0.01, "adamw": 1e-4}  # AdamW enlarges small differences
    for name, optimizer in itertools.product(("tanh", "modern", "cnn", "resnet18"), rates):
        weights = []
        for captures in (False, True):
            recipe = Recipe(batch_size=8, optimizer=optimizer, learning_rate=rates[optimizer])
            model = machine.network(machine.device, recipe, name)
            step = TrainStep(model, recipe)
            pixels, targets = machine.batch(61, machine.device)
            step.captures &= captures
            for rows in torch.arange(61, device=machine.device).split(8):
                step(pixels[rows], targets[rows])
            weights.append(model.state_dict())
        what = f"{name}, {optimizer}"
        figures[what] = require(distance(*weights[::-1]), SAME_KERNELS, f"the weights, {what},")
    return figures


@contextlib.contextmanager
def no_waits(what: str) -> Iterator[None]:
    """Fail where the host waits for the GPU."""
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    except RuntimeError as error:
        raise Failed(f"{what}: {error}") from error
    finally:
        torch.cuda.set_sync_debug_mode("default")


def hidden_waits(machine: Machine) -> dict:
    """No update and no inference makes the host wait for the GPU."""
    if machine.device.type == "cpu":
        raise Skipped("only CUDA reports where the host waits")
    for precision, captures in itertools.product(TOLERANCES, (False, True)):
        recipe = Recipe(batch_size=8, precision=precision)
        model, batch = machine.network(machine.device, recipe), machine.batch(8, machine.device)
        step = TrainStep(model, recipe)
        step.captures &= captures
        for _ in range(5):  # until the step is captured, which waits
            step(*batch)
        with no_waits(f"in {precision}, {captures=}"):
            step(*batch)
            infer(model.eval(), batch[0], precision)
    return {"precisions": list(TOLERANCES)}


def waits_for_batches(machine: Machine) -> dict:
    """The loader, changes of the faces and moving average make the host wait no more."""
    if machine.device.type == "cpu":
        raise Skipped("only CUDA reports where the host waits")
    from renet.training.augmentation import Augmentation

    recipe, (pixels, targets) = Recipe(batch_size=8, **MODERN), machine.pixels(64)
    model, rows = machine.network(machine.device, recipe, "modern"), np.split(np.arange(64), 8)
    step, average = TrainStep(model, recipe), MovingAverage(model, recipe.ema)
    labels = age_groups.label_count(recipe, 2)
    changes = Augmentation(recipe, len(pixels), labels)
    loader = Loader(pixels, targets, machine.device)
    loaded = loader.batches([changes.rows_to_read(own, 0) for own in rows])
    batches = (changes(*read, own, 0) for own, read in zip(rows, loaded, strict=True))
    step(*next(batches))  # captures, and makes what the changes keep
    with no_waits("an update"):
        for number, batch in enumerate(batches):
            step(*batch)
            average.update(number)
    return {"changes": recipe.augment}


def trained(
    machine: Machine,
    device: torch.device,
    saved: dict | None = None,
    recipe: dict | None = None,
    **options: object,
):
    """A training of two epochs on a device, or by another recipe, which has run with options."""
    from renet.dataset.hdf5 import FaceFile
    from renet.training import loop

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
def checkpoints() -> Iterator[object]:
    """A checkpoint in a temporary folder."""
    from renet.training.folder import Checkpoint

    with tempfile.TemporaryDirectory() as folder:
        yield Checkpoint(Path(folder), 3600.0, gap=0.0)


def stop_and_continue(machine: Machine, **recipe: object) -> dict:
    """A training that SIGTERM stops within an epoch continues to the undisturbed result.

    With `train.deterministic`, to the same bits.
    """
    whole = trained(machine, machine.device, recipe=recipe)

    def stop(trainer: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    with checkpoints() as checkpoint:
        try:
            options = {"checkpoint": checkpoint, "after_epoch": stop}
            trained(machine, machine.device, recipe=recipe, **options)
        except TrainingInterrupted:
            pass
        else:
            raise Failed("SIGTERM did not stop the training")
        saved = checkpoint.load()
        updates = saved["training"]["steps"]
        if not 0 < updates < (machine.faces - 32) / 16:
            raise Failed(f"the training stopped after {updates} updates, not within an epoch")
        continued = trained(machine, machine.device, saved, recipe)
    is_exact = machine.device.type == "cpu" or recipe.get("deterministic")
    apart = distance(continued.model.state_dict(), whole.model.state_dict())
    return {"weights": require(apart, 0.0 if is_exact else SAME_KERNELS, "the weights")}


def other_device(machine: Machine) -> dict:
    """A checkpoint of a CPU continues on a GPU, and one of a GPU on a CPU."""
    machine.require_gpus(reason=NO_GPU)
    expected, figures = trained(machine, CPU), {}
    for first, second in ((CPU, machine.device), (machine.device, CPU)):
        with checkpoints() as checkpoint:
            trained(machine, first, recipe={"epochs": 1}, checkpoint=checkpoint)
            continued = trained(machine, second, checkpoint.load())
        apart = distance(continued.model.state_dict(), expected.model.state_dict())
        what = f"{first.type} to {second.type}"
        figures[what] = require(apart, 1e-2, f"the weights, {what},")
    return figures


def lack_of_memory(machine: Machine) -> dict:
    """A batch that does not fit in the GPU's memory is an error that the logs explain."""
    if machine.device.type != "cuda":
        raise Skipped("the memory of a CPU cannot be filled without harm")
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info(machine.device)
    filler = torch.empty(free - LEFT_FREE, dtype=torch.uint8, device=machine.device)
    try:
        trained(machine, machine.device)
    except RuntimeError as error:
        if not (sentence := errors.memory_shortage(error)):
            raise
        return {"sentence": sentence}
    finally:
        del filler
        torch.cuda.empty_cache()
    raise Failed("a batch that does not fit was trained")


def course_command(folder: Path, backend: str) -> subprocess.Popen:
    """Start the course's command on the faces in a folder."""
    command = [sys.executable, measuring.SCRIPTS / "train.py", "--data_root", folder, "-b", backend]
    return subprocess.Popen(
        [*map(str, command), "-e", "1", "-z", "16", "--threads", "1", "--no_progress_bar"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def write_faces(machine: Machine, folder: Path) -> None:
    """Write train.h5 and test.h5."""
    from helpers.faces import write_hdf5

    for name in ("train.h5", "test.h5"):
        write_hdf5(folder / name, *machine.pixels(machine.faces))


def output_of(process: subprocess.Popen) -> str:
    """What a command printed; it must have succeeded."""
    printed, _ = process.communicate(timeout=120)
    if process.returncode:
        raise Failed(f"a training ended with status {process.returncode}: {printed[-1000:]}")
    return printed


def train_together(machine: Machine, path: Path, captures: bool) -> None:
    """Train in a process of a group, whose first one saves the weights."""
    from renet.training import processes

    if not captures:
        # In this process alone.
        TrainStep._capture = lambda step, *_: [step._backward, step._update]
    model = trained(machine, machine.device).model
    if processes.is_main():
        torch.save(model.state_dict(), path)


def graphs_with_two_processes(machine: Machine) -> dict:
    """Two processes, each with its own statistics, train the same with graphs and without."""
    machine.require_gpus(2)
    from renet.training.launch import launch

    states = []
    with tempfile.TemporaryDirectory() as name:
        for captures in (False, True):
            path = Path(name) / f"{captures}.pt"
            launch(train_together, machine, path, captures, count=2, device=machine.device.type)
            states.append(torch.load(path, map_location="cpu", weights_only=True))
    return {"weights": require(distance(*states), SAME_KERNELS, "the weights")}


def runs_at_once(machine: Machine) -> dict:
    """Two trainings that are started at once take a GPU each."""
    machine.require_gpus(2)
    backend = "gpu" if machine.gpus else "cpu"
    with tempfile.TemporaryDirectory() as name:
        write_faces(machine, Path(name))
        started = [course_command(Path(name), backend) for _ in range(2)]
        printed = [output_of(process) for process in started]
    found = [re.search(r"Device: (\S+)", text)[1] for text in printed]
    if machine.gpus and len(set(found)) < 2:
        raise Failed(f"both trainings computed on {found[0]}")
    return {"devices": found}


def epoch_overhead(machine: Machine) -> dict:
    """Seconds of a training that are not spent in its epochs' updates."""
    machine.require_gpus(reason="it says nothing about a GPU")
    started = time.perf_counter()
    epochs = trained(machine, machine.device, recipe={"epochs": 4}).throughput.rows
    total, last = time.perf_counter() - started, epochs[-1]
    if last["data_wait_fraction"] > 0.5:
        raise Failed(f"{last['data_wait_fraction']:.0%} of an epoch waits for data")
    spent = sum(row["seconds"] for row in epochs)
    return {
        "seconds in all": round(total, 3),
        "seconds of the epochs": round(spent, 3),
        "data wait": last["data_wait_fraction"],
        "gpu memory, MB": last["gpu_memory_mb"],
    }


CHECKS: dict[str, Callable[[Machine], dict]] = {
    **{f"equality, {name}": functools.partial(equality, name=name) for name in NETWORKS},
    "graphs on and off": graphs_on_and_off,
    "hidden waits": hidden_waits,
    "waits for batches": waits_for_batches,
    "stop and continue": stop_and_continue,
    "deterministic": functools.partial(stop_and_continue, deterministic=True),
    "deterministic, modern": functools.partial(stop_and_continue, deterministic=True, **MODERN),
    "other device": other_device,
    "lack of memory": lack_of_memory,
    "graphs, two processes": graphs_with_two_processes,
    "runs at once": runs_at_once,
    "overhead of an epoch": epoch_overhead,
}


def outcome(check: Callable[[Machine], dict], machine: Machine) -> dict:
    """The entry of a check."""
    started = time.perf_counter()
    devices.choose_algorithms(machine.device, deterministic=False)
    try:
        found = {"result": "passed", "figures": check(machine)}
    except Skipped as reason:
        found = {"result": "skipped", "reason": str(reason)}
    except ModuleNotFoundError as error:
        found = {"result": "skipped", "reason": f"the package {error.name} is not installed"}
    except Failed as reason:
        found = {"result": "failed", "reason": str(reason)}
    except Exception as error:  # noqa: BLE001 (one failing check must not stop the others)
        found = {"result": "failed", "reason": f"{type(error).__name__}: {error}"}
        traceback.print_exc()
    return found | {"seconds": round(time.perf_counter() - started, 1)}


def report(machine: Machine, checks: dict[str, Callable[[Machine], dict]]) -> dict:
    """Run the checks; the content of the JSON."""
    entries = {}
    for name, check in checks.items():
        entries[name] = outcome(check, machine)
        reason = entries[name].get("reason", "")
        print(f"{name}: {entries[name]['result']} {reason}", file=sys.stderr, flush=True)
    result = "passed" if machine.gpus or machine.stands_in else "no GPU"
    if any(entry["result"] == "failed" for entry in entries.values()):
        result = "failed"
    skipped = [name for name, entry in entries.items() if entry["result"] == "skipped"]
    print(f"Not checked: {', '.join(skipped) or 'nothing'}", file=sys.stderr)
    on_gpu = machine.device.type == "cuda"
    return {
        "result": result,
        "not checked": skipped,
        "device": torch.cuda.get_device_name(machine.device) if on_gpu else "CPU",
        "gpus": machine.gpus,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version() if on_gpu else None,
        "checks": entries,
    }


def this_machine() -> Machine:
    """The first GPU, or a CPU where PyTorch can use none."""
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return Machine(torch.device("cuda", 0), gpus) if gpus else Machine(CPU, 0, faces=128)


def main(machine: Machine | None = None) -> None:
    """Run the checks that the command line names, and exit with the status of the result."""
    parser = measuring.parser(__doc__)
    parser.add_argument("--output", type=Path, help="file for the JSON, instead of stdout")
    names = ", ".join(f'"{name}"' for name in CHECKS)
    parser.add_argument(
        "--only", nargs="+", choices=list(CHECKS), default=list(CHECKS), metavar="CHECK",
        help=f"which checks are run: {names}",
    )  # fmt: skip
    arguments = parser.parse_args()
    machine = machine or this_machine()
    devices.choose_algorithms(machine.device, deterministic=True)  # before cuBLAS starts
    found = report(machine, {name: CHECKS[name] for name in arguments.only})
    text = json.dumps(found, indent=2) + "\n"
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    sys.exit(STATUS[found["result"]])


if __name__ == "__main__":
    main()
