"""The disk that archives are written to: free space and errors."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from renet.common.errors import InputError


def require_space(path: Path, needed: int) -> None:
    """Raise an InputError unless `needed` more bytes fit on the disk of `path`."""
    free = shutil.disk_usage(path.parent).free
    if needed > free:
        raise InputError(
            f"{path} needs {needed:,} more bytes, but only {free:,} are free in {path.parent}; "
            "free some space, or keep the resources on another disk."
        )


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise an InputError in place of an OSError while `path` is written."""
    try:
        yield
    except OSError as error:
        free = shutil.disk_usage(path.parent).free
        raise InputError(
            f"{path} cannot be written: {error.strerror or error} ({free:,} bytes are free in "
            f"{path.parent}). Free some space and start again; the bytes downloaded so far are "
            "kept."
        ) from error
