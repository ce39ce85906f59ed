"""Files whose times lie in the future, because the clock was ahead when they were written.

Snakemake compares times. What is made now would seem older than what it is made of, which is an
error of Snakemake, and older than what depends on it, which would not be made again where a start
is interrupted.
"""

import contextlib
import os
import stat
import time
from collections.abc import Iterable
from pathlib import Path

TOLERANCE = 60 * 10**9  # nanoseconds by which the clock of a file server may be ahead


def put_back(paths: Iterable[Path]) -> str | None:
    """Give files of the future times before now, in their order; a sentence if there are some."""
    now = time.time_ns()
    times = {path: changed for path in paths if (changed := _changed(path)) > now}
    if max(times.values(), default=0) <= now + TOLERANCE:
        return None
    order = sorted(set(times.values()))
    rank = {changed: number for number, changed in enumerate(order)}
    for path, changed in times.items():
        new = now - 1000 * (len(order) - rank[changed])
        with contextlib.suppress(OSError):  # another user's
            os.utime(path, ns=(new, new))
    return (
        f"{len(times)} files, such as {min(times)}, had times in the future, and have that of now: "
        "the clock was ahead, or is behind."
    )


def _changed(path: Path) -> int:
    """When a file was changed; 0 for what is no file, or no longer there."""
    try:
        status = path.stat()
    except OSError:
        return 0
    return status.st_mtime_ns if stat.S_ISREG(status.st_mode) else 0
