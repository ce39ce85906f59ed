"""Jobs of a workflow as children of this process, which has imported what the scripts import.

A job therefore takes no time for its start. Jobs are as test_kills.py lists them, and run in the
current folder. What they print goes to the file `SAID`.
"""

import importlib
import os
import runpy
import shutil
import signal
import tempfile
from pathlib import Path

import renet
from helpers import forks
from helpers.project import SCRIPTS

SAID = Path(tempfile.mkdtemp(), "said.txt")
SECONDS = 120  # after which a job that hangs is ended by SIGALRM


class Named(dict):
    """A dictionary whose values are attributes, too, as Snakemake's lists of files are."""

    __getattr__ = dict.__getitem__


def import_all() -> None:
    folder = Path(renet.__path__[0])
    for path in folder.rglob("*.py"):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        importlib.import_module(".".join(parts).removesuffix(".__init__"))


def start(job: dict) -> int:
    """Start the script of a job; returns its process, which leads a group."""
    for path in (*outputs(job), Path(job["log"][0])):  # as Snakemake does
        path.parent.mkdir(parents=True, exist_ok=True)
    with SAID.open("w") as said:
        return forks.start(lambda: _run(job), said, said)


def _run(job: dict) -> None:
    os.setpgid(0, 0)
    signal.alarm(SECONDS)
    given = Named(
        {key: Named(part) if isinstance(part, dict) else part for key, part in job.items()}
    )
    script = SCRIPTS / Path(job["script"]).name
    runpy.run_path(str(script), init_globals={"snakemake": given}, run_name="__main__")


def end_of(process: int) -> int:
    """Wait for a job to end; returns its exit status, negative for a signal."""
    with SAID.open("a") as said:
        return forks.end_of(process, said)


def said(job: dict) -> str:
    """What the job that was started last has printed and logged."""
    log = Path(job["log"][0])
    logged = log.read_text(encoding="utf-8") if log.exists() else ""
    return SAID.read_text(encoding="utf-8") + logged


def outputs(job: dict) -> list[Path]:
    values = job["output"].values()
    return [Path(path) for value in values
            for path in (value if isinstance(value, list) else [value])]  # fmt: skip


def delete_outputs(job: dict) -> None:
    for path in outputs(job):
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
