"""The code is formatted and free of what the linters find."""

import subprocess
import sys

import pytest

from helpers.project import ROOT

RUFF = [sys.executable, "-m", "ruff"]
SNAKEFMT = [sys.executable, "-m", "snakefmt"]
SNAKEMAKE = [sys.executable, "-m", "snakemake"]


@pytest.mark.parametrize(
    "command",
    [
        [*RUFF, "check", "."],
        [*RUFF, "format", "--check", "."],
        [*SNAKEFMT, "--check", "Snakefile", "workflow"],
        [*SNAKEMAKE, "--lint"],
    ],
    ids=["ruff check", "ruff format", "snakefmt", "snakemake lint"],
)
def test_linter_finds_nothing(command):
    outcome = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
