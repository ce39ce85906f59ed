"""The private parts of Snakemake that the workflow uses, each with the missing public way.

Provides: the names below.
"""

import base64
import importlib.util
import re
import sys
import tempfile
from pathlib import Path

from snakemake.exceptions import WorkflowError


def project_folder(source):
    """The project's folder, from the source of this file's folder.

    Snakemake fetches a module of a hosted repository, such as `github(…)`, file by file. The rules
    need the whole package, so they run from a checkout beside Snakemake's clone of the repository.
    Missing: `workflow.source_path` for a folder.
    """
    if source.is_local:
        return Path(source.get_path_or_uri(secret_free=True)).parents[1]
    clone = source.hosted_repo
    commit = clone.repo.commit(source.ref).hexsha
    folder = Path(f"{clone.repo_clone}-{commit}")
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            copied = clone.repo.clone(
                f"{temporary}/copy", shared=True, no_checkout=True
            )
            copied.git.checkout(commit)
            try:
                Path(copied.working_dir).rename(folder)
            except OSError:  # another job was faster
                if not folder.exists():
                    raise
    return folder


# In a module, workflow.basedir would be the folder of the Snakefile that uses it.
PROJECT = project_folder(workflow.current_basedir)
# The name of the module that another workflow uses this one as; None without one.
MODULE = __name__
# Missing: whether a module takes all rules; otherwise, the user gives some of the outputs.
ALL_RULES = workflow.modifier.rule_whitelist is None
# Missing: the files of --configfile, which errors and pages name, and the values of --config.
OVERLAYS = [] if MODULE else workflow.overwrite_configfiles
COMMAND_LINE = {} if MODULE else workflow.config_settings.config
# Missing: whether this process runs a single job, in which nothing is to be printed again.
IS_MAIN = workflow.is_main_process
# Missing: the methods of --software-deployment-method.
OWN_ENVIRONMENTS = bool(workflow.deployment_settings.deployment_method)


def limit_gpus(count):
    """On this machine alone, jobs share the GPUs that it has, unless --resources names a number.

    A cluster has GPUs of its own: there, Snakemake runs on a machine that may have none. Without a
    GPU there is no limit, for `train.device` to decide. A module leaves the limits to its workflow.
    Missing: a default of --resources that depends on the machine.
    """
    here_alone = IS_MAIN and workflow.resource_settings.nodes is None and not MODULE
    if here_alone and count and "gpu" not in workflow.global_resources:
        workflow.register_resource("gpu", count)


def has_record(output):
    """Whether Snakemake has noted what made an output, or that its job was stopped.

    Missing: `workflow.persistence`, and its records, before the jobs are planned.
    """
    code = base64.urlsafe_b64encode(output.encode()).decode()
    *folders, name = re.findall(".{1,254}", code)  # of a long path
    path = Path(*[f"@{part}" for part in folders], name)
    is_there = any(Path(".snakemake").glob(f"[im]*/{path}"))  # incomplete, metadata
    return is_there or workflow.workflow_settings.persistence_backend.name != "FILE"


def replaced(name):
    """First outputs that jobs with this name replace, in `onstart`. Missing: the plan there."""
    jobs = [] if workflow.touch else workflow.dag.needrun_jobs()
    outputs = [str(job.output[0]) for job in jobs if job.rule.name == name]
    return sorted(path for path in outputs if Path(path).exists())


def refuse_installed_package():
    """Refuse an installed copy of the package: jobs would import it in place of this project's."""
    found = importlib.util.find_spec("renet")
    folder = Path(found.origin if found and found.origin else "none").parent
    if any(folder.parent.glob("renet_gender_workflow-*.dist-info")):
        raise WorkflowError(
            f"{folder} is installed where Snakemake runs, and its code would run in place of this "
            "project's; run `pip uninstall renet-gender-workflow` or `pip install -e .`"
        )
