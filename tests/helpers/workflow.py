"""A copy of the project, and the workflow run in it through snakemake."""

import hashlib
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from helpers import terminal
from helpers.dry_run import plan
from helpers.made_once import made_once
from helpers.project import ROOT

PROJECT_PARTS = ["Snakefile", "config.yaml", "configs", "docs", "envs", "profiles", "workflow"]
# What differs between two runs of one config on one machine, and why.
MAY_DIFFER = {
    "throughput.csv": "seconds and memory of each epoch",
    "machine.js": "seconds of the training, for the pages",
    "tensorboard": "the time of each event, in the name of the file too",
    "manifest.json": "digests of these files",
    "training.json": "the digest of throughput.csv",
    "logs": "the time of each line",
}
SMALL = yaml.safe_load((ROOT / ".test" / "config.yaml").read_text())
WIDE = 400  # columns of a terminal that wraps no line
SCREEN = "screen.txt"
EVERYTHING_AFTER = {
    "train": {
        "train", "infer", "evaluate", "gallery", "explain", "walkthrough", "predictor",
        "provenance", "compare", "report", "manifest",
    }
}  # fmt: skip
EVERYTHING_AFTER["shuffle"] = EVERYTHING_AFTER["train"] | {
    "shuffle", "write_hdf5", "face_box", "thumbnails",
}  # fmt: skip
EVERYTHING_AFTER["crop_faces"] = {"crop_faces"} | EVERYTHING_AFTER["shuffle"]
EVERYTHING_AFTER["parse_metadata"] = {"parse_metadata"} | EVERYTHING_AFTER["crop_faces"]


def snakemake(project: Path, *arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "snakemake", *map(str, arguments)]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)


def write_config(project: Path, **changes: dict) -> Path:
    """The small config as an overlay, with changes to its sections; returns the project."""
    overlay = {section: dict(values) for section, values in SMALL.items()}
    for section, values in changes.items():
        if isinstance(values, dict):
            overlay[section] = overlay.get(section, {}) | values
        else:
            overlay[section] = values
    (project / "small.yaml").write_text(yaml.safe_dump(overlay, sort_keys=False))
    return project


def other_text(value: object) -> object:
    """The same settings, with all keys in the opposite order and all whole numbers as floats."""
    if isinstance(value, dict):
        return {key: other_text(part) for key, part in reversed(value.items())}
    if isinstance(value, list):
        return [other_text(part) for part in value]
    return float(value) if type(value) is int else value


def run(project: Path, *arguments: object) -> str:
    """Run the workflow; returns what it said."""
    outcome = snakemake(project, "--cores", 2, "--configfile", "small.yaml", *arguments)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout + outcome.stderr


def run_on_a_terminal(
    project: Path, *arguments: object, columns: int = terminal.COLUMNS, ctrl_c_at: str | None = None
) -> terminal.Session:
    """Run the workflow as `make` does."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--logger", "summary"]
    command += ["--configfile", "small.yaml", *arguments]
    options = {"columns": columns, "ctrl_c_at": ctrl_c_at}
    return terminal.on_a_terminal(project, *command, **options, PYTHONPATH="workflow/logger")


def digests(project: Path) -> dict[str, str]:
    """The digest of each file of the results that is the same each time."""
    found = {}
    for path in (project / "results").rglob("*"):
        name = path.relative_to(project / "results")
        if path.is_file() and not MAY_DIFFER.keys() & set(name.parts):
            found[name.as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    assert len(found) > 60
    return found


def planned(project: Path, *arguments: object) -> set[str]:
    """The rules that a dry run would run."""
    said = plan(project, "--configfile", "small.yaml", *arguments)
    return {*re.findall(r"^(?:local)?rule (\w+):", said, re.MULTILINE)} - {"all"}


def run_whole(folder: Path) -> None:
    """Run the workflow in a copy of the project; screen.txt has what a user saw in the end."""
    write_config(copy_project(folder))
    session = run_on_a_terminal(folder, columns=WIDE)
    assert session.status == 0, "\n".join(session.lines)
    (folder / SCREEN).write_text("\n".join(session.lines))


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which the workflow has run on a small sample."""
    return made_once(tmp_path_factory, "finished", run_whole)


@pytest.fixture
def project(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished project, to be changed by one test."""
    return shutil.copytree(finished, tmp_path / "copy", symlinks=True)


@pytest.fixture
def ctrl_c_ends_processes():
    """Handle SIGINT, which a shell ignores for background processes and their children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def copy_project(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for part in PROJECT_PARTS:
        if (ROOT / part).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / part, folder / part, ignore=ignored)
        else:
            shutil.copy(ROOT / part, folder / part)
    return folder
