"""Snakemake in a fork of the tests' process, which has Snakemake loaded.

It takes a fifth of the time of a process of its own. The fork forgets the modules of renet, so that
it imports those of the project's copy, as edited there, but for the one that caches what it parses.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from snakemake import cli

from helpers import forks
from helpers.project import SCRIPTS
from renet.planning import code_digest


def dry_run(project: Path, *arguments: object) -> subprocess.CompletedProcess:
    """Run `snakemake -n` in a folder; its output is captured, its status left to the caller."""
    return in_fork(project, "-n", *arguments)


def plan(project: Path, *arguments: object) -> str:
    """What a dry run says, which has to succeed."""
    outcome = dry_run(project, *arguments)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout + outcome.stderr


def in_fork(project: Path, *arguments: object) -> subprocess.CompletedProcess:
    """Run `snakemake` in a folder; its output is captured, its status left to the caller."""
    for module in SCRIPTS.rglob("*.py"):  # the fork has the caches, too
        code_digest.parsed(module)
    words = list(map(str, arguments))
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = forks.start(lambda: _run(project, words), out, err)
        status, texts = forks.end_of(process, err), []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read())
    return subprocess.CompletedProcess(words, status, *texts)


def _run(project: Path, words: list[str]) -> None:
    os.chdir(project)
    for name in [name for name in sys.modules if name.partition(".")[0] == "renet"]:
        if name != code_digest.__name__:
            del sys.modules[name]
    cli.main(words)
