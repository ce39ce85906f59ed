"""A dry run that prints what would be submitted to SLURM.

Snakemake's dry run forms the groups, but shows neither them nor what they ask for together.
"""

import json
import logging
from pathlib import Path

from snakemake.executors import dryrun
from snakemake.workflow import Workflow
from snakemake_executor_plugin_slurm.partitions import get_best_partition, read_partition_file
from snakemake_executor_plugin_slurm.utils import set_gres_string

PARTITIONS = Path(__file__).parents[2] / "profiles/slurm/partitions.yaml"
LOCAL_EXEC, SHOW = Workflow.local_exec, dryrun.Executor.run_job


def print_submission(self: dryrun.Executor, job: dryrun.JobExecutorInterface) -> None:
    """What the executor does with a job or a group, before it shows its jobs."""
    Workflow.local_exec, job._resources = False, None  # as of an executor that submits jobs
    if not job.is_local:
        asked = {name: job.resources.get(name) for name in ("mem_mb", "runtime")}
        asked["rules"] = sorted({one.rule.name for one in (job.jobs if job.is_group() else [job])})
        asked["gpus"] = set_gres_string(job).strip()
        asked["partition"] = get_best_partition(read_partition_file(PARTITIONS), job, logging)
        print(json.dumps(asked))
    Workflow.local_exec = LOCAL_EXEC
    SHOW(self, job)
