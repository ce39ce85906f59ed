"""Processes that a job starts end with it, also if it is killed."""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

SET_PARENT_DEATH_SIGNAL = 1  # prctl(2)
LARGEST = 2_000_000_000  # bytes that `call` allows
Result = TypeVar("Result")


def call(function: Callable[..., Result], *arguments: object) -> Result:
    """Result of a function that foreign bytes could crash, called in a process of its own.

    Raises:
        BrokenProcessPool: the process crashed, or was killed.
        MemoryError: it needed more than `LARGEST` bytes, or than the machine has.
    """
    with ProcessPoolExecutor(1, None, begin, (os.getpid(),)) as pool:
        return pool.submit(function, *arguments).result()


def begin(parent: int) -> None:
    """End this process with its parent, and limit what it takes above its present memory.

    Only Linux can do either. Ctrl-C, which a terminal sends to both, is left to the parent.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        page, (soft, hard) = resource.getpagesize(), resource.getrlimit(resource.RLIMIT_AS)
        allowed = min(LARGEST, os.sysconf("SC_PHYS_PAGES") * page)
        allowed += int(Path("/proc/self/statm").read_text().split()[0]) * page
        if soft == resource.RLIM_INFINITY or allowed < soft:
            resource.setrlimit(resource.RLIMIT_AS, (allowed, hard))
    if os.getppid() != parent:  # it has ended before
        os._exit(1)
