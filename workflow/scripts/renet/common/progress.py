"""Progress with a rate: a bar on a terminal, a log line now and then elsewhere."""

import logging
import sys
import time

from tqdm import tqdm

LOG_SECONDS = 10.0


class Progress(tqdm):
    """tqdm's bar on a terminal; log lines every ten seconds, and one at the end, in a log.

    Takes tqdm's own arguments: `iterable`, `total`, `unit`, `desc`, …
    """

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("file", sys.stderr)
        kwargs.setdefault("dynamic_ncols", True)
        self._next_line = time.monotonic() + LOG_SECONDS
        super().__init__(*args, **kwargs)

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Called by tqdm whenever its bar is due."""
        if self.fp.isatty():
            super().display(msg, pos)
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + LOG_SECONDS
            logging.info("%s", self)

    def close(self) -> None:
        """End with a log line that holds the total and the mean rate."""
        if not self.disable:
            if self.n:
                logging.info("%s", self)
            self.disable = not self.fp.isatty()  # no bar of its own on top of that line
        super().close()
