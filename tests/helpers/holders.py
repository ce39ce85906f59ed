"""A process that works in the folder of a run."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from helpers.project import SCRIPTS

HOLD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from renet.common import locks
with locks.alone_in(Path(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def held(folder: Path) -> Iterator[subprocess.Popen]:
    """Have another process hold the lock of a folder; it ends when its input does."""
    command = [sys.executable, "-c", HOLD, SCRIPTS, folder]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdout.readline()
    try:
        yield process
    finally:
        process.communicate()
