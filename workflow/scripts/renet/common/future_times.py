"""Files whose times lie in the future, because the clock was ahead when they were written.

Snakemake compares times. A new output would be older than its inputs, so that Snakemake would fail
the job. After an interruption, the files that depend on this output would count as up to date.
"""

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from renet.common.errors import InputError

TOLERANCE = 60 * 10**9  # nanoseconds by which the clock of a file server may be ahead


def put_back(paths: Iterable[Path]) -> str | None:
    """Set times in the future to now, and keep their order.

    Returns:
        What was done, as text; None if no file has a time in the future.
    """
    now = time.time_ns()
    times = {path: changed for path in paths if (changed := _changed(path)) > now}
    if max(times.values(), default=0) <= now + TOLERANCE:
        return None
    order = sorted(set(times.values()))
    rank = {changed: number for number, changed in enumerate(order)}
    set_to = {path: now - 1000 * (len(order) - rank[changed]) for path, changed in times.items()}
    left = [path for path, new in set_to.items() if not _set_time(path, new)]
    count = f"{len(times):,} file{'s' if len(times) > 1 else ''}"
    said = (
        f"{count} (for example {min(times)}) had times in the future: the computer's clock was "
        "ahead when they were written, or is behind now."
    )
    if len(left) < len(times):
        said += f" {len(times) - len(left):,} of them were set to now."
    if left:
        said += f" {len(left):,} cannot be changed, for example {min(left)}."
    return said


def refuse(paths: Iterable[Path]) -> None:
    """Refuse a user's own files and folders with times in the future, which stay untouched.

    Raises:
        InputError: naming one of them.
    """
    now = time.time_ns()
    for path in paths:
        ahead = _time(path) - now
        if ahead > TOLERANCE:
            raise InputError(
                f"{path} has a time {ahead / 60e9:,.0f} minutes in the future, and Snakemake would "
                "refuse the files that are made from it; set the time to now with `touch`, or mend "
                "the computer's clock."
            )


def files_in(folder: Path) -> Iterator[Path]:
    """The files in a folder, also while others delete some of them."""
    for inner, _, names in os.walk(folder):
        yield from (Path(inner, name) for name in names)


def _set_time(path: Path, nanoseconds: int) -> bool:
    """Whether the time of a file could be set: it can be another user's, or be gone."""
    try:
        os.utime(path, ns=(nanoseconds, nanoseconds))
    except OSError:
        return False
    return True


def _changed(path: Path) -> int:
    """When a file was changed; 0 for what is no file, or no longer there."""
    return _time(path) if path.is_file() else 0


def _time(path: Path) -> int:
    """When a file or folder was changed; 0 for what is no longer there."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
