"""Locks on files (flock), which the kernel releases when the locking process ends.

If only Snakemake is killed, its jobs continue. Without a lock, a job of the next start would write
the same files.
"""

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from renet.common.errors import InputError

NO_LOCKS = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK}  # errors of file systems without locks


def take(handle: IO | int) -> bool:
    """Lock an open file; False if another process has locked it. True if locks are unsupported."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    return True


@contextlib.contextmanager
def sole_writer(path: Path, written: Path | None = None) -> Iterator[None]:
    """Lock a temporary or a .lock file; InputError if another process has locked it."""
    with path.open("ab") as handle:
        # Another process may have renamed the file before this one got the lock.
        if not (take(handle) and _is_at(path, handle)):
            raise InputError(
                f"{written or path.with_suffix('')} is being written by another process, perhaps a "
                "job that outlived its Snakemake; wait until it ends, or stop it, and start again."
            )
        yield


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Create and lock a folder; see `sole_writer`."""
    folder.mkdir(parents=True, exist_ok=True)
    with sole_writer(folder / ".lock", folder):
        yield


def _is_at(path: Path, handle: IO) -> bool:
    """Whether `path` is the open file: another process may have renamed or deleted this file."""
    try:
        return os.path.samestat(os.fstat(handle.fileno()), path.stat())
    except FileNotFoundError:
        return False
