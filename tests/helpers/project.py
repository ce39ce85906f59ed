"""Where the project lies, and its scripts as a user runs them."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "workflow" / "scripts"


def run_script(name: str, *arguments: object) -> subprocess.CompletedProcess:
    """Run a script as a user would; its output is captured, its status left to the caller."""
    command = [sys.executable, str(SCRIPTS / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)
