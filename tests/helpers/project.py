"""Where the project lies, and its scripts as a user runs them."""

import importlib
import subprocess
import sys
from pathlib import Path

from renet.common import script

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "workflow" / "scripts"


def run_script(name: str, *arguments: object) -> subprocess.CompletedProcess:
    """Run a script as a user would; its output is captured, its status left to the caller."""
    command = [sys.executable, str(SCRIPTS / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def call_script(name: str, *arguments: object) -> None:
    """Run a script's function with a command line, without the seconds of a start of Python."""
    function = getattr(importlib.import_module(name), name)
    script.command_line(function)(list(map(str, arguments)), exit_on_error=False)
