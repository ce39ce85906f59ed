"""Each job may be killed at any moment: it leaves nothing half-written and gives the same bytes."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers.archives import jpeg
from helpers.project import ROOT, SCRIPTS
from helpers.workflow import MAY_DIFFER, copy_project, write_config

HELPERS = ROOT / "tests" / "helpers"
OF_THE_DATA = ["common", "config", "archives", "metadata", "faces", "dataset", "sample"]
OTHERS = ["network", "training", "evaluation", "prediction", "pages"]
NEVER_PLANNED = {"clear_removed_runs", "verify"}  # rules that a user asks for by name


def rules_with_a_script(modules: list[str]) -> set[str]:
    """The rules of some files in workflow/rules, without the variants that `use rule` makes."""
    texts = [(ROOT / f"workflow/rules/{name}.smk").read_text() for name in modules]
    return {line.split()[1].rstrip(":") for text in texts for line in text.splitlines()
            if line.startswith("rule ")}  # fmt: skip


def run_helper(name: str, *arguments: object, folder: Path) -> object:
    """What one of the helpers prints as JSON."""
    said = subprocess.run(
        [sys.executable, HELPERS / name, *map(str, arguments)],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)


def whole_config(folder: Path, project: Path) -> dict:
    """A config with a job of every rule: own photos are an external set, and are predicted."""
    photos = folder / "photos"
    photos.mkdir()
    lines = ["path,gender"]
    for number in range(12):
        (photos / f"{number}.jpg").write_bytes(jpeg(seed=number))
        lines.append(f"{number}.jpg,{'fm'[number % 2]}")
    (project / "photos.csv").write_text("\n".join(lines))
    own = {"url": photos.as_uri(), "database": "table", "table": "photos.csv", "photos": "crop"}
    return {
        "external": ["photos"], "archives": {"photos": own | {"shards": 1}},
        "predict": {"photos": str(photos)}, "export": ["safetensors"], "audit": {"folds": 2},
        "runs": {"renet": {}, "svm": {"model": {"kind": "hog_svm"}}},
    }  # fmt: skip


def kill_jobs(folder: Path, rules: set[str] | None, packages: list[str]) -> set[str]:
    """Kill each job of some rules, or of all, once; returns the rules."""
    first, second = folder / "undisturbed", folder / "disturbed"
    first.mkdir()
    write_config(copy_project(first), **whole_config(folder, first))
    jobs = run_helper("list_jobs.py", "small.yaml", folder=first)
    chosen = [job for job in jobs if rules is None or job["rule"] in rules]
    (folder / "jobs.json").write_text(json.dumps(chosen))
    shutil.copytree(first, second)
    found = run_helper(
        "kill_jobs.py", folder / "jobs.json", first, second, 1, *packages, folder=folder
    )
    for rule, report in found.items():
        assert report["kills"] > 0 and not report["survivors"], rule
        assert not report["partial"] and not report["failed"], (rule, report)
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


def test_jobs_of_the_data_are_killed_once_and_give_the_same_bytes(tmp_path):
    rules = rules_with_a_script(["dataset"])
    assert kill_jobs(tmp_path, rules, OF_THE_DATA) == rules


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
    stat, deadline = Path(f"/proc/{int(said.stdout)}/stat"), time.monotonic() + 10
    while stat.exists() and stat.read_text().rpartition(")")[2].split()[0] not in "ZX":
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.slow
def test_job_of_every_rule_is_killed_once_and_gives_the_same_bytes(tmp_path):
    found = kill_jobs(tmp_path, None, OF_THE_DATA + OTHERS)
    modules = [path.stem for path in (ROOT / "workflow/rules").glob("*.smk")]
    assert rules_with_a_script(modules) - NEVER_PLANNED <= found
