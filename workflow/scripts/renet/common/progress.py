"""Progress with a rate: one bar on a terminal, and log records every ten seconds.

Without a terminal, a job also prints a record once a minute. The first job to show a bar locks
the terminal until the job ends; other jobs on this terminal only write log records.
"""

import contextlib
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm

from renet.common import locks, logs

LOG_SECONDS, NEWS_SECONDS = 10.0, 60.0
# The bar of a training, whose metrics end with the remaining time.
WITH_METRICS = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{rate_fmt}{postfix}]"
# Log records:
RUNNING = "{desc}: {n_fmt}/{total_fmt} in {elapsed}, {remaining} left, {rate_fmt}{postfix}"
FINISHED = "{desc}: {n_fmt} in {elapsed}, {rate_fmt}{postfix}"

_terminal_locks: list[int] = []  # the descriptor of this process's lock, if it has one


class Progress(tqdm):
    """tqdm's bar on a terminal, and records in the log every ten seconds and at the end.

    In a job, the bar begins with the name of the run or rule, and the finished bar disappears. In
    a script that a user calls, the finished bar stays, and no records are logged beside it.
    """

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("dynamic_ncols", True)
        self._next_record = time.monotonic() + LOG_SECONDS
        self._next_news = time.monotonic() + NEWS_SECONDS
        self._drawn = False
        super().__init__(*args, **kwargs)

    @classmethod
    @contextlib.contextmanager
    def open_file(cls, path: Path, description: str) -> Iterator[BinaryIO]:
        """Open a file for reading; the progress counts the bytes read."""
        options = {"desc": description, "unit": "B", "total": path.stat().st_size}
        with path.open("rb") as handle, cls.wrapattr(handle, "read", **options) as counted:
            yield counted

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:
        """Draw the bar, or `msg`, if this process has locked the terminal; log a record if due."""
        if not self._drawn and msg is None:
            self._drawn = self.pos == 0 and self.fp.isatty() and _take_terminal(self.fp.fileno())
        if self._is_recorded() and msg is None and time.monotonic() >= self._next_record:
            self._next_record = time.monotonic() + LOG_SECONDS
            is_news = time.monotonic() >= self._next_news
            self._next_news += NEWS_SECONDS * is_news
            self._record(RUNNING if self.total else FINISHED, logs.NEWS if is_news else None)
        return self._drawn and super().display(self._bar() if msg is None else msg, pos)

    def close(self) -> None:
        """End with a log record of the total and the mean rate."""
        if not self.disable:
            if self.n and self._is_recorded():
                self._record(FINISHED)
            self.leave = self._drawn and logs.log_file() is None
        super().close()

    def _is_recorded(self) -> bool:
        return logs.log_file() is not None or not self._drawn

    def _record(self, bar_format: str, extra: dict | None = None) -> None:
        text = self.format_meter(**self.format_dict | {"bar_format": bar_format})
        logging.info("%s", text, extra=extra)

    def _bar(self) -> str:
        """Return the text of the bar, as wide as the terminal, with the name of the job."""
        job = os.environ.get(logs.JOB, "")
        name = self.desc if job in self.desc else f"{job} {self.desc}"
        shown = self.format_dict | {"prefix": name}
        if self.postfix and self.total:
            shown["bar_format"] = WITH_METRICS
        return self.format_meter(**shown)


def _take_terminal(descriptor: int) -> bool:
    """Lock the terminal until this process ends; False if another process has locked it."""
    if not _terminal_locks:
        try:
            # Opened anew: copies of a descriptor share its lock, and child processes have copies.
            terminal = os.open(os.ttyname(descriptor), os.O_RDONLY | os.O_NOCTTY)
        except OSError:  # after `su`, the terminal is another user's
            return False
        if not locks.take(terminal):
            os.close(terminal)
            return False
        _terminal_locks.append(terminal)
    return True
