"""Snakemake compares the params of a job, if they are built-in values, with those of its last run."""

import json

import yaml
from snakemake.api import DAGApi

from helpers.dry_run import plan
from helpers.project import ROOT

EVERYTHING = {
    "sources": ["sample", "own"], "external": ["lists"], "audit": {"folds": 2},
    "archives": {
        "own": {"url": "https://a.org/a.tar", "database": "table", "photos": "whole",
                "table": "own.csv", "slices": ["gender"]},
        "lists": {"url": ["https://a.org/b.tar"], "database": "table", "photos": "crop",
                  "labels": {"lists": {"female": "own.csv"}}, "split": {"lists": {"test": "own.csv"}}},
    },
    "export": ["safetensors", "hub"], "predict": {"photos": "own.csv"}, "datasheet": "own.csv",
    "runs": {"renet": {"seeds": [1, 2], "folds": 2, "learning_curve": [0.5, 1]},
             "svm": {"grid": {"model.kind": ["hog_svm"]}}},
}  # fmt: skip
# Their change repeats nothing.
NOT_COMPARED = {
    "audit.origin", "parse_metadata.slices", "report.origin", "train.checkpoint_seconds",
    "walkthrough.origin",
}  # fmt: skip


def test_params_are_built_in_values_and_all_but_a_few_are_compared(tmp_path, monkeypatch):
    """Snakemake leaves any other object out of its records: its change would repeat nothing."""
    execute = DAGApi.execute_workflow

    def execute_and_tell(self: DAGApi, *arguments: object, **options: object) -> None:
        execute(self, *arguments, **options)
        jobs = [*self.workflow_api._workflow.dag.jobs]
        kept = [id(value) for job in jobs for value in job.non_derived_params]
        params = {(job.rule.name, *item) for job in jobs for item in job.params.items()}
        left_out = {f"{rule}.{name}" for rule, name, value in params if id(value) not in kept}
        (tmp_path / "params.json").write_text(json.dumps([params, sorted(left_out)]))

    monkeypatch.setattr(DAGApi, "execute_workflow", execute_and_tell)
    (tmp_path / "own.csv").write_text("path,gender\n")
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(EVERYTHING))
    plan(ROOT, "--directory", tmp_path, "--configfile", tmp_path / "own.yaml")
