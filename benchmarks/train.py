"""Training and inference against a plain port of the course's network, in one run.

    python benchmarks/train.py                            # the CPU, two threads
    python benchmarks/train.py --device cuda --batch-size 32 512 1024
    python benchmarks/train.py --task modern --batch-size 64

The script needs torch, NumPy and pydantic, and for the task `modern` torchvision, SciPy and PyYAML.
The plain port (training_steps.py) and this project's code, in each precision, take turns on random
faces. The tables have medians over the rounds. In the same turns, this project's process measures
the best throughput of matrix products and of the network's convolutions in that precision, the
bandwidth of a copy in memory, and the time of each convolution and product of a step. Three upper
bounds follow:

    by layers    Each layer takes the time of its operations or of its bytes, whichever is longer,
                 one layer and pass after another; gpu_bounds.py counts both.
    by kernels   On a CPU: each convolution and product takes the time that it takes alone, at its
                 own shape. Each other operation takes the time to copy the bytes of its tensors.
                 This project can close the gap to this bound; the library sets the bound.
    of the whole the smaller one of two: by the operations of all layers, or by the bytes that the
                 operations of this project's step read and write.

The task `modern` is an update of configs/modern.yaml, with its augmentation and moving average; the
bound by layers includes the network alone. This project's code has what the workflow sets in the
environment for OpenMP and for large blocks of memory (`renet/common/script.py`), unless the user
sets it. The plain port has only what the user sets.
"""

import argparse
import multiprocessing
import os
import statistics
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from unittest import mock

import measuring
import numpy as np
import torch
import training_steps
from gpu_bounds import Kernels, Traffic, passes, seconds
from torch import nn
from training_steps import time_of

from renet.network import batch_norm

PLAIN = "plain port, float32"
TASKS = ("train", "infer", "modern")
USERS = dict(os.environ)
# What `renet.common.script` sets unless the user does.
OURS = {"GOMP_SPINCOUNT": "6000", "THP_MEM_ALLOC_ENABLE": "1"} | USERS
PRODUCTS = {"cpu": (1024, 2048, 3072), "cuda": (4096, 8192)}  # sides of the matrices


def best_throughput(device: torch.device, precision: str, batch_size: int) -> float:
    """Operations a second of the best matrix product, or of one of the network's convolutions."""
    dtype, found = getattr(torch, precision), []
    for size in PRODUCTS[device.type]:
        left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
        found.append(2 * size**3 / time_of(lambda a=left, b=right: a @ b, 3, device))
    for channels, side, width in ((32, 64, 3), (64, 32, 3), (128, 16, 3), (1024, 8, 1)):
        maps = torch.randn(batch_size, channels, side, side, device=device)
        layer = nn.Conv2d(channels, 2 * channels, width, padding="same", dilation=2, device=device)
        maps, layer = (
            value.to(dtype=dtype, memory_format=torch.channels_last) for value in (maps, layer)
        )
        with torch.inference_mode():
            taken = time_of(lambda f=layer, x=maps: f(x), 6, device)
        found.append(2 * maps.numel() * layer.weight[:, 0].numel() / taken)
    return max(found)


def copied_bytes(device: torch.device) -> float:
    """Bytes a second that a copy in memory reads and writes."""
    source = torch.ones(1 << 27, dtype=torch.uint8, device=device)
    target = source.clone()  # new memory would cost page faults
    return 2 * source.nbytes / time_of(lambda: target.copy_(source), 3, device)


def traffic_of_step(task: str, batch_size: int, device: torch.device, precision: str) -> Traffic:
    """Bytes that the operations of a step read and write, by their tensors on a CPU.

    For a CPU, also the times of its products and convolutions.
    """
    cpu = torch.device("cpu")
    if device.type != "cpu":
        batch_norm.has_accurate_sums = lambda device: True  # the branches of a GPU
    batches = training_steps.random_batches(batch_size, cpu)
    step = getattr(training_steps, f"our_{task}")(batches, cpu, precision)
    step()  # makes the momentum
    with Kernels() if device.type == "cpu" else Traffic() as traffic:
        step()
    return traffic


def bounds_of(
    task: str, precision: str, batch_size: int, device: torch.device, speeds: list[tuple]
) -> tuple[float, float | None, float, str]:
    """Images a second by layers, by kernels, and of the whole with what sets it."""
    products, copies = np.median(speeds, axis=0)
    print(f"{precision}: {products / 1e9:.0f} GFLOP/s, {copies / 1e9:.1f} GB/s", file=sys.stderr)
    settings = training_steps.settings_of(task, batch_size, precision)
    parts = passes(*settings, is_training=task != "infer")
    traffic = traffic_of_step(task, batch_size, device, precision)
    moved, operations = sum(traffic.by_operation.values()), sum(part[0] for part in parts)
    taken, limit = max((operations / products, "products"), (moved / copies, "memory"))
    by_kernels = None
    if isinstance(traffic, Kernels):
        by_kernels = batch_size / (traffic.seconds + traffic.rest / copies)
    by_layers = batch_size / seconds(parts, products, copies)
    return by_layers, by_kernels, batch_size / taken, limit


class Contender:
    """One implementation, in its own process, since each has its own memory and threads."""

    def __init__(self, environment: dict[str, str], *parts: object):
        """Start the process, with this environment; `parts` are `prepare`'s."""
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(1, context, prepare, parts)
        with mock.patch.dict(os.environ, environment, clear=True):
            self.turn(1)

    def turn(self, repeats: int) -> float:
        """Mean seconds of a step, over so many steps."""
        return self._pool.submit(take_turn, repeats).result()

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


def take_turn(repeats: int) -> float:
    """See `Contender.turn`."""
    return time_of(own_step, repeats, own_device)


def make_contenders(task: str, batch_size: int, arguments: argparse.Namespace) -> dict:
    """A contender for each line of the tables, by its name."""
    plain, ours = (getattr(training_steps, f"{whose}_{task}") for whose in ("plain", "our"))
    contenders = {PLAIN: Contender(USERS, plain, batch_size, arguments)}
    for precision in arguments.precision:
        name = f"this project, {precision}"
        contenders[name] = Contender(OURS, ours, batch_size, arguments, precision)
    return contenders


def measure(task: str, batch_size: int, arguments: argparse.Namespace) -> None:
    """Print the table of one task and batch size."""
    device = torch.device(arguments.device)
    contenders = make_contenders(task, batch_size, arguments)
    speeds = {precision: [] for precision in ("float32", *arguments.precision)}
    rates = {name: [] for name in contenders}
    for contender in contenders.values():
        contender.turn(arguments.warm_up)
    for _ in range(arguments.rounds):
        for precision, found in speeds.items():
            products = best_throughput(device, precision, batch_size)
            found.append((products, copied_bytes(device)))
        for name, contender in contenders.items():
            rates[name].append(batch_size / contender.turn(arguments.repeats))
    for contender in contenders.values():
        contender.stop()
    print(f"\n{task}, batch {batch_size}\n")
    bounds = {one: bounds_of(task, one, batch_size, device, speeds[one]) for one in speeds}
    rows, baseline = [], statistics.median(rates[PLAIN])
    for name, found in rates.items():
        rate = statistics.median(found)
        *bound, limit = bounds[name.split(", ")[1]]
        shares = [f"{rate / one:.0%} of {one:,.0f}" if one else "-" for one in bound]
        shares[-1] += f" ({limit})"
        rows.append((name, f"{rate:,.1f}", f"{rate / baseline:.2f}", *shares))
    columns = ["", "images/s", "against the plain port"]
    columns += [f"bound {one}" for one in ("by layers", "by kernels", "of the whole")]
    measuring.print_table(columns, rows)


def main() -> None:
    """Measure what the command line asks for."""
    parser = measuring.parser(__doc__)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    sizes = "default: 32; for inference, 128, as in the workflow on a CPU"
    parser.add_argument("--batch-size", type=int, nargs="+", help=sizes)
    parser.add_argument("--precision", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--task", nargs="+", choices=TASKS, default=["train", "infer"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--warm-up", type=int, default=3, help="steps before the measurement")
    parser.add_argument("--repeats", type=int, default=4, help="steps per turn")
    parser.add_argument("--rounds", type=int, default=5, help="number of turns")
    arguments = parser.parse_args()
    os.environ.update(OURS)  # for the upper bounds
    torch.set_num_threads(arguments.threads)
    torch.backends.cudnn.allow_tf32 = False  # for the upper bound
    name = f"{torch.get_num_threads()} CPU threads"
    if arguments.device.startswith("cuda"):
        name = torch.cuda.get_device_name(arguments.device)
    print(f"torch {torch.__version__}, {name}")
    for task in arguments.task:
        for batch_size in arguments.batch_size or [128 if task == "infer" else 32]:
            measure(task, batch_size, arguments)


if __name__ == "__main__":
    main()
