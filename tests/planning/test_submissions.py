"""What jobs get: arguments, and by the profile for SLURM groups, GPUs, partitions, memory, time."""

import importlib
import inspect
import json
import logging
from collections import Counter
from pathlib import Path

import pytest
from snakemake.executors import dryrun
from snakemake.workflow import Workflow
from snakemake_executor_plugin_slurm.partitions import get_best_partition, read_partition_file
from snakemake_executor_plugin_slurm.utils import set_gres_string

from helpers.dry_run import plan
from helpers.project import ROOT, SCRIPTS
from renet.common import script

CONFIG = f"""
sources: [sample]
external: [a, b]
archives:
  a: &own {{url: "https://example.org/a.tar", database: wiki, photos: crop}}
  b: *own
resources: {{memory_mb: 9000}}
audit: {{folds: 2, run: course}}
predict: {{photos: {ROOT}/docs/faces.webp}}
runs:
  renet: null
  course: {{seeds: [1, 2], folds: 2, learning_curve: [0.5, 1]}}
  parallel: {{train: {{processes: 4}}}}
  svm: {{model: {{kind: hog_svm}}}}
  cpu: {{train: {{device: cpu}}}}
"""
WITH_GPU = {
    "train", "fold", "fraction", "audit_fold", "infer", "infer_external", "explain", "predict",
}  # fmt: skip
LOCAL_EXEC, SHOW = Workflow.local_exec, dryrun.Executor.run_job


def print_submission(self: dryrun.Executor, job: dryrun.JobExecutorInterface) -> None:
    """What the executor does with a job or a group, before it shows its jobs."""
    Workflow.local_exec, job._resources = False, None  # as of an executor that submits jobs
    if not job.is_local:
        asked = {name: job.resources.get(name) for name in ("mem_mb", "runtime")}
        asked["rules"] = sorted({one.rule.name for one in (job.jobs if job.is_group() else [job])})
        asked["gpus"] = set_gres_string(job).strip()
        partitions = read_partition_file(ROOT / "profiles/slurm/partitions.yaml")
        asked["partition"] = get_best_partition(partitions, job, logging)
        print(json.dumps(asked))
    Workflow.local_exec = LOCAL_EXEC
    SHOW(self, job)


def submitted(folder: Path, *arguments: object) -> list[dict]:
    """What the first run of CONFIG would submit."""
    (folder / "overlay.yaml").write_text(CONFIG)
    options = ["--cores", 1000, "--profile", "profiles/slurm", *arguments, "--directory", folder]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dryrun.Executor, "run_job", print_submission)
        lines = plan(ROOT, *options, "--configfile", folder / "overlay.yaml").splitlines()
    return [json.loads(line) for line in lines if line.startswith('{"mem_mb"')]


@pytest.fixture(scope="module")
def jobs(tmp_path_factory) -> list[dict]:
    return submitted(tmp_path_factory.mktemp("first"))


def of_rule(jobs: list[dict], name: str) -> list[dict]:
    return [job for job in jobs if name in job["rules"]]


def test_external_sets_share_submissions_as_the_test_set_does(jobs):
    of_rules = Counter(",".join(job["rules"]) for job in jobs)
    assert of_rules["evaluate_external,gallery_external,infer_external"] == 5 * 2
    assert of_rules["external_set,shuffle,thumbnails,write_hdf5"] == 1
    assert len(of_rule(jobs, "infer")) == 5 and len(of_rule(jobs, "evaluate_out_of_fold")) == 2
    for name in ("gallery_out_of_fold", "walkthrough"):
        assert all("infer" in job["rules"] for job in of_rule(jobs, name))


def test_jobs_that_may_use_a_gpu_get_one_its_partition_and_the_memory_of_a_training(jobs):
    for name in WITH_GPU:
        found = of_rule(jobs, name)
        assert ("gpu", "--gpus=1") in {(job["partition"], job["gpus"]) for job in found}, name
        assert all(job["mem_mb"] >= 9000 for job in found)
    assert all((job["partition"] == "gpu") == bool(job["gpus"]) for job in jobs)
    assert not any(job["gpus"] for job in jobs if not WITH_GPU & set(job["rules"]))


def test_training_asks_for_a_gpu_for_each_process(jobs):
    asked = Counter(job["gpus"] for job in of_rule(jobs, "train"))
    assert asked == {"--gpus=1": 2, "--gpus=4": 1, "": 2}  # course twice, parallel, cpu and svm


def test_each_attempt_asks_for_more_but_a_training_that_continues_only_for_twice_the_memory(
    jobs, tmp_path
):
    third = submitted(tmp_path, "--attempt", 3)
    expected = {"compare": (4, 4), "predict": (2, 4), "train": (2, 1), "fold": (2, 1)}
    for name, (memory, time) in expected.items():
        before, after = (of_rule(found, name)[0] for found in (jobs, third))
        assert after["mem_mb"] == memory * before["mem_mb"]
        assert after["runtime"] == time * before["runtime"]


def test_short_jobs_fit_between_others_and_the_last_attempt_has_as_much_as_it_may_need(
    jobs, tmp_path
):
    last = submitted(tmp_path, "--attempt", 4)
    expected = {"parse_metadata": (1000, 60), "crop_faces": (2000, 30), "compare": (1000, 30)}
    for name, (memory, time) in expected.items():
        first = of_rule(jobs, name)[0]
        assert (first["mem_mb"], first["runtime"]) == (memory, time)
        final = of_rule(last, name)[0]
        assert (final["mem_mb"], final["runtime"]) == (8 * memory, 8 * time)
    assert max(job["runtime"] for job in of_rule(jobs, "infer")) <= 120


def test_downloads_can_leave_the_login_node(jobs, tmp_path):
    in_jobs = submitted(tmp_path, "--groups", "download=download")
    assert [len(of_rule(found, "download")) for found in (jobs, in_jobs)] == [0, 2]


def test_argument_has_a_default_only_where_a_rule_leaves_it_out(tmp_path, monkeypatch):
    """Another default would hide a forgotten param, unless the script is also a command line."""
    names = {path.stem for path in SCRIPTS.glob("*.py") if "command_line" not in path.read_text()}
    takers = {name: getattr(importlib.import_module(name), name) for name in names}
    takers["train"] = importlib.import_module("train").TrainJob

    def print_arguments(executor: dryrun.Executor, job: dryrun.JobExecutorInterface) -> None:
        if taker := takers.get(Path(job.rule.script or "all").stem):
            print(f"takes {taker.__name__}:", *script.job_arguments(job, taker))
        SHOW(executor, job)

    monkeypatch.setattr(dryrun.Executor, "run_job", print_arguments)
    (overlay := tmp_path / "overlay.yaml").write_text(CONFIG)
    lines = plan(ROOT, "--directory", tmp_path, "--configfile", overlay).splitlines()
    for taker in takers.values():
        taken = [set(line.split()) for line in lines if f"takes {taker.__name__}:" in line]
        for name, parameter in inspect.signature(taker).parameters.items():
            defaults = [parameter.empty] if all(name in job for job in taken) else [None, ()]
            assert taken and parameter.default in defaults, f"{name} of {taker.__name__}"
