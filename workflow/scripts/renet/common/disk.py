"""Explain errors of full or unwritable disks by one sentence instead of a traceback."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from renet.common.errors import InputError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # EFBIG: a limit on the size of a file
FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


def require_space(path: Path, needed: int) -> None:
    """Raise an InputError unless `needed` more bytes fit on the disk of `path`."""
    free = shutil.disk_usage(_existing(path)).free
    if needed > free:
        raise InputError(
            f"{path} needs {needed:,} more bytes, but only {free:,} are free in {path.parent}; "
            "free some space, or keep these files on another disk."
        )


@contextlib.contextmanager
def explained(outputs: Iterable[str | Path]) -> Iterator[None]:
    """Replace an error of a full disk, or of an unusable path, by an InputError with a sentence.

    `outputs`, a job's outputs or a command's arguments, show which disk is full, because a failed
    write raises an error without the file's name.
    """
    try:
        yield
    except Exception as error:
        if sentence := fault(error, outputs):
            raise InputError(sentence) from error
        raise


def fault(error: Exception, outputs: Iterable[str | Path]) -> str | None:
    """Return a sentence for an error of a full disk or an unusable path; None for other errors."""
    number, name = _number_and_name(error)
    if number is None:
        return None
    if number == errno.ENAMETOOLONG:
        return f"{(name or 'A path')[:200]}… cannot be used: {os.strerror(number)}; shorten it."
    folders = [_existing(Path(path)) for path in ([name] if name else outputs)] or [Path()]
    if number in FORBIDDEN:
        return (
            f"{name or folders[0]} cannot be written or read: {os.strerror(number)}; "
            "change the permissions, or name a folder of your own."
        )
    free, folder = min((shutil.disk_usage(folder).free, folder) for folder in folders)
    return (
        f"{name or 'A file'} cannot be written: {os.strerror(number)} in {folder}, where {free:,} "
        "bytes are free; free some space, also for temporary files, and start again."
    )


def _number_and_name(error: BaseException) -> tuple[int | None, str | None]:
    """Return errno and file name of the system's error that caused a library's error, or None."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(error, InputError):
        named = getattr(cause, "filename", None)
        for number in FULL | FORBIDDEN | {errno.ENAMETOOLONG}:
            if getattr(cause, "errno", None) == number or os.strerror(number) in str(cause):
                return number, os.fsdecode(named) if isinstance(named, str | bytes) else None
        cause = cause.__cause__ or cause.__context__
    return None, None


def _existing(path: Path) -> Path:
    """Return the nearest existing folder above a path."""
    return next(folder for folder in path.absolute().parents if os.access(folder, os.F_OK))
