"""The private parts of Snakemake that the workflow uses; "Missing" names a lacking public part.

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
    """Return the project's folder; `source` is Snakemake's object for the folder of this file.

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
# The name of the module as which another workflow uses this workflow; else None.
MODULE = __name__
# Missing: whether a module uses all rules; if not, the user's workflow writes some outputs.
ALL_RULES = workflow.modifier.rule_whitelist is None
# Missing: the files of --configfile, which errors and pages name, and the values of --config.
OVERLAYS = [] if MODULE else workflow.overwrite_configfiles
COMMAND_LINE = {} if MODULE else workflow.config_settings.config
# Missing: whether this is the main process; a single job's process repeats no warnings.
IS_MAIN = workflow.is_main_process
# Missing: the methods of --software-deployment-method.
OWN_ENVIRONMENTS = bool(workflow.deployment_settings.deployment_method)


def limit_gpus(count):
    """Limit the resource `gpu` to this machine's `count` GPUs, unless --resources sets a limit.

    There is no limit on a cluster, whose jobs run on other machines than Snakemake; without a GPU,
    where `train.device` decides; and in a module, because the user's workflow sets the limits.
    Missing: a default of --resources that depends on the machine.
    """
    here_alone = IS_MAIN and workflow.resource_settings.nodes is None and not MODULE
    if here_alone and count and "gpu" not in workflow.global_resources:
        workflow.register_resource("gpu", count)


def has_record(output):
    """Whether Snakemake has metadata of an output, or a mark that the output is incomplete.

    Missing: `workflow.persistence`, and its records, before the jobs are planned.
    """
    code = base64.urlsafe_b64encode(output.encode()).decode()
    *folders, name = re.findall(".{1,254}", code)  # several parts for a long path
    path = Path(*[f"@{part}" for part in folders], name)
    is_there = any(Path(".snakemake").glob(f"[im]*/{path}"))  # incomplete, metadata
    return is_there or workflow.workflow_settings.persistence_backend.name != "FILE"


def replaced(name):
    """Return existing first outputs of a rule's planned jobs. Missing: the plan in `onstart`."""
    jobs = [] if workflow.touch else workflow.dag.needrun_jobs()
    outputs = [str(job.output[0]) for job in jobs if job.rule.name == name]
    return sorted(path for path in outputs if Path(path).exists())


def refuse_installed_package():
    """Stop if the package is installed: jobs would import that copy, not this project's."""
    found = importlib.util.find_spec("renet")
    folder = Path(found.origin if found and found.origin else "none").parent
    if any(folder.parent.glob("renet_gender_workflow-*.dist-info")):
        raise WorkflowError(
            f"{folder} is installed where Snakemake runs, and its code would run in place of this "
            "project's; run `pip uninstall renet-gender-workflow` or `pip install -e .`"
        )
