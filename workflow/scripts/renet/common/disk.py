"""Disks that are full, or that this user cannot write to: one sentence in place of a traceback."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from renet.common.errors import InputError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # the last: a limit on the size of files
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
    """Raise an InputError in place of the error of a full disk, or of a path that cannot be used.

    The paths of the job's outputs, or the command's arguments, tell the disk, because the error of
    a write names no file.
    """
    try:
        yield
    except Exception as error:
        if sentence := fault(error, outputs):
            raise InputError(sentence) from error
        raise


def fault(error: Exception, outputs: Iterable[str | Path]) -> str | None:
    """Sentence for an error of a full disk, or of a path that cannot be used; None for others."""
    number, name = _number_and_name(error)
    if number is None:
        return None
    if number == errno.ENAMETOOLONG:
        return f"{(name or 'A path')[:200]}… cannot be used: {os.strerror(number)}; shorten it."
    folders = [_existing(Path(path)) for path in ([name] if name else outputs)] or [Path()]
    if number in FORBIDDEN:
        return (
            f"{name or folders[0]} cannot be written or read: {os.strerror(number)}; "
            "change the permissions, or give a folder of your own."
        )
    free, folder = min((shutil.disk_usage(folder).free, folder) for folder in folders)
    return (
        f"{name or 'A file'} cannot be written: {os.strerror(number)} in {folder}, where {free:,} "
        "bytes are free; free some space, also for temporary files, and start again."
    )


def _number_and_name(error: BaseException) -> tuple[int | None, str | None]:
    """The errno of the system's error behind a library's error, and the file that it names."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(error, InputError):
        named = getattr(cause, "filename", None)
        for number in FULL | FORBIDDEN | {errno.ENAMETOOLONG}:
            if getattr(cause, "errno", None) == number or os.strerror(number) in str(cause):
                return number, os.fsdecode(named) if isinstance(named, str | bytes) else None
        cause = cause.__cause__ or cause.__context__
    return None, None


def _existing(path: Path) -> Path:
    """Nearest folder above a file that exists."""
    return next(folder for folder in path.absolute().parents if os.access(folder, os.F_OK))
