"""Runs the jobs of a workflow twice: undisturbed, then each killed at random moments and repeated.

Each job is a child of this process, which has imported what the scripts import, so that a job takes
no time for its start. As Snakemake does, the outputs of a killed job are deleted before it is
started again.

    python kill_jobs.py <jobs.json> <undisturbed> <disturbed> <kills> <package> …

takes the jobs that list_jobs.py lists, two copies of a project, the number of kills of each job,
and the packages of renet that the scripts import. It prints {rule: report} as JSON; see `Report`.
"""

import contextlib
import dataclasses
import importlib
import json
import os
import pkgutil
import random
import runpy
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "workflow" / "scripts"
GRACE_SECONDS = 10  # for what a killed job has started to notice its end


class Named(dict):
    """A dictionary whose values are attributes, too, as Snakemake's lists of files are."""

    __getattr__ = dict.__getitem__


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


def start(job: dict) -> int:
    """Start the script of a job in the current folder; returns its process, which leads a group."""
    for path in (*outputs(job), Path(job["log"][0])):  # as Snakemake does
        path.parent.mkdir(parents=True, exist_ok=True)
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        os.setpgid(0, 0)
        said = os.open("said.txt", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(said, stream)
        given = Named({key: Named(part) if isinstance(part, dict) else part
                       for key, part in job.items()})  # fmt: skip
        script = SCRIPTS / Path(job["script"]).name
        runpy.run_path(str(script), init_globals={"snakemake": given}, run_name="__main__")
        status = 0
    except BaseException:  # noqa: BLE001 the child must end here
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)  # nothing of the parent is cleaned up


def outputs(job: dict) -> list[Path]:
    """The outputs of a job."""
    values = job["output"].values()
    return [Path(path) for value in values
            for path in (value if isinstance(value, list) else [value])]  # fmt: skip


def delete_outputs(job: dict) -> None:
    """Delete a job's outputs."""
    for path in outputs(job):
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)


def finish(job: dict, report: Report) -> float:
    """Run a job to its end; returns the seconds that it took."""
    started = time.monotonic()
    if os.waitpid(start(job), 0)[1]:
        report.failed.append(Path("said.txt").read_text(encoding="utf-8"))
    return time.monotonic() - started


def kill(job: dict, after: float, whole: Path, report: Report) -> None:
    """Start a job, kill it after some seconds, and compare what is there with the whole outputs."""
    process = start(job)
    time.sleep(after)
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
    report.kills += os.waitpid(process, 0)[1] == signal.SIGKILL
    report.survivors += not has_ended(process)
    for path in outputs(job):
        clocked = set(path.parts) & MAY_DIFFER.keys()
        if path.is_file() and not clocked and path.read_bytes() != (whole / path).read_bytes():
            report.partial.append(str(path))
    delete_outputs(job)


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
    """Run all jobs in both folders."""
    reports: dict[str, Report] = {}
    moments = random.Random(1)  # noqa: S311 no secret
    for job in jobs:
        report = reports.setdefault(job["rule"], Report())
        os.chdir(undisturbed)
        seconds = finish(job, report)
        os.chdir(disturbed)
        wanted = report.kills + kills
        while report.kills < wanted:
            kill(job, moments.uniform(0, seconds), undisturbed, report)
            seconds *= 0.8  # for a job that has ended sooner this time
        finish(job, report)
        if report.failed:
            break
    return reports


if __name__ == "__main__":
    sys.path[:0] = [str(SCRIPTS), str(Path(__file__).resolve().parents[1])]
    from helpers.workflow import MAY_DIFFER

    listed, *folders, number = sys.argv[1:5]
    for name in sys.argv[5:]:
        package = importlib.import_module(f"renet.{name}")
        for module in pkgutil.walk_packages(package.__path__, f"renet.{name}."):
            importlib.import_module(module.name)
    found = run(json.loads(Path(listed).read_text()), *map(Path, folders), int(number))
    print(json.dumps({rule: dataclasses.asdict(report) for rule, report in found.items()}))
