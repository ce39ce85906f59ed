"""Where the network runs, and in which precision."""

import contextlib
import logging

import torch

from renet.errors import InputError

DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("float32", "bfloat16", "float64")


def choose(device: str) -> torch.device:
    """The device of that name; `auto` takes a GPU where torch sees one.

    Raises:
        InputError: a GPU is asked for where there is none.
    """
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(
            "A GPU is asked for and torch sees none: use -b cpu, or train.device: auto or cpu in "
            "the config, or a torch built for this machine's GPU."
        )
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    logging.info("Device: %s", _describe(torch.device(device)))
    return torch.device(device)


def _describe(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"{device} ({torch.get_num_threads()} threads)"


def weight_dtype(precision: str) -> torch.dtype:
    """What the weights are stored in: float32 also where the arithmetic is in bfloat16."""
    return torch.float64 if precision == "float64" else torch.float32


def arithmetic(precision: str, device: torch.device) -> contextlib.AbstractContextManager:
    """A context in which the network computes in that precision."""
    if precision == "bfloat16":
        return torch.autocast(device.type, torch.bfloat16)
    return contextlib.nullcontext()
