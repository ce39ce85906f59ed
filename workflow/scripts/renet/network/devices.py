"""Where the network runs, and in which precision."""

import argparse
import contextlib
import ctypes
import logging

import torch
from torch import nn

from renet.common.errors import InputError

DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("float32", "tf32", "bfloat16", "float64")

# From glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
NEVER = 2**31 - 1


def choose(device: str, number: int = 0) -> torch.device:
    """The device of that name; `auto` takes a GPU where torch sees one.

    Args:
        number: of the GPU, for the name `cuda` without one.

    Raises:
        InputError: a GPU is asked for where there is none, or fewer.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    chosen = torch.device(device)
    if chosen.type == "cuda":
        chosen = torch.device("cuda", number if chosen.index is None else chosen.index)
        if chosen.index >= torch.cuda.device_count():
            raise InputError(
                f"GPU number {chosen.index} is asked for and torch sees {torch.cuda.device_count()}"
                ": use -b cpu, or train.device: auto or cpu in the config, or fewer "
                "train.processes, or a torch built for this machine's GPU."
            )
        torch.cuda.set_device(chosen)
    logging.info("Device: %s", describe(chosen))
    return chosen


def describe(device: torch.device) -> str:
    """The device's name for people."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"{device} ({torch.get_num_threads()} threads)"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give a command line the options `--device`, `--precision` and `--threads`."""
    parser.add_argument("--device", choices=DEVICES, default="auto")
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    parser.add_argument("--threads", type=int, default=2, help="threads of torch (default: 2)")


def weight_dtype(precision: str) -> torch.dtype:
    """What the weights are stored in: float32 also where the arithmetic is in bfloat16."""
    return torch.float64 if precision == "float64" else torch.float32


def place(model: nn.Module, device: torch.device, precision: str) -> nn.Module:
    """Move a network to a device, in the dtype and the memory format that it computes in."""
    if device.type == "cpu":
        keep_freed_memory()
    return model.to(device, weight_dtype(precision), memory_format=torch.channels_last)


@contextlib.contextmanager
def arithmetic(precision: str, device: torch.device):
    """A context in which the network computes in that precision.

    `bfloat16` computes products in bfloat16, with weights in float32. `tf32` lets a GPU round the
    factors of products of float32 to 10 bits; `float32` does not, also in convolutions, where torch
    would by itself. On a CPU the two are the same.
    """
    tf32 = precision == "tf32"
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = tf32
    with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        yield


def keep_freed_memory() -> None:
    """Have malloc keep large blocks that are freed, for the next step to use again.

    By itself glibc returns each to the system, which hands it out again a page at a time, zeroed:
    for the maps of this network that costs a fifth of the training on a CPU.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:  # other C libraries have no such knob
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, NEVER)
