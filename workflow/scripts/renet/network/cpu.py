"""How a training uses a CPU: its freed memory and its cores."""

import ctypes
import logging
import os
from pathlib import Path

import torch

# From glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
NEVER = -1

THREADS = Path("/proc/self/task")  # a folder for each thread of this process
# Variables by which a user places OpenMP's threads.
PLACEMENT = ("OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY")


def keep_freed_memory() -> None:
    """Have malloc keep large blocks that are freed, for the next step to reuse.

    By default glibc returns each to the system, which hands it out again page by page, zeroed. For
    this network's activations that costs a fifth of the training time on a CPU.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:  # other C libraries do not have it
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, NEVER)


def bind_threads() -> None:
    """Give each of PyTorch's threads a core of its own, if they are as many as the cores.

    Beside two other busy processes on two cores, Linux may leave both threads on one core and the
    others on the other one: the load of the cores is equal, and a training step takes up to a third
    longer, with GCC's default spin count ten times as long. With fewer threads than cores nothing
    is bound: two trainings side by side would choose the same cores.
    """
    if not hasattr(os, "sched_setaffinity") or not THREADS.exists():
        return  # not Linux
    cores, count = sorted(os.sched_getaffinity(0)), torch.get_num_threads()
    if count == 1 or count != len(cores) or any(name in os.environ for name in PLACEMENT):
        return
    before = set(THREADS.iterdir())
    torch.ones(1 << 22).neg_()  # OpenMP starts its threads
    started = set(THREADS.iterdir()) - before
    if len(started) != count - 1:
        logging.debug("%d threads were started, not %d: none is bound", len(started), count - 1)
        return
    for thread, core in zip([0, *(int(path.name) for path in started)], cores, strict=True):
        os.sched_setaffinity(thread, {core})  # 0: this one
