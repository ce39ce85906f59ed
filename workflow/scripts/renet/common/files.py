"""Files that are either whole or absent: written under a temporary name, then renamed."""

import contextlib
import errno
import fcntl
import hashlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from renet.common.errors import InputError

NO_LOCKS = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK}  # errors of file systems without locks


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield the path `<path>.tmp`; rename it to `path` on success, delete it otherwise.

    The temporary file is locked (flock): a job that is started again while an abandoned process
    still writes the same output stops with an error. h5py has locks of its own: open the yielded
    path with `locking=False`.

    Raises:
        InputError: another process is writing the same file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("ab") as handle:
        try:
            lock(handle)
        except BlockingIOError as error:
            raise InputError(
                f"{path} is being written by another process; wait for it to end, or stop it, "
                "and start again."
            ) from error
        try:
            yield temporary
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def lock(handle: IO) -> None:
    """Lock an open file (flock) until it is closed; without effect on file systems without locks.

    Raises:
        BlockingIOError: another process holds the lock.
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
    except ValueError as error:
        raise InputError(
            f"{path} is not valid JSON ({error}); delete it to make it again."
        ) from error


def file_digest(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal digits."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
