"""Processes that train one network together, each on its slice of every batch.

On one machine, `launch` starts them. Over several machines torchrun does, and describes the group
in the environment. GPUs communicate through NCCL, CPUs through Gloo.
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

GRACE_SECONDS = 60  # for the other processes to end after one has failed


@dataclasses.dataclass(frozen=True)
class ProcessGroup:
    """This process's place in the group; the methods are collectives of `torch.distributed`.

    Attributes:
        rank: of this process; rank 0 writes the files and the log.
        world_size: number of processes.
        local_rank: of this process on its machine, which is the number of its GPU.
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files and the log."""
        return self.rank == 0

    def slice_of(self, count: int) -> slice:
        """This process's part of `count` samples, in their order."""
        size = self.world_size
        return slice(self.rank * count // size, (self.rank + 1) * count // size)

    def barrier(self) -> None:
        """Wait for all processes."""
        if self.world_size > 1:
            distributed.barrier()

    def all_reduce(self, values: list[float], device: torch.device) -> list[float]:
        """The sums over all processes."""
        if self.world_size == 1:
            return values
        sums = torch.tensor(values, dtype=torch.float64, device=device)
        distributed.all_reduce(sums)
        return sums.tolist()

    def broadcast(self, tensors: Iterable[torch.Tensor]) -> None:
        """Copy the tensors of rank 0 into those of all processes."""
        if self.world_size > 1:
            for tensor in tensors:
                distributed.broadcast(tensor, 0)

    def all_gather(self, values: np.ndarray) -> np.ndarray:
        """The concatenated arrays of all processes."""
        if self.world_size == 1:
            return values
        parts: list = [None] * self.world_size
        distributed.all_gather_object(parts, values)
        return np.concatenate(parts)


SINGLE_PROCESS = ProcessGroup()


@contextlib.contextmanager
def from_torchrun(device: str) -> Iterator[ProcessGroup]:
    """The group that torchrun started, or a single process if it did not start this one.

    Args:
        device: auto, cpu or cuda, which decides on the backend.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield SINGLE_PROCESS
        return
    rank, size, local = (int(os.environ[key]) for key in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    with _initialised(ProcessGroup(rank, size, local), device) as group:
        yield group


@contextlib.contextmanager
def _initialised(
    group: ProcessGroup, device: str, init_method: str = "env://"
) -> Iterator[ProcessGroup]:
    on_gpu = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    distributed.init_process_group(
        "nccl" if on_gpu else "gloo", init_method, rank=group.rank, world_size=group.world_size
    )
    try:
        yield group
    finally:
        distributed.destroy_process_group()


def launch(count: int, device: str, function: Callable[..., None], *arguments: object) -> None:
    """Call `function(group, *arguments)` in `count` processes and wait for them.

    One process is this one. Several are spawned, so that function and arguments have to be
    importable and picklable. A SIGTERM to this process is passed on to them.

    Raises:
        InputError: one of them raised it, or was killed.
        TrainingInterrupted: they received SIGTERM.
    """
    if count == 1:
        function(SINGLE_PROCESS, *arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        spawned = torch.multiprocessing.start_processes(
            _run_spawned,
            (_Launch(count, device, Path(folder), logs.log_file()), function, arguments),
            nprocs=count,
            join=False,
            start_method="spawn",
        )
        with _pass_on_sigterm(spawned.pids()):
            _wait(spawned, Path(folder))


@dataclasses.dataclass(frozen=True)
class _Launch:
    """The arguments of all spawned processes; `folder` is for their rendezvous and errors."""

    count: int
    device: str
    folder: Path
    log_file: str | None


def _run_spawned(
    rank: int, launch: _Launch, function: Callable[..., None], arguments: tuple
) -> None:
    if rank == 0:
        logs.start(launch.log_file, append=True)
    group = ProcessGroup(rank, launch.count, rank)
    try:
        with _initialised(group, launch.device, f"file://{launch.folder}/rendezvous"):
            function(group, *arguments)
    except InputError as error:
        # The parent raises it again; from here it would be a traceback within a traceback.
        note = f"{type(error).__name__}\n{error}"
        Path(launch.folder, f"error-{rank}").write_text(note, encoding="utf-8")
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
                f"Training process {error.error_index} of {len(spawned.processes)} exited without "
                f"a message (exit code {error.exit_code}); it may have been killed, possibly out "
                "of memory. Start again to continue from the last checkpoint."
            ) from error
        raise


@contextlib.contextmanager
def _pass_on_sigterm(pids: list[int]) -> Iterator[None]:
    def pass_on(signal_number: int, frame: object) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, pass_on)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
