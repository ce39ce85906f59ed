"""Training and inference against a plain port of the course's network, in one run.

The plain port is what a straightforward translation to PyTorch gives: one `torch.nn.RNN` for each
column and each row, NCHW, float32, torch's own BatchNorm and optimizer. It and the project's path,
in each precision, take turns on the same random faces. The table has medians over the rounds. The
ceiling is the best throughput in the same precision, measured in the same turns, of matrix products
of several sizes and of the network's own convolutions, divided by the network's 2.25 GFLOP per
image in training and 0.75 in inference.

With `--shared N`, every round has a second part, beside N processes that are always busy. The
project's path takes part in up to three ways: as its scripts set up OpenMP's threads; without
binding each to a core; and in that way with GCC's default spin count of waiting threads.

It needs torch and numpy only:

    python benchmarks/train.py                            # the CPU, two threads
    python benchmarks/train.py --device cuda --batch-size 32 512 1024
    python benchmarks/train.py --task train --precision bfloat16 --shared 2
"""

import argparse
import contextlib
import math
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

sys.path.append(str(Path(__file__).resolve().parent.parent / "workflow" / "scripts"))

from renet.config.recipe import Recipe
from renet.network import cpu, devices
from renet.network.kinds.renet import ReNet, init_weights
from renet.network.model import infer
from renet.training import train_step

SIDE = 128
PLAIN = "plain port, float32"
GFLOP = {"train": 2.25, "infer": 0.75}  # an image
PRODUCTS = {"cpu": (1024, 2048, 3072), "cuda": (4096, 8192)}  # sides of the matrices
SPINS = int(os.environ.get("GOMP_SPINCOUNT", "6000"))  # as `renet.common.script` sets it
GCC_SPINS = 300000  # GCC's default
SHARED_LIMIT = 6.0  # seconds of a turn beside busy processes
WIDTH = 56  # of the names


class PlainSpatialRNN(nn.Module):
    """A SpatialRNN block with one module per sequence."""

    def __init__(self, channels: int, side: int, units: int):
        super().__init__()
        cells = side // 2
        self.vertical = nn.ModuleList(
            nn.RNN(channels * 4, units, bidirectional=True) for _ in range(cells)
        )
        self.horizontal = nn.ModuleList(
            nn.RNN(2 * units, units, bidirectional=True) for _ in range(cells)
        )

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to (N, 2 * units, H / 2, W / 2)."""
        count, channels, height, width = maps.shape
        blocks = maps.reshape(count, channels, height // 2, 2, width // 2, 2)
        blocks = blocks.permute(4, 2, 0, 1, 3, 5).reshape(width // 2, height // 2, count, -1)
        columns = [rnn(column)[0] for rnn, column in zip(self.vertical, blocks, strict=True)]
        rows = torch.stack(columns, 1)
        swept = [rnn(row)[0] for rnn, row in zip(self.horizontal, rows, strict=True)]
        return torch.stack(swept).permute(2, 3, 0, 1)


class PlainPort(nn.Module):
    """The course's network for 128x128 faces in torch's own modules."""

    def __init__(self):
        super().__init__()
        stages: list[nn.Module] = [nn.BatchNorm2d(3)]
        channels = 3
        for width in (32, 64, 128, 256):
            stages += [
                nn.Conv2d(channels, width, 3, padding=2, dilation=2), nn.ReLU(),
                nn.BatchNorm2d(width),
            ]  # fmt: skip
            if width < 256:
                stages.append(nn.MaxPool2d(3, 2, 1))
            channels = width
        stages += [PlainSpatialRNN(256, SIDE // 8, 256), nn.BatchNorm2d(512)]
        stages += [PlainSpatialRNN(512, SIDE // 16, 512), nn.BatchNorm2d(1024)]
        stages += [nn.Conv2d(1024, 2, 1, padding=1), nn.ReLU()]
        self.stages = nn.Sequential(*stages)

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, 128, 128) uint8 to (N, 2)."""
        return self.stages(pixels.float() / 128).mean(dim=(2, 3))


class Faces:
    """Random faces and classes on the device, four batches of them."""

    def __init__(self, batch_size: int, device: torch.device):
        random = torch.Generator().manual_seed(0)
        count = 4 * batch_size
        self.pixels = torch.randint(
            0, 256, (count, 3, SIDE, SIDE), dtype=torch.uint8, generator=random
        ).to(device)
        self.targets = torch.randint(0, 2, (count,), generator=random).to(device)
        self.batches = torch.arange(count).to(device).split(batch_size)


def plain_train(faces: Faces, device: torch.device) -> Callable[[int], object]:
    """A function that trains the plain port on batch number `i`."""
    model = PlainPort().to(device).train()
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, weight_decay=5e-4)

    def step(number: int) -> None:
        rows = faces.batches[number % 4]
        loss = nn.functional.cross_entropy(model(faces.pixels[rows]), faces.targets[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()

    return step


def plain_infer(faces: Faces, device: torch.device) -> Callable[[int], object]:
    """A function that runs the plain port on batch number `i`."""
    model = PlainPort().to(device).eval()

    @torch.inference_mode()
    def step(number: int) -> None:
        model(faces.pixels[faces.batches[number % 4]])

    return step


def our_network(precision: str, device: torch.device) -> ReNet:
    model = ReNet((3, SIDE, SIDE))
    init_weights(model, 1)
    return devices.to_device(model, device, precision)


def our_train(faces: Faces, device: torch.device, precision: str) -> Callable[[int], object]:
    """A function that trains the project's network on batch number `i`."""
    rows = faces.batches
    recipe = Recipe(batch_size=len(rows[0]), precision=precision)
    step = train_step.make_train_step(our_network(precision, device).train(), recipe)
    return lambda number: step(faces.pixels[rows[number % 4]], faces.targets[rows[number % 4]])


def our_infer(faces: Faces, device: torch.device, precision: str) -> Callable[[int], object]:
    """A function that runs the project's network on batch number `i`."""
    model, rows = our_network(precision, device).eval(), faces.batches
    return lambda number: infer(model, faces.pixels[rows[number % 4]], precision)


def best_gflops(device: torch.device, precision: str, batch_size: int) -> float:
    """The best throughput of a matrix product, or of one of the network's convolutions."""
    dtype = getattr(torch, "float32" if precision == "tf32" else precision)
    found = []
    for size in PRODUCTS[device.type]:
        left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
        seconds = time_of(lambda _, a=left, b=right: a @ b, 3, device)
        found.append(2 * size**3 / seconds)
    for channels, side in ((32, SIDE // 2), (64, SIDE // 4), (128, SIDE // 8)):
        maps = torch.randn(batch_size, channels, side, side, device=device)
        layer = nn.Conv2d(channels, 2 * channels, 3, padding=2, dilation=2, device=device)
        maps, layer = (
            value.to(dtype=dtype, memory_format=torch.channels_last) for value in (maps, layer)
        )
        with torch.inference_mode():
            seconds = time_of(lambda _, f=layer, x=maps: f(x), 6, device)
        found.append(2 * maps.numel() * 2 * channels * 9 / seconds)
    return max(found) / 1e9


def time_of(
    step: Callable[[int], object], repeats: int, device: torch.device, limit: float = math.inf
) -> float:
    """Mean seconds of one call, over so many calls, or fewer after `limit` seconds."""
    synchronize(device)
    started, number = time.perf_counter(), 0
    while number < repeats and (not number or time.perf_counter() - started < limit):
        step(number)
        number += 1
    synchronize(device)
    return (time.perf_counter() - started) / number


def synchronize(device: torch.device) -> None:
    """Wait for a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize()


class OpenMP(NamedTuple):
    """How the threads of a process wait, and where they run.

    Attributes:
        spins: number of times that a waiting thread looks before it sleeps; None: as it is.
        binds: whether each thread has a core of its own, as in a training.
    """

    spins: int | None = None
    binds: bool = False


class Contender:
    """One implementation, in its own process, since each has its own memory and threads."""

    def __init__(self, openmp: OpenMP, make: Callable, *details: object):
        """Start the process."""
        before = dict(os.environ)
        if openmp.spins:
            os.environ["GOMP_SPINCOUNT"] = str(openmp.spins)
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=serve, args=(theirs, openmp, make, *details), daemon=True
        )
        self._process.start()
        os.environ.clear()
        os.environ.update(before)

    def turn(self, repeats: int, limit: float = math.inf) -> float:
        """Mean seconds of a step, over so many steps, or fewer after `limit` seconds."""
        self._pipe.send((repeats, limit))
        return self._pipe.recv()

    def stop(self) -> None:
        """End the process."""
        self._pipe.send((0, 0))
        self._process.join()


def serve(
    pipe, openmp: OpenMP, make: Callable, batch_size: int, device_name: str, threads: int, *more
) -> None:
    """Take turns until the number of repeats is 0."""
    torch.set_num_threads(threads)
    if openmp.binds:
        cpu.bind_threads()
    torch.backends.cudnn.allow_tf32 = False  # plain float32, for the plain port too
    device = torch.device(device_name)
    step = make(Faces(batch_size, device), device, *more)
    while (turn := pipe.recv())[0]:
        repeats, limit = turn
        pipe.send(time_of(step, repeats, device, limit))


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
    """A contender for each line of the table, by its name."""
    plain, ours = {"train": (plain_train, our_train), "infer": (plain_infer, our_infer)}[task]
    setting = (batch_size, arguments.device, arguments.threads)
    contenders = {PLAIN: Contender(OpenMP(), plain, *setting)}
    binds = task == "train" and arguments.device == "cpu"
    for precision in arguments.precision:
        name = f"this project, {precision}"
        ways = {"": OpenMP(SPINS, binds)}
        if arguments.shared:
            ways |= {", not bound": OpenMP(SPINS)} if binds else {}
            ways |= {", not bound, GCC's spin count": OpenMP(GCC_SPINS)}
        for way, openmp in ways.items():
            contenders[f"{name}{way}"] = Contender(openmp, ours, *setting, precision)
    return contenders


def measure(task: str, batch_size: int, arguments: argparse.Namespace) -> None:
    """Print the tables of one task and batch size."""
    device = torch.device(arguments.device)
    contenders = make_contenders(task, batch_size, arguments)
    alone, shared = ({name: [] for name in contenders} for _ in range(2))
    ceilings = {precision: [] for precision in arguments.precision}
    for contender in contenders.values():
        contender.turn(arguments.warm_up)
    for _ in range(arguments.rounds):
        for precision, found in ceilings.items():
            with devices.tf32_flags(precision):
                found.append(best_gflops(device, precision, batch_size) / GFLOP[task])
        for name, contender in contenders.items():
            alone[name].append(batch_size / contender.turn(arguments.repeats))
        if arguments.shared:
            with busy_processes(arguments.shared):
                for name, contender in contenders.items():
                    started, before = time.perf_counter(), stolen_seconds()
                    seconds = contender.turn(arguments.repeats, SHARED_LIMIT)
                    stolen = (stolen_seconds() - before) / (time.perf_counter() - started)
                    shared[name].append((batch_size / seconds, stolen / os.cpu_count()))
    for contender in contenders.values():
        contender.stop()
    print(f"\n{task}, batch {batch_size}")
    print_alone(alone, ceilings)
    if arguments.shared:
        print(f"\n{task}, batch {batch_size}, beside {arguments.shared} busy processes")
        print_shared(shared, alone)


def print_alone(rates: dict[str, list[float]], ceilings: dict[str, list[float]]) -> None:
    """A line for each contender: its median rate, compared with the plain port's."""
    baseline = statistics.median(rates[PLAIN])
    for name, found in rates.items():
        rate, precision = statistics.median(found), name.split(", ")[1]
        line = f"{name:<{WIDTH}}{rate:>8,.1f} img/s   {rate / baseline:5.2f} x plain"
        if precision in ceilings:
            ceiling = statistics.median(ceilings[precision])
            line += f"   {rate / ceiling:4.0%} of the ceiling, {ceiling:,.0f} img/s"
        print(line, flush=True)


def print_shared(
    shared: dict[str, list[tuple[float, float]]], alone: dict[str, list[float]]
) -> None:
    """A line for each contender: its rates beside busy processes, compared with its own alone.

    In each round, a rate has the fraction of the CPU time that went to other virtual machines.
    """
    for name, found in shared.items():
        own = statistics.median(alone[name])
        rate = statistics.median(rate for rate, _ in found)
        worst = min(rate for rate, _ in found)
        rounds = "  ".join(f"{rate / own:.2f} ({stolen:.1%})" for rate, stolen in found)
        print(
            f"{name:<{WIDTH}}{rate:>8,.1f} img/s   {rate / own:5.2f} of alone, at worst "
            f"{worst / own:.2f}; rounds: {rounds}",
            flush=True,
        )


def stolen_seconds() -> float:
    """CPU time that the host of a virtual machine has given to others, since the start; or 0."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return 0.0
    return int(stat.read_text().split()[8]) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--batch-size", type=int, nargs="+", default=[32])
    parser.add_argument("--precision", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--task", nargs="+", choices=list(GFLOP), default=list(GFLOP))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shared", type=int, default=0, help="number of busy processes beside")
    parser.add_argument("--warm-up", type=int, default=3, help="steps before the measurement")
    parser.add_argument("--repeats", type=int, default=4, help="steps per turn")
    parser.add_argument("--rounds", type=int, default=5, help="number of turns")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    name = f"{torch.get_num_threads()} CPU threads"
    if arguments.device.startswith("cuda"):
        name = torch.cuda.get_device_name(arguments.device)
    print(f"torch {torch.__version__}, {name}")
    for task in arguments.task:
        for batch_size in arguments.batch_size:
            measure(task, batch_size, arguments)


if __name__ == "__main__":
    main()
