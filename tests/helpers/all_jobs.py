"""A project with a job of every rule, and the helpers that run its jobs in a process apart."""

import json
import os
import subprocess
import sys
from pathlib import Path

from helpers.archives import jpeg
from helpers.project import ROOT, SCRIPTS
from helpers.workflow import copy_project, write_config

HELPERS = ROOT / "tests" / "helpers"


def planned_rules() -> set[str]:
    """The rules that a config as `list_jobs` writes it has jobs of, without their variants."""
    texts = [path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk")]
    return {line.split()[1].rstrip(":") for text in texts for line in text.splitlines()
            if line.startswith("rule ")}  # fmt: skip


def run_helper(name: str, *arguments: object, folder: Path) -> object:
    """What one of the helpers prints as JSON."""
    said = subprocess.run(
        [sys.executable, HELPERS / name, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": f"{SCRIPTS}{os.pathsep}{HELPERS.parent}"},
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)


def list_jobs(folder: Path, project: Path) -> Path:
    """Copy the project, and list its jobs in a JSON file in a folder."""
    write_config(copy_project(project), **whole_config(folder, project))
    path = folder / "jobs.json"
    path.write_text(json.dumps(run_helper("list_jobs.py", "small.yaml", folder=project)))
    return path


def whole_config(folder: Path, project: Path) -> dict:
    """A config with a job of every rule: own photos are an external set, and are predicted."""
    photos = folder / "photos"
    photos.mkdir()
    lines = ["path,gender"]
    for number in range(12):
        (photos / f"{number}.jpg").write_bytes(jpeg(seed=number))
        lines.append(f"{number}.jpg,{'fm'[number % 2]}")
    (project / "photos.csv").write_text("\n".join(lines))
    own = {"url": photos.as_uri(), "database": "table", "table": "photos.csv", "photos": "crop"}
    return {
        "external": ["photos"], "archives": {"photos": own | {"shards": 1}},
        "predict": {"photos": str(photos)}, "export": ["safetensors"], "audit": {"folds": 2},
        "runs": {
            "renet": {"folds": 2, "learning_curve": [0.5, 1]},
            "svm": {"model": {"kind": "hog_svm"}},
        },
    }  # fmt: skip
