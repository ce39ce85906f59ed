"""The container recipe: linted, since an image cannot be built everywhere, and of one list."""

import re
import subprocess
import sys
from pathlib import Path

from helpers.project import ROOT


def hadolint(recipe: Path) -> subprocess.CompletedProcess:
    command = [Path(sys.executable).with_name("hadolint"), "--no-color", recipe]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_recipe_passes_the_linter():
    outcome = hadolint(ROOT / "Dockerfile")
    assert outcome.returncode == 0, outcome.stdout


def test_linter_finds_faults(tmp_path):
    recipe = tmp_path / "Dockerfile"
    recipe.write_text("FROM python\nRUN pip install torch\n")
    outcome = hadolint(recipe)
    assert outcome.returncode != 0
    assert {"DL3006", "DL3013"} <= set(re.findall(r"DL\d+", outcome.stdout))


def test_image_holds_the_packages_of_requirements_and_nothing_else_of_the_project():
    recipe = (ROOT / "Dockerfile").read_text()
    assert re.findall(r"^(?:COPY|ADD) (.*)", recipe, re.MULTILINE) == ["requirements.txt /"]
    assert "pip install --no-cache-dir --requirement /requirements.txt" in recipe
    assert (ROOT / ".dockerignore").read_text().split() == ["*", "!requirements.txt"]


def test_image_has_a_python_that_the_environments_allow():
    version = re.search(r"^FROM python:(\d+)\.(\d+)-", (ROOT / "Dockerfile").read_text(), re.M)
    assert (int(version[1]), int(version[2])) >= (3, 11)
