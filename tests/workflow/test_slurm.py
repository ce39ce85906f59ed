"""The workflow on a real SLURM gives the bytes of one machine, also after interruptions."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import yaml

from helpers import slurm_cluster
from helpers.project import ROOT
from helpers.slurm_cluster import ask, wait_for
from helpers.workflow import MAY_DIFFER, copy_project, run, write_config

pytestmark = pytest.mark.slow

TRAINED = "results/runs/renet"
# Long enough to be interrupted.
LONG = {"train": {"epochs": 300, "device": "cpu"}}
EVALUATED = {
    "parallel": {"train": {"epochs": 2, "device": "cpu", "processes": 2}},
    "folded": {"train": {"epochs": 2, "device": "cpu"}, "folds": 2},
}
JOBS = {  # submitted for each rule or group
    "rule_train": 2, "rule_fold": 2, "rule_predict": 2, "rule_compare": 1, "group_download": 1,
    "group_rows": 2, "group_crops": 2, "group_subsets": 1, "group_evaluation": 2,
    "group_external": 2,
}  # fmt: skip
# What the small cluster of the tests needs on top of the profile.
OPTIONS = [
    *("--profile", "profiles/slurm", "--configfile", "small.yaml", "--latency-wait", "10"),
    *("--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "1"),
    *("--seconds-between-status-checks", "1"),
]


class SlurmWorkflow:
    """A running Snakemake that submits its jobs to SLURM, and its output."""

    def __init__(self, project: Path, *arguments: object):
        self.log = project / "snakemake.txt"
        command = [sys.executable, "-m", "snakemake", *OPTIONS, *map(str, arguments)]
        with self.log.open("w") as handle:
            self.process = subprocess.Popen(command, cwd=project, stdout=handle, stderr=handle)

    def jobs(self, name: str) -> list[str]:
        """SLURM's numbers of the jobs that were submitted for rule_<rule> or group_<group>."""
        pattern = rf"SLURM jobid (\d+) \(log: \S*/{name}[\w.]*/"
        return re.findall(pattern, self.log.read_text())

    def finish(self) -> None:
        assert self.process.wait(timeout=1200) == 0, self.log.read_text()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SLURM_CONF")  # conftest.py sets it
        with slurm_cluster.running(tmp_path_factory.mktemp("slurm")) as folder:
            yield folder


def configured(folder: Path) -> Path:
    """A project with two runs, pictures as an external set and to predict; downloads are jobs."""
    project = copy_project(folder)
    profile = project / "profiles/slurm/config.yaml"
    profile.write_text(profile.read_text().replace("# - download=", "- download="))
    rows = ["path,gender", "faces.webp,f", "run.webp,m", "walkthrough.webp,f"]
    (project / "photos.csv").write_text("\n".join(rows))
    own = {"url": (ROOT / "docs").as_uri(), "database": "table", "table": "photos.csv"}
    own |= {"photos": "crop", "shards": 1}
    runs = EVALUATED | {"renet": None}  # switched off
    write_config(
        project, runs=runs, resources={"memory_mb": 1500, "minutes": 10}, external=["own"],
        checkpoints={"minutes": 0.01}, archives={"own": own}, predict={"photos": "docs/faces.webp"},
    )  # fmt: skip
    return project


@pytest.fixture(scope="module")
def local(cluster, tmp_path_factory) -> Path:
    """A project in which the workflow has run, and more has been trained, without SLURM."""
    project = configured(tmp_path_factory.mktemp("local"))
    run(project)
    config = yaml.safe_load((project / "small.yaml").read_text())
    config["runs"]["renet"] = LONG
    (project / "small.yaml").write_text(yaml.safe_dump(config))
    run(project, "--", f"{TRAINED}/model.pt")
    return project


@pytest.fixture
def project(local, tmp_path) -> Path:
    """A copy of it without the trainings."""
    shutil.copytree(local, tmp_path / "copy", symlinks=True)
    shutil.rmtree(tmp_path / "copy" / "results" / "runs")
    return tmp_path / "copy"


@contextlib.contextmanager
def training(project: Path, *arguments: object) -> Iterator[SlurmWorkflow]:
    """A training on SLURM that has written a checkpoint; on leaving, wait for its end."""
    work = SlurmWorkflow(project, f"{TRAINED}/model.pt", *arguments)
    try:
        checkpoints = "training/*/checkpoint.pt"
        wait_for(lambda: [*(project / TRAINED).glob(checkpoints)], "A checkpoint", 300)
        yield work
        work.finish()
    finally:
        work.process.terminate()
        work.process.wait()


def training_processes(project: Path) -> set[int]:
    processes = psutil.process_iter(["cmdline"])  # of one that has ended, there is none
    commands = {one.pid: " ".join(one.info["cmdline"] or []) for one in processes}
    return {pid for pid, text in commands.items() if str(project) in text and ".train.py" in text}


def assert_same_training(project: Path, local: Path) -> None:
    """It continued from a checkpoint, and gave the files of the undisturbed training."""
    assert "Continuing after epoch" in (project / TRAINED / "logs/train.log").read_text()
    for file in ("model.pt", "history.csv"):
        path = f"{TRAINED}/{file}"
        assert (project / path).read_bytes() == (local / path).read_bytes()
    assert not [*(project / TRAINED).glob("training/*/checkpoint*")]


def test_whole_workflow_gives_the_bytes_of_one_machine(local, tmp_path):
    project = configured(tmp_path / "project")
    work = SlurmWorkflow(project)
    work.finish()
    compared, skipped = 0, {*MAY_DIFFER, "provenance.json", "renet"}
    for path in (local / "results").rglob("*"):
        name = path.relative_to(local)
        if path.is_file() and not skipped & set(name.parts):
            assert path.read_bytes() == (project / name).read_bytes(), name
            compared += 1
    assert compared > 60
    assert {name: len(work.jobs(name)) for name in JOBS} == JOBS


def test_requeued_training_continues(project, local):
    with training(project, "--retries", 0) as work:
        (job,) = work.jobs("rule_train")
        ask("scontrol", "requeue", job)
        wait_for(lambda: "=PENDING" in ask("scontrol", "show", "job", job), f"Job {job}")
        ask("scontrol", "update", f"JobId={job}", "StartTime=now")
    assert len(work.jobs("rule_train")) == 1
    assert_same_training(project, local)


def test_training_that_runs_out_of_time_continues_in_another_job(project, local):
    # SLURM looks at times every 30 seconds: the first job gets SIGTERM after 60 to 90 of its 120.
    short = ["train:runtime=2 if attempt == 1 else 10", "train:slurm_extra='--signal=TERM@30'"]
    with training(project, "--set-resources", *short) as work:
        stopped = training_processes(project)
        for process in stopped:
            os.kill(process, signal.SIGSTOP)  # or it may end before the time is up
        # SLURM sends SIGCONT with SIGTERM.
        wait_for(lambda: not stopped & training_processes(project), "SIGTERM", 300)
    first, second = (ask("scontrol", "show", "job", job) for job in work.jobs("rule_train"))
    assert "mem=1500M" in first and "mem=3000M" in second  # for any failed attempt
    assert_same_training(project, local)
