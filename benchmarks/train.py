"""Training and inference against a plain port of the course's network, in one run.

    python benchmarks/train.py                            # the CPU, two threads
    python benchmarks/train.py --device cuda --batch-size 32 512 1024
    python benchmarks/train.py --task train --precision bfloat16 --shared 2
    python benchmarks/train.py --task modern --batch-size 64

The script needs torch, NumPy and pydantic, and for the task `modern` torchvision, SciPy and PyYAML.
The plain port (training_steps.py) and this project's code, in each precision, take turns on random
faces. The tables have medians over the rounds. The upper bound is the smaller one of two, measured
in the same turns: the best throughput in that precision of matrix products of several sizes and of
the network's convolutions, divided by the GFLOP of the network per image (0.75 in inference and
three times that in training); and that of a copy in memory, divided by the bytes that the
operations of a step read and write per image.
The task `modern` is an update of configs/modern.yaml, with its augmentation and moving average.

With `--shared N`, every round has a second part, beside N processes that are always busy. The
environment's GOMP_SPINCOUNT sets how long waiting OpenMP threads spin; without it, this project's
code has the spin count of the workflow, and the plain port that of the OpenMP library.
"""

import argparse
import contextlib
import math
import multiprocessing
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from unittest import mock

import measuring
import torch
import training_steps
from gpu_bounds import Traffic
from torch import nn
from training_steps import SIDE, time_of

from renet.network import batch_norm

PLAIN = "plain port, float32"
UNKNOWN = math.nan, math.nan  # the bounds of a precision that is not measured
GFLOP = {"train": 2.25, "infer": 0.75, "modern": 2.65}  # an image, without the augmentation
PRODUCTS = {"cpu": (1024, 2048, 3072), "cuda": (4096, 8192)}  # sides of the matrices
SPINS = os.environ.get("GOMP_SPINCOUNT", "6000")  # as `renet.common.script` sets it
SHARED_LIMIT = 6.0  # seconds of a turn beside busy processes


def best_gflops(device: torch.device, precision: str, batch_size: int) -> float:
    """The best throughput of a matrix product, or of one of the network's convolutions."""
    dtype, found = getattr(torch, precision), []
    for size in PRODUCTS[device.type]:
        left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
        found.append(2 * size**3 / time_of(lambda a=left, b=right: a @ b, 3, device))
    for channels, side in ((32, SIDE // 2), (64, SIDE // 4), (128, SIDE // 8)):
        maps = torch.randn(batch_size, channels, side, side, device=device)
        layer = nn.Conv2d(channels, 2 * channels, 3, padding=2, dilation=2, device=device)
        maps, layer = (
            value.to(dtype=dtype, memory_format=torch.channels_last) for value in (maps, layer)
        )
        with torch.inference_mode():
            seconds = time_of(lambda f=layer, x=maps: f(x), 6, device)
        found.append(2 * maps.numel() * 2 * channels * 9 / seconds)
    return max(found) / 1e9


def copied_bytes(device: torch.device) -> float:
    """Bytes a second that a copy in memory reads and writes."""
    source = torch.ones(1 << 27, dtype=torch.uint8, device=device)
    return 2 * source.nbytes / time_of(lambda: source.clone(), 3, device)


def bytes_of_image(task: str, batch_size: int, device: torch.device, precision: str) -> float:
    """Bytes that the operations of a step read and write, by their tensors on a CPU."""
    cpu = torch.device("cpu")
    if device.type != "cpu":
        batch_norm.has_accurate_sums = lambda device: True  # the branches of a GPU
    batches = training_steps.random_batches(batch_size, cpu)
    step = getattr(training_steps, f"our_{task}")(batches, cpu, precision)
    step()  # makes the momentum
    with Traffic() as traffic:
        step()
    return sum(traffic.by_operation.values()) / batch_size


class Contender:
    """One implementation, in its own process, since each has its own memory and threads."""

    def __init__(self, environment: dict[str, str], *parts: object):
        """Start the process, with these changes of the environment; `parts` are `prepare`'s."""
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(1, context, prepare, parts)
        with mock.patch.dict(os.environ, environment):
            self.turn(1)

    def turn(self, repeats: int, limit: float = math.inf) -> float:
        """Mean seconds of a step, over so many steps, or fewer after `limit` seconds."""
        return self._pool.submit(take_turn, repeats, limit).result()

    def stop(self) -> None:
        """End the process."""
        self._pool.shutdown()


def prepare(
    make: Callable, batch_size: int, arguments: argparse.Namespace, *precision: str
) -> None:
    """Make the step that this process computes in each turn."""
    global own_step, own_device
    torch.set_num_threads(arguments.threads)
    torch.backends.cudnn.allow_tf32 = False  # for the plain port too
    own_device = torch.device(arguments.device)
    batches = training_steps.random_batches(batch_size, own_device)
    own_step = make(batches, own_device, *precision)


def take_turn(repeats: int, limit: float) -> float:
    """See `Contender.turn`."""
    return time_of(own_step, repeats, own_device, limit)


@contextlib.contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Others that compute without end, or until this process has ended."""
    program = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: sum(range(99999))"
    started = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(count)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def make_contenders(task: str, batch_size: int, arguments: argparse.Namespace) -> dict:
    """A contender for each line of the tables, by its name."""
    plain, ours = (getattr(training_steps, f"{whose}_{task}") for whose in ("plain", "our"))
    contenders = {PLAIN: Contender({}, plain, batch_size, arguments)}
    for precision in arguments.precision:
        contenders[f"this project, {precision}"] = Contender(
            {"GOMP_SPINCOUNT": SPINS}, ours, batch_size, arguments, precision
        )
    return contenders


def measure(task: str, batch_size: int, arguments: argparse.Namespace) -> None:
    """Print the tables of one task and batch size."""
    device = torch.device(arguments.device)
    contenders = make_contenders(task, batch_size, arguments)
    alone, shared = ({name: [] for name in contenders} for _ in range(2))
    bounds = {precision: [] for precision in arguments.precision}
    sizes = {one: bytes_of_image(task, batch_size, device, one) for one in bounds}
    for contender in contenders.values():
        contender.turn(arguments.warm_up)
    for _ in range(arguments.rounds):
        for precision, found in bounds.items():
            by_products = best_gflops(device, precision, batch_size) / GFLOP[task]
            found.append((by_products, copied_bytes(device) / sizes[precision]))
        for name, contender in contenders.items():
            alone[name].append(batch_size / contender.turn(arguments.repeats))
        if arguments.shared:
            with busy_processes(arguments.shared):
                for name, contender in contenders.items():
                    seconds = contender.turn(arguments.repeats, SHARED_LIMIT)
                    shared[name].append(batch_size / seconds)
    for contender in contenders.values():
        contender.stop()
    print(f"\n{task}, batch {batch_size}\n")
    print_alone(alone, bounds)
    if arguments.shared:
        print(f"\n{task}, batch {batch_size}, beside {arguments.shared} busy processes\n")
        print_shared(shared, alone)


def print_alone(rates: dict[str, list[float]], bounds: dict[str, list[tuple]]) -> None:
    """A row for each contender: its median rate, compared with the plain port's."""
    rows, baseline = [], statistics.median(rates[PLAIN])
    for name, found in rates.items():
        rate, precision = statistics.median(found), name.split(", ")[1]
        found = bounds.get(precision, [UNKNOWN])
        products, memory = map(statistics.median, zip(*found, strict=True))
        bound, by = min((products, "products"), (memory, "memory"))
        part = f"{rate / bound:.0%} of {bound:,.0f} ({by})"
        rows.append((name, f"{rate:,.1f}", f"{rate / baseline:.2f}", part))
    columns = ["", "images/s", "against the plain port", "fraction of the upper bound"]
    measuring.print_table(columns, rows)


def print_shared(shared: dict[str, list[float]], alone: dict[str, list[float]]) -> None:
    """A row for each contender: its rates beside busy processes, compared with its own alone."""
    rows = []
    for name, found in shared.items():
        own, rate = statistics.median(alone[name]), statistics.median(found)
        rounds = f"{rate / own:.2f}, {min(found) / own:.2f}"
        rows.append((name, f"{own:,.1f}", f"{rate:,.1f}", rounds))
    columns = ["images/s", "alone", "beside them", "fraction of alone, median and worst round"]
    measuring.print_table(columns, rows)


def main() -> None:
    """Measure what the command line asks for."""
    parser = measuring.parser(__doc__)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--batch-size", type=int, nargs="+", default=[32])
    parser.add_argument("--precision", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--task", nargs="+", choices=list(GFLOP), default=["train", "infer"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shared", type=int, default=0, help="number of busy processes beside")
    parser.add_argument("--warm-up", type=int, default=3, help="steps before the measurement")
    parser.add_argument("--repeats", type=int, default=4, help="steps per turn")
    parser.add_argument("--rounds", type=int, default=5, help="number of turns")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.backends.cudnn.allow_tf32 = False  # for the upper bound
    name = f"{torch.get_num_threads()} CPU threads"
    if arguments.device.startswith("cuda"):
        name = torch.cuda.get_device_name(arguments.device)
    print(f"torch {torch.__version__}, {name}")
    for task in arguments.task:
        for batch_size in arguments.batch_size:
            measure(task, batch_size, arguments)


if __name__ == "__main__":
    main()
