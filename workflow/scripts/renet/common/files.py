"""Files that are either whole or absent: written under a temporary name, then renamed.

Both the file and its new name are on the disk (fsync) when a function returns, so that a power loss
cannot take a file after what it replaces is deleted.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from renet.common import disk
from renet.common.errors import InputError

NO_LOCKS = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK}  # errors of file systems without locks


@contextlib.contextmanager
def replacing(path: str | Path, size: int = 0) -> Iterator[Path]:
    """Yield the path `<path>.tmp`; rename it to `path` on success, delete it otherwise.

    The temporary file is locked: a job that is started again while an abandoned process still
    writes the same output stops with an error. h5py has locks of its own: open the yielded path
    with `locking=False`.

    Args:
        size: bytes of the file, where they are known; they must be free before it is begun.

    Raises:
        InputError: another process is writing the same file, the disk is full, or the file or its
            folder cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(path.name + ".tmp")
    with explained(temporary):
        _make_folder_of(path)
        if size:
            disk.require_space(path, size)
        with locked(temporary):
            try:
                with explained(temporary):
                    yield temporary
                    move(temporary, path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """An InputError in place of the error of a disk that is full or cannot be written.

    Args:
        path: the file that is written.
    """
    try:
        yield
    except Exception as error:
        if sentence := disk.fault(error, path):
            raise InputError(sentence) from error
        raise


def check_writable(path: Path) -> None:
    """Make the folder of a file that is to be written later, and see whether it can be.

    Raises:
        InputError: it cannot, as where `replacing` would begin the file.
    """
    with explained(path):
        _make_folder_of(path)
        with tempfile.TemporaryFile(dir=path.parent):
            pass


def _make_folder_of(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        fault = f"{path.parent} is not a folder"
        raise InputError(f"{path} cannot be written, because {fault}; name another.") from error
    if path.is_dir():
        raise InputError(f"{path} cannot be written, because it is a folder; name a file.")


def move(source: Path, target: Path) -> None:
    """Rename a file within its folder; file and name are on the disk afterwards."""
    _sync(source)
    source.replace(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that cannot, for folders
            raise
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock on `<file>.tmp` or `<file>.part`, which is made if it is missing.

    The kernel releases it when the process ends. File systems without locks do without.

    Raises:
        InputError: another process holds the lock.
    """
    with path.open("ab") as handle:
        try:
            lock(handle)
            # Another process may have renamed the file before this one got the lock.
            is_ours = os.path.samestat(os.fstat(handle.fileno()), path.stat())
        except (BlockingIOError, FileNotFoundError):
            is_ours = False
        if not is_ours:
            raise InputError(
                f"{path.with_suffix('')} is being written by another process; wait for it to end, "
                "or stop it, and start again."
            )
        yield


def lock(handle: IO) -> None:
    """Take the exclusive lock of an open file; file systems without locks do without.

    Raises:
        BlockingIOError: another process holds it.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        logging.debug("%s is not locked: its file system has no locks.", handle.name)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8; the file is either whole or absent."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: object) -> None:
    """Write `value` as indented JSON; the file is either whole or absent.

    Raises:
        ValueError: the value has a NaN or an infinity, which JSON cannot represent.
    """
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: str | Path) -> dict:
    """Read a JSON file.

    Raises:
        InputError: the file is not valid JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path} is not valid JSON ({error}); delete it to make it again."
        ) from error


def file_digest(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal digits."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
