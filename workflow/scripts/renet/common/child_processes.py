"""Processes that a job starts end with it, also if it is killed."""

import ctypes
import os
import resource
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

SET_PARENT_DEATH_SIGNAL = 1  # prctl(2)
LARGEST = 2_000_000_000  # bytes that `call` allows
Result = TypeVar("Result")


def end_with_parent(parent: int) -> None:
    """Let the kernel kill this process as soon as the one that has started it ends.

    Only Linux has this signal. Ctrl-C, which a terminal sends to both, is left to the other one.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl:
        prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:  # it has ended before
        os._exit(1)


def call(function: Callable[..., Result], *arguments: object) -> Result:
    """The result of a function that foreign bytes could crash, called in a process of its own.

    Raises:
        BrokenProcessPool: the process crashed, or was killed.
        MemoryError: it needed more than `LARGEST` bytes, or than the machine has.
    """
    with ProcessPoolExecutor(1, None, _limit_memory, (os.getpid(),)) as pool:
        return pool.submit(function, *arguments).result()


def _limit_memory(parent: int) -> None:
    """Limit what this process takes above its present memory. Only Linux tells how much that is."""
    end_with_parent(parent)
    pages = Path("/proc/self/statm")
    if pages.exists():
        page, (soft, hard) = resource.getpagesize(), resource.getrlimit(resource.RLIMIT_AS)
        allowed = min(LARGEST, os.sysconf("SC_PHYS_PAGES") * page)
        allowed += int(pages.read_text().split()[0]) * page
        if soft == resource.RLIM_INFINITY or allowed < soft:
            resource.setrlimit(resource.RLIMIT_AS, (allowed, hard))
