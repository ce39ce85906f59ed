"""Whether a process still runs."""

import psutil


def is_alive(process: int) -> bool:
    """Whether it has not ended; a process that has can wait for init to remove it."""
    try:
        return psutil.Process(process).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False
