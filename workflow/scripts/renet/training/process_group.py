"""Several processes that train one network together, each on its share of every batch.

On one machine they are started from here (`run`); over several machines torchrun starts them, and
says who is who in the environment. They talk by nccl between GPUs, by gloo between CPUs.
"""

import contextlib
import dataclasses
import os
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
import torch.multiprocessing
from torch import distributed

from renet.common import logs
from renet.common.errors import InputError, TrainingInterrupted

GRACE_SECONDS = 60  # for the others to end when one has failed


@dataclasses.dataclass(frozen=True)
class World:
    """Who trains together, and which of them this process is.

    Attributes:
        rank: of this process; the first (0) writes files and speaks.
        size: number of processes.
        local_rank: of this process among those on its machine: the number of its GPU.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """This process's part of `count` samples, in their order."""
        return slice(self.rank * count // self.size, (self.rank + 1) * count // self.size)

    def meet(self) -> None:
        """Wait until all processes have come here."""
        if self.size > 1:
            distributed.barrier()

    def total(self, values: list[float], device: torch.device) -> list[float]:
        """The sums over all processes, the same for each of them."""
        if self.size == 1:
            return values
        sums = torch.tensor(values, dtype=torch.float64, device=device)
        distributed.all_reduce(sums)
        return sums.tolist()

    def take_from_first(self, tensors: Iterable[torch.Tensor]) -> None:
        """Give the tensors the values that they have in the first process."""
        if self.size > 1:
            for tensor in tensors:
                distributed.broadcast(tensor, 0)

    def gather(self, values: np.ndarray) -> np.ndarray:
        """The arrays of all processes, one after the other, for each of them."""
        if self.size == 1:
            return values
        parts: list = [None] * self.size
        distributed.all_gather_object(parts, values)
        return np.concatenate(parts)


ALONE = World()


@contextlib.contextmanager
def joined(device: str) -> Iterator[World]:
    """Join the processes that torchrun started; alone where it did not start this one.

    Args:
        device: as in the config, to know by what they talk.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield ALONE
        return
    size = int(os.environ["WORLD_SIZE"])
    with _group(device, World(int(os.environ["RANK"]), size, int(os.environ["LOCAL_RANK"]))) as us:
        yield us


@contextlib.contextmanager
def _group(device: str, world: World, init_method: str = "env://") -> Iterator[World]:
    on_gpu = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    distributed.init_process_group(
        "nccl" if on_gpu else "gloo", init_method, rank=world.rank, world_size=world.size
    )
    try:
        yield world
    finally:
        distributed.destroy_process_group()


def run(count: int, device: str, function: Callable[..., None], *arguments: object) -> None:
    """Call `function(world, *arguments)` in `count` processes and wait for them.

    One alone runs in this process. Several are spawned, so that function and arguments have to be
    importable and picklable; a SIGTERM that comes meanwhile is handed on to all of them.

    Raises:
        InputError: what one of them raised, or one of them was killed.
        TrainingInterrupted: they were told to stop, and did.
    """
    if count == 1:
        function(ALONE, *arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        spawned = torch.multiprocessing.start_processes(
            _spawned,
            (count, device, folder, logs.log_file(), function, arguments),
            nprocs=count,
            join=False,
            start_method="spawn",
        )
        with _sigterm_handed_on(spawned.pids()):
            _wait(spawned, Path(folder))


def _spawned(
    rank: int,
    count: int,
    device: str,
    folder: str,
    log_file: str | None,
    function: Callable[..., None],
    arguments: tuple,
) -> None:
    if rank == 0:
        logs.start(log_file, append=True)
    try:
        with _group(device, World(rank, count, rank), f"file://{folder}/meeting") as world:
            function(world, *arguments)
    except InputError as error:
        # The parent says it: from here it would come as a traceback within a traceback.
        note = f"{type(error).__name__}\n{error}"
        Path(folder, f"error-{rank}").write_text(note, encoding="utf-8")
        raise SystemExit(1) from error


def _wait(spawned: torch.multiprocessing.ProcessContext, folder: Path) -> None:
    try:
        while not spawned.join(grace_period=GRACE_SECONDS):
            pass
    except (
        torch.multiprocessing.ProcessExitedException,
        torch.multiprocessing.ProcessRaisedException,
    ) as error:
        for note in sorted(folder.glob("error-*")):
            kind, message = note.read_text(encoding="utf-8").split("\n", 1)
            interrupted = kind == TrainingInterrupted.__name__
            raise (TrainingInterrupted if interrupted else InputError)(message) from error
        if isinstance(error, torch.multiprocessing.ProcessExitedException):
            raise InputError(
                f"Training process {error.error_index} of {len(spawned.processes)} ended without a "
                f"word (exit code {error.exit_code}); it may have been killed, for instance for "
                "want of memory. Start again to go on from the last checkpoint."
            ) from error
        raise


@contextlib.contextmanager
def _sigterm_handed_on(pids: list[int]) -> Iterator[None]:
    def hand_on(signal_number: int, frame: object) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, hand_on)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
