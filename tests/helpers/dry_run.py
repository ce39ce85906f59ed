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
        process = os.fork()
        if not process:
            _run(project, words, out.fileno(), err.fileno())
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read())
    return subprocess.CompletedProcess(words, status, *texts)


def _run(project: Path, words: list[str], *streams: int) -> None:
    """Run Snakemake and end this process."""
    status = 1
    try:
        sys.stdout, sys.stderr = (
            os.fdopen(os.dup2(stream, number), "w", closefd=False)
            for number, stream in enumerate(streams, 1)
        )
        os.chdir(project)
        for name in [name for name in sys.modules if name.partition(".")[0] == "renet"]:
            if name != code_digest.__name__:
                del sys.modules[name]
        cli.main(words)
    except SystemExit as end:
        if isinstance(end.code, str):  # Python prints it where nothing catches the exception
            print(end.code, file=sys.stderr)
        else:
            status = int(end.code or 0)
    except BaseException:  # noqa: BLE001 the fork must end here
        sys.excepthook(*sys.exc_info())
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)  # nothing of the tests' process is cleaned up
