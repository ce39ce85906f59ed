"""The container: its recipe, as an image cannot be built everywhere, and its nameless user."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from helpers.project import ROOT
from helpers.workflow import copy_project, run, write_config


def test_recipe_passes_the_linter():
    program = shutil.which("hadolint", path=Path(sys.executable).parent)
    if not program:
        pytest.skip("hadolint, of requirements-dev.txt, is not installed")
    subprocess.run([program, "--no-color", ROOT / "Dockerfile"], check=True)


def test_image_holds_an_allowed_python():
    recipe = (ROOT / "Dockerfile").read_text()
    version = re.search(r"^FROM python:(\d+\.\d+)-", recipe, re.MULTILINE)[1]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert version in SpecifierSet(project["requires-python"])


APPTAINER = """#!/bin/bash
# Stand-in for apptainer: it notes image and options, and runs the command outside of a container.
[ "$1" = --version ] && exec echo "apptainer version 1.4.0"
echo "$*" >> {notes}
PATH={python}:$PATH exec "${{@: -3}}"  # bash -c COMMAND
"""


@pytest.mark.slow
def test_jobs_run_in_the_image_that_the_config_names(tmp_path, monkeypatch):
    project = write_config(copy_project(tmp_path / "project"), container="renet.sif")
    script, notes = tmp_path / "apptainer", tmp_path / "notes"
    script.write_text(APPTAINER.format(notes=notes, python=Path(sys.executable).parent))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    run(project, "--sdm", "apptainer", "--", "results/data/sample/members.csv")
    noted = notes.read_text()
    found = re.findall(r" (\S+) bash -c .*\.(\w+)\.py$", noted, re.MULTILINE)
    assert found == [("renet.sif", name) for name in ("make_sample", "index_archive")]
    assert "workflow/scripts:" not in noted  # where it is mounted, the project is not around it


def without_user(**changes: str) -> dict[str, str]:
    """The environment of a container whose user has neither a name nor a folder."""
    names = {"LOGNAME", "USER", "LNAME", "USERNAME", "XDG_CACHE_HOME", "MPLCONFIGDIR"}
    rest = {key: value for key, value in os.environ.items() if key not in names}
    return rest | {"HOME": "/proc/nobody"} | changes


@pytest.mark.fault("no-home")
def test_make_gives_a_name_and_caches_in_the_project_where_the_user_has_none(tmp_path):
    def user_and_cache(environment: dict[str, str]) -> str:
        command = ["make", "--no-print-directory", "-f", "Makefile", "-f", "-", "show"]
        rule = "show:;@echo $$USER $$XDG_CACHE_HOME"  # macOS's make has no --eval
        return subprocess.check_output(
            command, cwd=ROOT, env=environment, input=rule, text=True
        ).strip()

    assert user_and_cache(without_user()) == f"nobody {ROOT}/.snakemake/cache"
    assert user_and_cache(without_user(XDG_CACHE_HOME="/elsewhere")) == "nobody /elsewhere"
    assert user_and_cache(without_user(HOME=str(tmp_path), USER="me")) == "me"
