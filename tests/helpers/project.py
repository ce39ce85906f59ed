"""Where the project lies, and its scripts as a user runs them, or with the values of a job."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

from renet.common import script
from renet.planning import code_digest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "workflow" / "scripts"
# What a rule gives with the default config, where a test says nothing else.
DEFAULTS = {
    "batch_size": None, "by": "subject", "compute": {}, "corrections": None, "figures": [],
    "filter": {}, "gpu": 0, "groups": [], "initial_hashes": None, "labels": None, "lists": [],
    "max_error": 0.02, "metric": "balanced_accuracy", "near_duplicates": True, "origin": "",
    "ranked": 1,
    "seed": 42, "slices": {}, "source": "own", "split_settings": {}, "subjects": "shared",
    "face_box": None, "subsets": [], "trained_on": ["train"], "validation": 0.1, "whole": False,
}  # fmt: skip


def imported_packages(script: Path, *chosen: str) -> set[str]:
    """The top-level names of what a script and chosen modules import from elsewhere."""
    modules = code_digest.imported_modules(script, *chosen)
    imported = set().union(*(code_digest.parsed(path).modules for path in modules.values()))
    return {name for name in imported - modules.keys() if "." not in name}


def run_script(name: str, *arguments: object) -> subprocess.CompletedProcess:
    """Run a script as a user would; its output is captured, its status left to the caller."""
    return run_python(SCRIPTS / name, *arguments)


def run_python(
    *arguments: object, folder: Path | None = None, **environment: str
) -> subprocess.CompletedProcess:
    """Run Python with the scripts on its path; its output is captured, its status left."""
    command, paths = [sys.executable, *map(str, arguments)], {"PYTHONPATH": str(SCRIPTS)}
    options = {"capture_output": True, "text": True, "check": False}
    return subprocess.run(command, cwd=folder, env=os.environ | paths | environment, **options)


def call_script(name: str, **given: object) -> None:
    """Call a script's function with a job's values, without the seconds of a start of Python."""
    function = getattr(importlib.import_module(name), name)
    defaults = {name: DEFAULTS[name] for name in function.__annotations__ if name in DEFAULTS}
    function(**script.typed(defaults | given, function))
