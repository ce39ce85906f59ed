"""Processes that train one network together, each on its part of every batch.

They form the default group of `torch.distributed`. Without a group, this process is rank 0 of 1.
"""

import contextlib
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import torch
from torch import distributed

from renet.network import devices

T = TypeVar("T")


@contextlib.contextmanager
def group(device: str) -> Iterator[None]:
    """Join the process group that torchrun or `launch` describes in the environment, if any."""
    if not distributed.is_torchelastic_launched():
        yield
        return
    on_gpu = devices.device_type(device) == "cuda"
    own = torch.device("cuda", devices.own_gpu(local_rank())) if on_gpu else None
    distributed.init_process_group("nccl" if on_gpu else "gloo", device_id=own)
    yield
    # Not after an error, when NCCL may wait for the other processes.
    distributed.destroy_process_group()


@contextlib.contextmanager
def stop_requests() -> Iterator[list[int]]:
    """Yield a list that collects SIGTERM and SIGINT, which then do not end the process."""
    received: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # as in a background process of a shell
            signal.signal(number, lambda number, _: received.append(number))
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def size() -> int:
    """Return the number of processes in the group."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Return the rank of this process, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def is_main() -> bool:
    """Whether this process writes the files and the log."""
    return rank() == 0


def local_rank() -> int:
    """Return this process's rank on its machine, by which its GPU is chosen."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def part(count: int) -> slice:
    """Return this process's slice of `count` samples; the slices' sizes differ by at most one."""
    first, end = (-(-number * count // size()) for number in (rank(), rank() + 1))
    return slice(first, end)


def broadcast(tensors: Iterable[torch.Tensor]) -> None:
    """Overwrite the tensors of all processes by the tensors of rank 0."""
    if distributed.is_initialized():
        for tensor in tensors:
            distributed.broadcast(tensor, 0)


def from_main(compute: Callable[[], T]) -> T:
    """Compute a value in rank 0, and return it in all processes."""
    found: list = [compute() if is_main() else None]
    if distributed.is_initialized():
        distributed.broadcast_object_list(found)
    return found[0]


def gather(value: T) -> list[T]:
    """Return the values of all processes, by rank, in every process; wait for all."""
    values = [value] * size()
    if distributed.is_initialized():
        distributed.all_gather_object(values, value)
    return values
