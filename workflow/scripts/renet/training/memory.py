"""How much memory a process holds of its own."""

import resource
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def anonymous_bytes() -> int:
    """Memory that is not the page cache of a mapped file; elsewhere than on Linux, the peak."""
    if STATUS.exists():
        for line in STATUS.read_text(encoding="ascii").splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class HighWater:
    """The most memory seen at any look."""

    def __init__(self) -> None:
        """Begin with what is held now."""
        self._most = anonymous_bytes()

    def look(self) -> int:
        """Look again; the most so far, in bytes."""
        self._most = max(self._most, anonymous_bytes())
        return self._most
