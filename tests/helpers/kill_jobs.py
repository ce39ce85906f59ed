"""Runs the jobs of a workflow twice: undisturbed, then killed at random moments and repeated.

Each job is a child of this process; see forked_jobs.py. As Snakemake does, the outputs of a killed
job are deleted before it is started again.

    python kill_jobs.py <jobs.json> <undisturbed> <disturbed> <kills>

takes a list of jobs (see test_kills.py), two copies of a project, and the number of kills for each
rule, which its jobs share. It prints {rule: report} as JSON; see `Report`.
"""

import collections
import contextlib
import dataclasses
import json
import math
import os
import random
import signal
import sys
import time
from pathlib import Path

from helpers import forked_jobs
from helpers.workflow import MAY_DIFFER

GRACE_SECONDS = 10  # for what a killed job has started to notice its end


@dataclasses.dataclass
class Report:
    """What the kills of the jobs of one rule led to.

    Attributes:
        kills: number of kills of a job that had not ended.
        partial: outputs that were neither absent nor whole after a kill.
        survivors: kills after which a process that the job had started went on.
        failed: what jobs said that did not end well afterwards.
    """

    kills: int = 0
    partial: list[str] = dataclasses.field(default_factory=list)
    survivors: int = 0
    failed: list[str] = dataclasses.field(default_factory=list)


def finish(job: dict, report: Report) -> float:
    """Run a job to its end; returns the seconds that it took."""
    started = time.monotonic()
    if forked_jobs.end_of(forked_jobs.start(job)):
        report.failed.append(forked_jobs.said(job))
    return time.monotonic() - started


def kill(job: dict, after: float, whole: Path, report: Report) -> None:
    """Start a job, kill it after some seconds, and compare what is there with the whole outputs."""
    process = forked_jobs.start(job)
    time.sleep(after)
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
    status = forked_jobs.end_of(process)
    report.kills += status == -signal.SIGKILL
    if status not in (0, -signal.SIGKILL):
        report.failed.append(forked_jobs.said(job))
    report.survivors += not has_ended(process)
    for path in forked_jobs.outputs(job):
        clocked = set(path.parts) & MAY_DIFFER.keys()
        if path.is_file() and not clocked and path.read_bytes() != (whole / path).read_bytes():
            report.partial.append(str(path))
    forked_jobs.delete_outputs(job)


def has_ended(group: int) -> bool:
    """Whether a group of processes ends in time; it is killed otherwise."""
    deadline = time.monotonic() + GRACE_SECONDS
    while living_in(group):
        if time.monotonic() > deadline:
            os.killpg(group, signal.SIGKILL)
            return False
        time.sleep(0.02)
    return True


def living_in(group: int) -> list[str]:
    """The processes of a group; those that have ended may wait for init to remove them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            state, _, its_group = path.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in "ZX":
                found.append(path.parent.name)
    return found


def run(jobs: list[dict], undisturbed: Path, disturbed: Path, kills: int) -> dict[str, Report]:
    reports: dict[str, Report] = {}
    moments = random.Random(1)  # noqa: S311 no secret
    left = collections.Counter(job["rule"] for job in jobs)
    for job in jobs:
        report = reports.setdefault(job["rule"], Report())
        os.chdir(undisturbed)
        seconds = finish(job, report)
        os.chdir(disturbed)
        wanted = report.kills + math.ceil((kills - report.kills) / left[job["rule"]])
        left[job["rule"]] -= 1
        while report.kills < wanted and not report.failed:
            kill(job, moments.uniform(0, seconds), undisturbed, report)
            seconds *= 0.8  # for a job that has ended sooner this time
        finish(job, report)
        if report.failed:
            break
    return reports


if __name__ == "__main__":
    listed, *folders, number = sys.argv[1:]
    forked_jobs.import_all()
    found = run(json.loads(Path(listed).read_text()), *map(Path, folders), int(number))
    print(json.dumps({rule: dataclasses.asdict(report) for rule, report in found.items()}))
