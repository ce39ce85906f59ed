"""Each job may be killed at any moment: it leaves nothing half-written and gives the same bytes."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers import all_jobs
from helpers.liveness import is_alive
from helpers.project import SCRIPTS
from helpers.workflow import MAY_DIFFER


def kill_jobs(folder: Path, kills: int) -> set[str]:
    """Kill jobs of each rule, and compare the results with undisturbed ones; returns the rules."""
    first, second = folder / "undisturbed", folder / "disturbed"
    first.mkdir()
    jobs = all_jobs.list_jobs(folder, first)
    shutil.copytree(first, second)
    found = all_jobs.run_helper("kill_jobs.py", jobs, first, second, kills, folder=folder)
    assert not {rule: said for rule, report in found.items() if (said := report["failed"])}
    for rule, report in found.items():
        assert report["kills"] == kills and not report["survivors"], rule
        assert not report["partial"], (rule, report)
    files = [path for path in (first / "results").rglob("*") if path.is_file()]
    compared = [
        path.relative_to(first) for path in files if not MAY_DIFFER.keys() & set(path.parts)
    ]
    assert len(compared) > 15
    for name in compared:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    left = [path for path in (second / "results").rglob("*") if path.suffix in (".tmp", ".part")]
    assert left == []
    return set(found)


@pytest.mark.fault("killed-job")
@pytest.mark.slow
def test_jobs_of_every_rule_are_killed_nine_times_and_give_the_same_bytes(tmp_path):
    assert all_jobs.planned_rules() <= kill_jobs(tmp_path, kills=9)


@pytest.mark.fault("killed-job")
def test_worker_of_a_pool_ends_with_the_job_that_is_killed():
    program = f"""
import os, signal, sys
sys.path.append({str(SCRIPTS)!r})
from concurrent.futures import ProcessPoolExecutor
from renet.common import child_processes
pool = ProcessPoolExecutor(1, initializer=child_processes.end_with_parent, initargs=[os.getpid()])
print(pool.submit(os.getpid).result(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    said = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=False)
    assert said.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 10
    while is_alive(int(said.stdout)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
