"""The workflow on a real SLURM: the same bytes as on one machine, whatever happens on the way."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import pytest
import yaml

from helpers import slurm_cluster
from helpers.project import ROOT
from helpers.workflow import copy_project, run, write_config

pytestmark = pytest.mark.slow

# Long enough to be hit in the middle.
RUNS = {
    "renet": {"train": {"epochs": 300}},
    "twice": {"train": {"epochs": 100, "processes": 2}},
    "apart": {"train": {"epochs": 100, "processes": 2}, "resources": {"nodes": 2}},
}
RESOURCES = {"memory_mb": 1500, "minutes": 10}
# What the small cluster of the tests needs on top of the profile.
ON_SLURM = [
    *("--profile", "profiles/slurm", "--configfile", "small.yaml", "--latency-wait", "10"),
    *("--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "1"),
    *("--seconds-between-status-checks", "1"),
]
# What has the clock or the machine in it.
NOT_COMPARED = {
    "throughput.csv",
    "tensorboard",
    "training.json",
    "provenance.json",
    "benchmarks",
    "logs",
}
SECONDS_TO_ACT = 120


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SLURM_CONF")  # here SLURM is to be asked
        with slurm_cluster.running(tmp_path_factory.mktemp("slurm")) as folder:
            yield folder


@pytest.fixture(scope="module")
def local(cluster, tmp_path_factory) -> Path:
    """A project in which the workflow has run without SLURM."""
    project = copy_project(tmp_path_factory.mktemp("local"))
    write_config(project, runs=RUNS, resources=RESOURCES)
    run(project)
    return project


@pytest.fixture
def project(local, tmp_path) -> Path:
    """A copy of it that lacks the trainings."""
    shutil.copytree(local, tmp_path / "copy", symlinks=True)
    shutil.rmtree(tmp_path / "copy" / "results" / "runs")
    return tmp_path / "copy"


class OnSlurm:
    """Snakemake at work on SLURM in a folder, and what it said when it is done."""

    def __init__(self, project: Path, *arguments: object):
        self.project, self.said = project, project / "said.txt"
        command = [sys.executable, "-m", "snakemake", *ON_SLURM, *map(str, arguments)]
        with self.said.open("w") as handle:
            self.process = subprocess.Popen(command, cwd=project, stdout=handle, stderr=handle)

    def jobs(self, name: str) -> list[str]:
        """SLURM's numbers of the jobs that were submitted for rule_<rule> or group_<group>."""
        pattern = rf"SLURM jobid (\d+) \(log: \S*/{name}\w*/"
        return re.findall(pattern, self.said.read_text())

    def wait_for(self, ready: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + SECONDS_TO_ACT
        while not ready():
            assert self.process.poll() is None, self.said.read_text()
            assert time.monotonic() < deadline, f"{what}: {self.said.read_text()}"
            time.sleep(0.05)

    def finish(self) -> None:
        assert self.process.wait(timeout=300) == 0, self.said.read_text()


@contextlib.contextmanager
def training(project: Path, name: str, *arguments: object) -> Iterator[OnSlurm]:
    """A training on SLURM that has left a checkpoint and goes on; it has ended on leaving."""
    folder = project / "results" / "runs" / name
    work = OnSlurm(project, f"results/runs/{name}/model.pt", *arguments)
    try:
        work.wait_for(lambda: list(folder.glob("checkpoint-*.pt")), "no checkpoint")
        yield work
        work.finish()
    finally:
        work.process.terminate()
        work.process.wait()


def processes_of(project: Path, word: str) -> list[int]:
    """Running processes that speak of the project and of `word`."""
    found = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            text = command.read_bytes().decode(errors="replace")
            if str(project) in text and word in text:
                found.append(int(command.parent.name))
    return found


def assert_same_training(project: Path, local: Path, name: str) -> None:
    """It went on from a checkpoint, and left what the undisturbed one on one machine left."""
    log = (project / "results" / "logs" / "train" / f"{name}.log").read_text()
    assert "Going on after epoch" in log
    for file in ("model.pt", "history.csv"):
        path = Path("results") / "runs" / name / file
        assert (project / path).read_bytes() == (local / path).read_bytes()
    assert not list((project / "results" / "runs" / name).glob("checkpoint-*"))


def test_whole_workflow_gives_the_bytes_of_one_machine(local, tmp_path):
    project = copy_project(tmp_path)
    write_config(project, runs=RUNS, resources=RESOURCES)
    work = OnSlurm(project)
    work.finish()
    compared = 0
    for path in (local / "results").rglob("*"):
        name = path.relative_to(local)
        if path.is_file() and not NOT_COMPARED & set(name.parts):
            assert path.read_bytes() == (project / name).read_bytes(), name
            compared += 1
    assert compared > 60
    schema = yaml.safe_load((ROOT / "workflow/schemas/provenance.schema.yaml").read_text())
    for name, machines in (("renet", 1), ("twice", 1), ("apart", 2)):
        origin = json.loads((project / f"results/runs/{name}/provenance.json").read_text())
        jsonschema.Draft202012Validator(schema).validate(origin)
        assert origin["computed"]["machines"] == machines
    names = ("group_rows", "group_crops", "group_subsets", "group_evaluation", "rule_train")
    submitted = {name: len(work.jobs(name)) for name in names}
    assert submitted == dict.fromkeys(names, 1) | {"group_evaluation": 3, "rule_train": 3}


def test_two_machines_share_a_training(project, local):
    with training(project, "apart") as work:
        (job,) = work.jobs("rule_train")
        said = slurm_cluster.ask("scontrol", "show", "job", job)
        (killed, *_) = processes_of(project, "renet.training.slurm")
        os.kill(killed, signal.SIGKILL)
    assert "cpu=2,mem=3000M,node=2" in said and "NodeList=n[1-2]" in said
    assert len(work.jobs("rule_train")) == 2
    assert_same_training(project, local, "apart")


def test_killed_training_is_submitted_again_with_more_memory_and_goes_on(project, local):
    with training(project, "renet") as work:
        for process in processes_of(project, ".train.py"):
            os.kill(process, signal.SIGKILL)
    first, second = (
        slurm_cluster.ask("scontrol", "show", "job", job) for job in work.jobs("rule_train")
    )
    # What the config says: memory, GPUs, threads and time.
    assert "cpu=1,mem=1500M,node=1" in first and "cpu=1,mem=3000M,node=1" in second
    assert "TresPerJob=gres/gpu:1" in first and "TimeLimit=00:10:00" in first
    assert_same_training(project, local, "renet")


@pytest.mark.parametrize("name", ["renet", "apart"])
def test_requeued_training_goes_on(project, local, name):
    with training(project, name, "--retries", 0) as work:
        (job,) = work.jobs("rule_train")
        slurm_cluster.requeue(job)
    assert len(work.jobs("rule_train")) == 1
    assert_same_training(project, local, name)


@pytest.mark.parametrize("name", ["twice", "apart"])
def test_terminated_training_is_submitted_again_and_goes_on(project, local, name):
    with training(project, name) as work:
        (job,) = work.jobs("rule_train")
        slurm_cluster.ask("scancel", "--signal=TERM", job)
    assert len(work.jobs("rule_train")) == 2
    assert_same_training(project, local, name)


def test_training_that_runs_out_of_time_goes_on_in_another_job(project, local):
    short = ["train:runtime=1", "train:slurm_extra='--signal=TERM@45'"]
    with training(project, "renet", "--set-resources", *short) as work:
        stopped = processes_of(project, ".train.py")
        for process in stopped:
            os.kill(process, signal.SIGSTOP)  # or it might be done before its time is up
        # With SIGTERM SLURM has it go on.
        work.wait_for(lambda: not any(map(is_alive, stopped)), "it was not told to end")
    assert len(work.jobs("rule_train")) >= 2  # on a slow machine the second has too little time too
    assert_same_training(project, local, "renet")


def is_alive(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


def test_crop_over_its_memory_is_submitted_again_with_more(local, tmp_path):
    project = copy_project(tmp_path)
    write_config(project)
    name = "results/data/sample/faces/1-of-2.npy"
    work = OnSlurm(project, name, "--set-resources", "crop_faces:mem_mb=60 * attempt ** 4")
    work.finish()
    first, second = work.jobs("group_crops")[:2]
    assert "JobState=COMPLETED" not in slurm_cluster.ask("scontrol", "show", "job", first)
    assert "mem=60M" in slurm_cluster.ask("scontrol", "show", "job", first)
    assert "mem=960M" in slurm_cluster.ask("scontrol", "show", "job", second)
    assert (project / name).read_bytes() == (local / name).read_bytes()
