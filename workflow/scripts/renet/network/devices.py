"""The device and the precision in which a network computes."""

import contextlib
import ctypes
import dataclasses
import logging
from collections.abc import Iterator
from typing import Literal

import torch
from torch import nn

from renet.common.errors import InputError

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["float32", "tf32", "bfloat16", "float64"]

# From glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
NEVER = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class Compute:
    """The settings of a computation, those of the config's section `train`.

    Args:
        device: auto uses a GPU if PyTorch sees one.
        precision: of the activations; tf32 is for GPUs.
        threads: number of PyTorch's threads on a CPU.
    """

    device: Device = "auto"
    precision: Precision = "float32"
    threads: int = 2


def granted(device: str, gpus: int | None) -> str:
    """The device of the settings; cpu if Snakemake grants no GPU (None: not under Snakemake)."""
    return "cpu" if gpus == 0 else device


def choose(name: str, threads: int, local_rank: int = 0) -> torch.device:
    """Set PyTorch's number of threads, and choose the device.

    Args:
        name: auto, cpu or cuda, as from `granted`.
        local_rank: the process's number on this machine, which is the number of its GPU.

    Raises:
        InputError: PyTorch sees no GPU, or too few, and one is asked for.
    """
    torch.set_num_threads(threads)
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device, details = torch.device(name), f"{threads} threads"
    if name == "cuda":
        if local_rank >= torch.cuda.device_count():
            raise InputError(
                f"GPU number {local_rank} is asked for and PyTorch sees "
                f"{torch.cuda.device_count()}: use -b cpu, or train.device: auto or cpu in the "
                "config, or fewer train.processes, or a PyTorch for this machine's GPU."
            )
        device = torch.device("cuda", local_rank)
        torch.cuda.set_device(device)
        details = torch.cuda.get_device_name(device)
    logging.info("Device: %s (%s)", device, details)
    return device


def to_device(model: nn.Module, device: torch.device, precision: str) -> nn.Module:
    """Move a network to a device, with the dtype and the memory format that it computes in."""
    if device.type == "cpu":
        keep_freed_memory()
    dtype = torch.float64 if precision == "float64" else torch.float32  # bfloat16 too
    return model.to(device, dtype, memory_format=torch.channels_last)


@contextlib.contextmanager
def precision_context(precision: str, device: torch.device) -> Iterator[None]:
    """A context for a forward pass in that precision.

    `bfloat16` computes matrix products and convolutions in bfloat16, with weights in float32.
    The others compute in the dtype of the weights; see `tf32_flags` for `tf32`.
    """
    with (
        tf32_flags(precision),
        torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"),
    ):
        yield


@contextlib.contextmanager
def tf32_flags(precision: str) -> Iterator[None]:
    """A context for forward and backward passes; PyTorch's global flags are restored after it.

    `tf32` lets a GPU round the factors of float32 products to 10 bits. `float32` does not, also in
    convolutions, where PyTorch's default does. On a CPU the two are the same.
    """
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.allow_tf32, matmul.allow_tf32
    cudnn.allow_tf32 = matmul.allow_tf32 = precision == "tf32"
    try:
        yield
    finally:
        cudnn.allow_tf32, matmul.allow_tf32 = before


def keep_freed_memory() -> None:
    """Have malloc keep large blocks that are freed, for the next step to reuse.

    By default glibc returns each to the system, which hands it out again page by page, zeroed. For
    this network's activations that costs a fifth of the training time on a CPU.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:  # other C libraries do not have it
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, NEVER)
