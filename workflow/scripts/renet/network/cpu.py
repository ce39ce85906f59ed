"""The memory and the cores of a CPU."""

import contextlib
import ctypes
import functools
import logging
import os
from pathlib import Path

import torch

# From glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
NEVER = -1

THREADS = Path("/proc/self/task")  # a folder for each thread of this process
THIS_THREAD = 0  # for `sched_setaffinity`
ELEMENTS_OF_A_THREAD = 1 << 16  # PyTorch gives a thread at least half of this
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
    others on the other one, since both cores then have equal loads. A training step takes a third
    longer there, and several times as long with GCC's default spin count. With fewer threads than
    cores nothing is bound: two trainings side by side would choose the same cores.

    It has to be called before PyTorch's first computation. Threads that are started later begin on
    the core of this one; see `use_all_cores`.
    """
    if not hasattr(os, "sched_setaffinity") or not THREADS.exists():
        return  # not Linux
    cores, count = sorted(all_cores()), torch.get_num_threads()
    if count == 1 or count != len(cores) or any(name in os.environ for name in PLACEMENT):
        return
    before = set(THREADS.iterdir())
    torch.ones(count * ELEMENTS_OF_A_THREAD).neg_()  # OpenMP starts its threads
    started = [int(path.name) for path in set(THREADS.iterdir()) - before]
    if len(started) != count - 1:
        logging.info("The threads are not bound to cores: they were started before")
        return
    with contextlib.suppress(OSError):  # a sandbox can refuse it
        for thread, core in zip([THIS_THREAD, *started], cores, strict=True):
            os.sched_setaffinity(thread, {core})
        logging.info("Each of the %d threads has a core of its own", count)


@functools.cache
def all_cores() -> set[int]:
    """The cores of this process, as they were when it began to compute."""
    is_linux = hasattr(os, "sched_getaffinity")
    return os.sched_getaffinity(THIS_THREAD) if is_linux else set(range(os.cpu_count() or 1))


def use_all_cores() -> None:
    """Let this thread, which does not take part in the computation, run on any core."""
    if hasattr(os, "sched_setaffinity"):
        with contextlib.suppress(OSError):
            os.sched_setaffinity(THIS_THREAD, all_cores())
