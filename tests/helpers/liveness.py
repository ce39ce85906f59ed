"""Whether a process still runs."""

from pathlib import Path


def is_alive(process: int) -> bool:
    """Whether it has not ended; a process that has can wait for init to remove it."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"
