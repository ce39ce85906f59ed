"""One process at a time for a folder, such as that of a run's trainings, or for a file.

Where Snakemake alone is killed, its jobs live on. Without a lock, the same job of the next start
would write the same files.
"""

import contextlib
import itertools
import json
import logging
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from renet.common import files
from renet.common.errors import InputError

NAME = ".lock"  # of the file in the folder; the lock is the kernel's, and ends with its process
POLL_SECONDS = 1.0
POLLS_PER_LINE = 60  # of the log


@contextlib.contextmanager
def alone_in(folder: Path, wait_minutes: float = 0) -> Iterator[None]:
    """Hold the lock of a folder, which is made if it is missing.

    Args:
        wait_minutes: how long to wait for another process that holds it.

    Raises:
        InputError: another process holds it; the message names the process and its machine.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Without a buffer, whose bytes would be written again, and fail again, where it is closed.
    with (folder / NAME).open("a+b", buffering=0) as handle:
        until = time.monotonic() + 60 * wait_minutes
        while not _take(handle):
            if time.monotonic() >= until:
                raise InputError(
                    f"{folder} is in use by {_owner(handle)}, perhaps a job that outlived its "
                    "Snakemake: wait for it to end, or stop it, and start again; `resources: "
                    "{wait_minutes: 60}` in the config waits for it."
                )
            logging.info("Waiting for %s, which works in %s", _owner(handle), folder)
            time.sleep(POLL_SECONDS)
        _sign(handle, folder / NAME)
        try:
            yield
        finally:
            handle.truncate(0)


@contextlib.contextmanager
def alone_with(file: Path) -> Iterator[None]:
    """Hold the lock of a file, which need not exist; wait as long as another process holds it.

    The lock is on `<file>.lock`, which is deleted at the end.
    """
    path = file.with_name(f"{file.name}{NAME}")
    for polls in itertools.count():
        with path.open("a+b", buffering=0) as handle:
            if _take(handle) and _is_at(path, handle):
                try:
                    _sign(handle, path)
                    yield
                finally:
                    if _is_at(path, handle):  # a user may have deleted it
                        path.unlink(missing_ok=True)
                return
            if polls % POLLS_PER_LINE == 0:
                logging.warning("Waiting for %s, which works on %s", _owner(handle), file)
        time.sleep(POLL_SECONDS)


def owner(folder: Path) -> str | None:
    """The process that holds the lock of a folder, in words; None if none does."""
    path = folder / NAME
    # For writing: NFS gives no exclusive lock on a file that is open for reading alone.
    mode = "r+" if os.access(path, os.W_OK) else "r"
    try:
        with path.open(mode, encoding="utf-8") as handle:
            return None if _take(handle) else _owner(handle)
    except OSError:  # no job has worked there, or that of another user
        return None


def _take(handle: IO) -> bool:
    try:
        files.lock(handle)
    except BlockingIOError:
        return False
    return True


def _is_at(path: Path, handle: IO) -> bool:
    """Whether the open file still is at its path: its holder may have deleted it meanwhile."""
    try:
        return os.path.samestat(os.fstat(handle.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _sign(handle: IO, path: Path) -> None:
    with files.explained(path):
        handle.truncate(0)
        holder = {"process": os.getpid(), "machine": socket.gethostname()}
        handle.write(json.dumps(holder).encode())


def _owner(handle: IO) -> str:
    handle.seek(0)
    try:
        known = json.loads(handle.read())
        return f"the process {known['process']} on {known['machine']}"
    except (ValueError, KeyError):  # it has only just taken the lock
        return "another process"
