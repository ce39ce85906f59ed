"""Processes that a job starts end with it, also if it is killed."""

import ctypes
import os
import signal

SET_PARENT_DEATH_SIGNAL = 1  # prctl(2)


def end_with_parent(parent: int) -> None:
    """Let the kernel kill this process as soon as the one that has started it ends.

    A worker of a pool would wait for work for ever, with its memory. Only Linux has this signal.

    Args:
        parent: the process that has started this one.
    """
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl:
        prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:  # it has ended before
        os._exit(1)
