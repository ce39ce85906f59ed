"""Files that are either whole or absent: written beside their final name, then renamed."""

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

NO_LOCKS = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK}  # as file systems without them say


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield the temporary path `<path>.tmp`; on success it takes the name `path`, else it goes.

    The temporary file is locked (flock) meanwhile, so that a job started again while its
    abandoned twin is still alive stops instead of writing into the twin's file. h5py locks too:
    open the yielded path with `locking=False`.

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
    """Lock an open file (flock) until it is closed; a file system without locks has to do without.

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
    """Write `text` as UTF-8 under the name `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: object) -> None:
    """Write `value` as indented JSON under the name `path`, whole or not at all.

    NaN and infinities are refused (ValueError): JSON has no word for them.
    """
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: str | Path) -> dict:
    """Read a JSON file.

    Raises:
        InputError: the file holds something else.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(
            f"{path} is not valid JSON ({error}); delete it to make it again."
        ) from error


def file_digest(path: str | Path, algorithm: str = "sha256") -> str:
    """The hexadecimal digest of a file's bytes, read in blocks."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, algorithm).hexdigest()
