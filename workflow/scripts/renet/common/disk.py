"""Disks that are full, or that this user cannot write to: one sentence in place of a traceback."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from renet.common.errors import InputError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # the last: a limit on the size of files
FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
NEARLY_NOTHING = 1 << 16  # bytes; PyTorch and HDF5 do not always say that the disk is full


def require_space(
    path: Path, needed: int, way_out: str = "keep these files on another disk"
) -> None:
    """Raise an InputError unless `needed` more bytes fit on the disk of `path`."""
    free = shutil.disk_usage(_existing(path)).free
    if needed > free:
        raise InputError(
            f"{path} needs {needed:,} more bytes, but only {free:,} are free in {path.parent}; "
            f"free some space, or {way_out}."
        )


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """An InputError in place of the error of a disk that is full or cannot be written."""
    try:
        yield
    except Exception as error:
        if sentence := fault(error, path):
            raise InputError(sentence) from error
        raise


def fault(error: BaseException, path: Path | None = None) -> str | None:
    """The sentence for an error of a disk that is full or cannot be written; None for others.

    Args:
        path: the file that was being written, for errors that name none.
    """
    number = _error_number(error, path)
    named = getattr(error, "filename", None)
    written = Path(os.fsdecode(named)) if isinstance(named, str | bytes) else path
    if number in FORBIDDEN and written:
        return (
            f"{written} cannot be written or read: {os.strerror(number)}; change the permissions, "
            "or give a folder of your own."
        )
    if number not in FULL:
        return None
    if not written:
        return f"A file cannot be written: {os.strerror(number)}; free some space and start again."
    folder = _existing(written)
    free, way_out = f"{shutil.disk_usage(folder).free:,} bytes are free", "free some space"
    disk = os.statvfs(folder)
    if disk.f_files and not disk.f_favail:  # some file systems do not count inodes
        free, way_out = "no inode, which each file needs, is free", "delete some files"
    return (
        f"{written} cannot be written: {os.strerror(number)}, and {free} in {written.parent}; "
        f"{way_out} and start again."
    )


def _error_number(error: BaseException, path: Path | None) -> int | None:
    """The number of the system's error behind that of a library."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(error, InputError):
        if isinstance(cause, OSError) and cause.errno in FULL | FORBIDDEN:
            return cause.errno
        cause = cause.__cause__ or cause.__context__
    unnumbered = isinstance(error, RuntimeError) or (isinstance(error, OSError) and not error.errno)
    if path and unnumbered and shutil.disk_usage(_existing(path)).free < NEARLY_NOTHING:
        return errno.ENOSPC
    return None


def _existing(path: Path) -> Path:
    """The nearest folder above a file that exists."""
    return next(folder for folder in path.absolute().parents if folder.exists())
