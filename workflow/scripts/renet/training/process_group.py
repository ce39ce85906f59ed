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
from multiprocessing.queues import SimpleQueue

import numpy as np
import torch
import torch.multiprocessing
from torch import distributed
from torch.multiprocessing import ProcessExitedException, ProcessRaisedException

from renet.common import logs
from renet.common.errors import InputError

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
        """Whether this is rank 0."""
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
    """The group that torchrun started, or a single process if it did not start this one."""
    if not distributed.is_torchelastic_launched():
        yield SINGLE_PROCESS
        return
    with _initialised(int(os.environ["LOCAL_RANK"]), backend=_backend(device)) as group:
        yield group


def _backend(device: str) -> str:
    on_gpu = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    return "nccl" if on_gpu else "gloo"


@contextlib.contextmanager
def _initialised(local_rank: int, **options: object) -> Iterator[ProcessGroup]:
    distributed.init_process_group(**options)
    try:
        yield ProcessGroup(distributed.get_rank(), distributed.get_world_size(), local_rank)
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
    errors = torch.multiprocessing.get_context("spawn").SimpleQueue()
    with tempfile.TemporaryDirectory() as folder:
        rendezvous = f"file://{folder}/rendezvous"
        options = {"backend": _backend(device), "init_method": rendezvous, "world_size": count}
        spawned = torch.multiprocessing.start_processes(
            _run_spawned,
            (options, errors, logs.log_file(), function, *arguments),
            nprocs=count,
            join=False,
            start_method="spawn",
        )
        with on_sigterm(lambda *_: [process.terminate() for process in spawned.processes]):
            try:
                while not spawned.join(grace_period=GRACE_SECONDS):
                    pass
            except (ProcessExitedException, ProcessRaisedException) as error:
                if not errors.empty():
                    raise errors.get() from error
                if isinstance(error, ProcessRaisedException):
                    raise
                raise InputError(
                    f"Training process {error.error_index} of {count} exited without a message "
                    f"(exit code {error.exit_code}); it may have been killed, possibly out of "
                    "memory. Start again to continue from the last checkpoint."
                ) from error


def _run_spawned(
    rank: int,
    options: dict,
    errors: SimpleQueue,
    log_file: str | None,
    function: Callable[..., None],
    *arguments: object,
) -> None:
    if rank == 0:
        logs.start(log_file, append=True)
    try:
        with _initialised(rank, rank=rank, **options) as group:
            function(group, *arguments)
    except InputError as error:
        # The parent raises it again; from here it would be a traceback within a traceback.
        errors.put(error)
        raise SystemExit(1) from error


@contextlib.contextmanager
def on_sigterm(handler: Callable[[int, object], object]) -> Iterator[None]:
    """Call `handler` at SIGTERM, which no longer ends this process."""
    before = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
