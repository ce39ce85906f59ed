"""Jobs of a workflow, undisturbed, then killed at random moments and repeated.

Each is a child of this process, which has imported what the scripts import, so that its start takes
no time. Jobs are as test_kills.py lists them, and run in the current folder.
"""

import collections
import contextlib
import importlib
import math
import os
import random
import runpy
import shutil
import signal
import tempfile
import time
from pathlib import Path

import psutil

import renet
from helpers import forks
from helpers.project import SCRIPTS
from helpers.workflow import MAY_DIFFER

SAID = Path(tempfile.mkdtemp(), "said.txt")  # what the last job has printed
SECONDS = 120  # after which a job that hangs is ended by SIGALRM
GRACE_SECONDS = 10  # for what a killed job has started to notice its end


class Named(dict):
    """A dictionary whose values are attributes, too, as Snakemake's lists of files are."""

    __getattr__ = dict.__getitem__


def import_all() -> None:
    folder = Path(renet.__path__[0])
    for path in folder.rglob("*.py"):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        importlib.import_module(".".join(parts).removesuffix(".__init__"))


def outputs(job: dict) -> list[Path]:
    values = job["output"].values()
    return [Path(path) for value in values
            for path in (value if isinstance(value, list) else [value])]  # fmt: skip


def start(job: dict) -> int:
    """Start the script of a job; returns its process, which leads a group."""
    for path in (*outputs(job), Path(job["log"][0])):  # as Snakemake does
        path.parent.mkdir(parents=True, exist_ok=True)
    with SAID.open("w") as said:
        return forks.start(lambda: call(job), said, said)


def call(job: dict) -> None:
    os.setpgid(0, 0)
    signal.alarm(SECONDS)
    given = Named(
        {key: Named(part) if isinstance(part, dict) else part for key, part in job.items()}
    )
    script = SCRIPTS / Path(job["script"]).name
    runpy.run_path(str(script), init_globals={"snakemake": given}, run_name="__main__")


def end_of(process: int, job: dict, *statuses: int) -> int:
    """Wait for a job to end, by one of some statuses if any are given; negative for a signal."""
    with SAID.open("a") as said:
        status = forks.end_of(process, said)
    log = Path(job["log"][0])
    told = SAID.read_text() + (log.read_text() if log.exists() else "")
    assert not statuses or status in statuses, told
    return status


def finish(job: dict) -> float:
    """Run a job to its end; returns the seconds that it took."""
    started = time.monotonic()
    end_of(start(job), job, 0)
    return time.monotonic() - started


def kill(job: dict, after: float, whole: Path) -> bool:
    """Start a job, and kill it after some seconds unless it has ended; returns whether it was.

    Its processes have ended then, and its outputs are absent or like the whole ones; as Snakemake
    does, they are deleted.
    """
    process = start(job)
    time.sleep(after)
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
    status = end_of(process, job, 0, -signal.SIGKILL)
    assert has_ended(process), f"A process of {job['rule']} goes on."
    for path in outputs(job):
        if path.is_file() and not set(path.parts) & MAY_DIFFER.keys():
            assert path.read_bytes() == (whole / path).read_bytes(), path
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
    return status == -signal.SIGKILL


def has_ended(group: int) -> bool:
    """Whether a group of processes ends in time; it is killed otherwise."""
    deadline = time.monotonic() + GRACE_SECONDS
    while is_living(group):
        if time.monotonic() > deadline:
            os.killpg(group, signal.SIGKILL)
            return False
        time.sleep(0.02)
    return True


def is_living(group: int) -> bool:
    """Whether a process of the group has not ended; one that has can wait for init to remove it."""
    ended = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    for process in psutil.process_iter(["status"]):
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(process.pid) == group and process.info["status"] not in ended:
                return True
    return False


def run(jobs: list[dict], undisturbed: Path, disturbed: Path, kills: int) -> dict[str, int]:
    """Run the jobs in two copies of a project; returns how often the jobs of each rule were killed.

    The jobs of a rule share the number of kills.
    """
    import_all()
    killed, left = collections.Counter(), collections.Counter(job["rule"] for job in jobs)
    moments = random.Random(1)  # noqa: S311 no secret
    for job in jobs:
        rule = job["rule"]
        with contextlib.chdir(undisturbed):
            seconds = finish(job)
        with contextlib.chdir(disturbed):
            wanted = killed[rule] + math.ceil((kills - killed[rule]) / left[rule])
            left[rule] -= 1
            while killed[rule] < wanted:
                killed[rule] += kill(job, moments.uniform(0, seconds), undisturbed)
                seconds *= 0.8  # for a job that has ended sooner this time
            finish(job)
    return killed
