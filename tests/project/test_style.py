"""The code is formatted and free of what the linters find."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.project import ROOT, SCRIPTS

RUFF = [sys.executable, "-m", "ruff"]
SNAKEFMT = [sys.executable, "-m", "snakefmt"]
LINT_IMPORTS = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
CHECK_SCHEMA = [str(Path(sys.executable).with_name("check-jsonschema")), "--builtin-schema"]
MYPY = [sys.executable, "-m", "mypy"]
SNAKEMAKE = [sys.executable, "-m", "snakemake"]


@pytest.mark.parametrize(
    "command",
    [
        [*RUFF, "check", "."],
        [*RUFF, "format", "--check", "."],
        [*SNAKEFMT, "--check", "Snakefile", "workflow"],
        LINT_IMPORTS,
        MYPY,
        [*SNAKEMAKE, "--lint"],
        [*CHECK_SCHEMA, "vendor.github-workflows", ".github/workflows/main.yml"],
        [*CHECK_SCHEMA, "vendor.dependabot", ".github/dependabot.yml"],
    ],
    ids=[
        "ruff check",
        "ruff format",
        "snakefmt",
        "import-linter",
        "mypy",
        "snakemake lint",
        "GitHub",
        "Dependabot",
    ],
)
def test_linter_finds_nothing(command):
    outcome = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
