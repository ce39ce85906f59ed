"""Lists the jobs of a workflow in the order in which they can run, with all that their scripts get.

Runs in a process of its own, in the project's folder:

    python list_jobs.py <config>    prints a list of jobs as JSON
"""

import contextlib
import io
import json
import sys
from collections.abc import Iterable

from snakemake.cli import main
from snakemake.jobs import Job
from snakemake.workflow import Workflow

PARTS = ("input", "output", "params", "wildcards")


def described(job: Job) -> dict:
    """What Snakemake gives the job's script, as JSON."""
    parts = {part: dict(getattr(job, part).items()) for part in PARTS}
    resources = {name: value for name, value in job.resources.items() if name != "tmpdir"}
    return parts | {
        "rule": job.rule.name,
        "script": str(job.rule.script),
        "resources": resources,
        "threads": job.threads,
        "log": list(job.log),
    }


def jobs_of(config: str) -> list[dict]:
    """The jobs with a script of a dry run."""
    found: list[dict] = []
    execute = Workflow.execute

    def execute_and_list(workflow: Workflow, *arguments: object, **options: object) -> None:
        execute(workflow, *arguments, **options)
        levels: Iterable = workflow.dag.toposorted()
        jobs = [job for level in levels for job in level]
        found.extend(described(job) for job in jobs if job.rule.script)

    Workflow.execute = execute_and_list
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            main(["-n", "--configfile", config])
    except SystemExit as end:
        if end.code:
            raise RuntimeError(said.getvalue()) from end
    return found


if __name__ == "__main__":
    print(json.dumps(jobs_of(sys.argv[1]), default=list))
