"""Each job may be killed at any moment: it leaves nothing half-written and gives the same bytes."""

import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from snakemake.jobs import Job
from snakemake.workflow import Workflow

from helpers import kill_jobs
from helpers.archives import jpeg
from helpers.dry_run import plan
from helpers.project import ROOT
from helpers.workflow import MAY_DIFFER, copy_project, write_config


def described(job: Job) -> dict:
    """What Snakemake gives the job's script."""
    resources = {name: value for name, value in job.resources.items() if name != "tmpdir"}
    parts = ("input", "output", "params", "wildcards")
    return {part: dict(getattr(job, part).items()) for part in parts} | {
        "rule": job.rule.name, "script": str(job.rule.script), "resources": resources,
        "threads": job.threads, "log": list(job.log),
    }  # fmt: skip


def list_jobs(project: Path) -> list[dict]:
    """The jobs with a script of a dry run, in the order in which they can run."""
    execute = Workflow.execute

    def execute_and_print(workflow: Workflow, *arguments: object, **options: object) -> None:
        execute(workflow, *arguments, **options)
        levels: Iterable = workflow.dag.toposorted()
        jobs = [described(job) for level in levels for job in level if job.rule.script]
        print(json.dumps(jobs, default=list))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Workflow, "execute", execute_and_print)
        lines = plan(project, "--configfile", "small.yaml").splitlines()
    return json.loads(next(line for line in lines if line.startswith("[{")))


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
        "runs": {
            "renet": {"folds": 2, "learning_curve": [0.5, 1]},
            "svm": {"model": {"kind": "hog_svm"}},
        },
    }  # fmt: skip


@pytest.mark.fault("killed-job")
@pytest.mark.slow
def test_jobs_of_every_rule_are_killed_nine_times_and_give_the_same_bytes(tmp_path):
    first, second = tmp_path / "undisturbed", tmp_path / "disturbed"
    write_config(copy_project(first), **whole_config(tmp_path, first))
    jobs = list_jobs(first)
    shutil.copytree(first, second)
    killed = kill_jobs.run(jobs, first, second, 9)
    texts = [path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk")]
    rules = re.findall(r"^rule (\w+):", "\n".join(texts), re.MULTILINE)
    assert len(rules) > 20 and {*rules} <= set(killed) and set(killed.values()) == {9}
    files = [path for path in (first / "results").rglob("*") if path.is_file()]
    compared = [
        path.relative_to(first) for path in files if not MAY_DIFFER.keys() & set(path.parts)
    ]
    assert len(compared) > 15
    for name in compared:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    left = {path.suffix for path in (second / "results").rglob("*")}
    assert not left & {".renet-tmp", ".part"}
