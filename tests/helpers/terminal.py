"""A command in a pseudo-terminal, and what stands on its screen while it runs and afterwards."""

import dataclasses
import fcntl
import os
import pty
import re
import signal
import struct
import termios
from pathlib import Path

import pyte

COLUMNS = 110  # a bar and its numbers fit; long lines of text are wrapped
ROWS = 50  # more than a test prints, so that nothing scrolls away


@dataclasses.dataclass(frozen=True)
class Session:
    """A command that has ended."""

    status: int
    screens: list[list[str]]  # lines of the screen after each read, without empty ones

    @property
    def lines(self) -> list[str]:
        """What a user sees in the end."""
        return self.screens[-1]


def on_a_terminal(
    folder: Path,
    *command: object,
    columns: int = COLUMNS,
    ctrl_c_at: str | None = None,
    **environment: str,
) -> Session:
    """Run a command in a terminal; type Ctrl-C when the screen has the pattern `ctrl_c_at`."""
    child, descriptor = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
        os.chdir(folder)
        os.environ.pop("COLUMNS", None)
        signal.alarm(0)  # which conftest.py sets, and the command would inherit
        os.execvpe(str(command[0]), [*map(str, command)], os.environ | environment)
    screen = pyte.Screen(columns, ROWS)
    stream = pyte.ByteStream(screen)
    screens: list[list[str]] = [[]]
    try:
        while printed := os.read(descriptor, 1 << 16):
            stream.feed(printed)
            screens.append([line.rstrip() for line in screen.display if line.strip()])
            if ctrl_c_at and any(re.search(ctrl_c_at, line) for line in screens[-1]):
                ctrl_c_at = os.write(descriptor, b"\x03") and None
    except OSError:  # the child has ended
        pass
    os.close(descriptor)
    return Session(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), screens)
