"""The disk that archives are written to: whether it has room, and what to say when it fails."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from renet.common.errors import InputError


def require_space(path: Path, needed: int) -> None:
    """Check that `needed` bytes more can be written to `path`, whose folder exists.

    Raises:
        InputError: they cannot.
    """
    free = shutil.disk_usage(path.parent).free
    if needed > free:
        raise InputError(
            f"{path} needs {needed:,} bytes more, but only {free:,} are free in {path.parent}; "
            "make room, or keep the resources on another disk."
        )


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an error of the disk while `path` is written into one for the user.

    Raises:
        InputError: the block raised an OSError.
    """
    try:
        yield
    except OSError as error:
        free = shutil.disk_usage(path.parent).free
        raise InputError(
            f"{path} cannot be written: {error.strerror or error} ({free:,} bytes are free in "
            f"{path.parent}). Make room and start again; what was fetched until now is kept."
        ) from error
