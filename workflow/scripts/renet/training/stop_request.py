"""SIGTERM, with which a cluster ends a job, as a request to stop at the next good moment."""

import signal


class StopRequest:
    """Within this context, SIGTERM no longer ends the process.

    Attributes:
        received: whether it came.
    """

    received = False

    def __enter__(self) -> "StopRequest":
        self._before = signal.signal(signal.SIGTERM, self._receive)
        return self

    def __exit__(self, *error: object) -> None:
        signal.signal(signal.SIGTERM, self._before)

    def _receive(self, signal_number: int, frame: object) -> None:
        self.received = True
