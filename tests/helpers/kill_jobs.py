"""Runs the jobs of a workflow twice: undisturbed, then killed at random moments and repeated.

Each job is a child of this process; see forked_jobs.py. As Snakemake does, the outputs of a killed
job are deleted before it is started again.

    python kill_jobs.py <jobs.json> <undisturbed> <disturbed> <kills>

takes a list of jobs (see test_kills.py), two copies of a project, and the number of kills for each
rule, which its jobs share. It prints the kills of each rule as JSON; a fault ends it with an error.
"""

import collections
import contextlib
import json
import math
import os
import random
import signal
import sys
import time
from pathlib import Path

import psutil

from helpers import forked_jobs
from helpers.liveness import is_alive
from helpers.workflow import MAY_DIFFER

GRACE_SECONDS = 10  # for what a killed job has started to notice its end


def finish(job: dict) -> float:
    """Run a job to its end; returns the seconds that it took."""
    started = time.monotonic()
    assert not forked_jobs.end_of(forked_jobs.start(job)), forked_jobs.said(job)
    return time.monotonic() - started


def kill(job: dict, after: float, whole: Path) -> bool:
    """Start a job, and kill it after some seconds unless it has ended; returns whether it was.

    Its processes have ended then, and its outputs are absent or like the whole ones.
    """
    process = forked_jobs.start(job)
    time.sleep(after)
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
    status = forked_jobs.end_of(process)
    assert status in (0, -signal.SIGKILL), forked_jobs.said(job)
    assert has_ended(process), f"A process of {job['rule']} goes on."
    for path in forked_jobs.outputs(job):
        if path.is_file() and not set(path.parts) & MAY_DIFFER.keys():
            assert path.read_bytes() == (whole / path).read_bytes(), path
    forked_jobs.delete_outputs(job)
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
    """Whether a process of the group has not ended."""
    for process in psutil.pids():
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(process) == group and is_alive(process):
                return True
    return False


def run(jobs: list[dict], undisturbed: Path, disturbed: Path, kills: int) -> dict[str, int]:
    """Run the jobs in both folders; returns the number of kills of each rule."""
    killed, left = collections.Counter(), collections.Counter(job["rule"] for job in jobs)
    moments = random.Random(1)  # noqa: S311 no secret
    for job in jobs:
        rule = job["rule"]
        os.chdir(undisturbed)
        seconds = finish(job)
        os.chdir(disturbed)
        wanted = killed[rule] + math.ceil((kills - killed[rule]) / left[rule])
        left[rule] -= 1
        while killed[rule] < wanted:
            killed[rule] += kill(job, moments.uniform(0, seconds), undisturbed)
            seconds *= 0.8  # for a job that has ended sooner this time
        finish(job)
    return killed


if __name__ == "__main__":
    listed, *folders, number = sys.argv[1:]
    forked_jobs.import_all()
    print(json.dumps(run(json.loads(Path(listed).read_text()), *map(Path, folders), int(number))))
