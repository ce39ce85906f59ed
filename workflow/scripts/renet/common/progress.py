"""Progress with a rate: a bar on a terminal, a log record every ten seconds elsewhere."""

import contextlib
import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm

LOG_SECONDS = 10.0


class Progress(tqdm):
    """tqdm's bar on a terminal; elsewhere a log record every ten seconds and one at the end."""

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("file", sys.stderr)
        kwargs.setdefault("dynamic_ncols", True)
        self._next_line = time.monotonic() + LOG_SECONDS
        super().__init__(*args, **kwargs)

    @classmethod
    @contextlib.contextmanager
    def of_file(cls, path: Path, description: str) -> Iterator[BinaryIO]:
        """Open a file for reading; the progress is that of the bytes read."""
        options = {"desc": description, "unit": "B", "unit_scale": True}
        options["total"] = path.stat().st_size
        with path.open("rb") as handle, cls.wrapattr(handle, "read", **options) as counted:
            yield counted

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        if self.fp.isatty():
            super().display(msg, pos)
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + LOG_SECONDS
            logging.info("%s", self)

    def close(self) -> None:
        """End with a log record of the total and the mean rate."""
        if not self.disable:
            if self.n:
                logging.info("%s", self)
            self.disable = not self.fp.isatty()  # no bar after that record
        super().close()
