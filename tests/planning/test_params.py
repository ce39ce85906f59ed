"""Snakemake compares params that are built-in values with those of a job's last run."""

import json

import pytest
import yaml
from snakemake.api import DAGApi

from helpers.dry_run import plan
from helpers.project import ROOT

EVERYTHING = {
    "sources": ["sample"], "external": ["own", "wiki"], "audit": {"folds": 2}, "export": ["hub"],
    "archives": {"own": {"url": "https://a.org/a.tar", "database": "table", "photos": "detect",
                         "labels": {"tables": "own.csv", "gender": "gender"}, "slices": ["skin"]}},
    "predict": {"photos": "own.csv"},
    "runs": {"renet": {"seeds": [1], "folds": 2, "learning_curve": [0.5, 1]}},
}  # fmt: skip
# Their change repeats nothing.
NOT_COMPARED = [
    "audit.origin", "parse_metadata.slices", "report.origin", "train.checkpoint_seconds",
    "walkthrough.origin",
]  # fmt: skip


@pytest.mark.usefixtures("face_detector")
def test_params_are_built_in_values_and_all_but_a_few_are_compared(tmp_path, monkeypatch):
    """Snakemake leaves any other object out of its records: its change would repeat nothing."""
    execute = DAGApi.execute_workflow

    def execute_and_record(self: DAGApi, *arguments: object, **options: object) -> None:
        execute(self, *arguments, **options)
        jobs = self.workflow_api._workflow.dag.jobs
        params = [(job, name, value) for job in jobs for name, value in job.params.items()]
        compared = {job: [id(value) for value in job.non_derived_params] for job in jobs}
        left_out = {f"{job.rule}.{name}" for job, name, of in params if id(of) not in compared[job]}
        content = [[value for _, _, value in params], sorted(left_out)]
        (tmp_path / "params.json").write_text(json.dumps(content))

    monkeypatch.setattr(DAGApi, "execute_workflow", execute_and_record)
    (tmp_path / "own.csv").write_text("path,gender,skin\n")
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(EVERYTHING))
    said = plan(ROOT, "--directory", tmp_path, "--configfile", tmp_path / "own.yaml")
    assert said.count("downloads=1") == 2  # of which the default profile grants two at a time
    values, left_out = json.loads((tmp_path / "params.json").read_text())
    assert len(values) > 50 and left_out == NOT_COMPARED
