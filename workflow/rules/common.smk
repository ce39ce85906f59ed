"""The config, and names and functions that the rules of several files use.

Requires: internals.smk.
Provides: `settings`, the complete config; the names and functions below; wildcard constraints.
"""

import re
from functools import cache, partial
from itertools import chain

refuse_installed_package()
sys.path.insert(0, str(PROJECT / "workflow" / "scripts"))

from renet.common import urls
from renet.common.errors import InputError
from renet.common.imdb_wiki import SUBSETS
from renet.config import validation, yaml_files
from renet.evaluation.run_figures import RUN_FIGURES, figure_files
from renet.planning import before_start, code_digest, data_summary, inputs, run_settings

# Snakemake passes sys.path to jobs, but a container has this folder at another path.
sys.path.pop(0)


def refuse_faults(check, *arguments, **options):
    """Return the result of a check; its InputError stops Snakemake with only the error's text."""
    try:
        return check(*arguments, **options)
    except InputError as error:
        of_module = f"The config of the module {MODULE}: " if MODULE else ""
        raise WorkflowError(f"{of_module}{error}") from error


DEFAULTS = PROJECT / "config.yaml"
# Read before Snakemake reads config.yaml, because Snakemake's error would name no line.
CONFIG_FILES = {
    path: refuse_faults(yaml_files.read, path) for path in (DEFAULTS, *OVERLAYS)
}


configfile: DEFAULTS  # not read in a module that is given its config


# The rules read this object; `config` is not changed.
settings = refuse_faults(
    validation.load, config, {} if MODULE else CONFIG_FILES, COMMAND_LINE
)

SCRIPTS = PROJECT / "workflow" / "scripts"
script_digest = cache(code_digest.digest)  # computed once for all jobs
RUNS = settings.runs
ORIGIN = data_summary.origin(OVERLAYS, COMMAND_LINE, MODULE)
SPLIT_SETTINGS = settings.split.model_dump(exclude={"from_"})
RECORDED_DATA = data_summary.for_provenance(settings)
WITH_FOLDS = [name for name, run in RUNS.items() if run.folds]
# The points of all learning curves: run and fraction.
CURVES = [
    (name, f"{fraction:g}") for name in RUNS for fraction in RUNS[name].learning_curve
]
EXTERNAL = settings.external
ALL_SOURCES = list(settings.used_archives)
AUDIT_RUN = settings.named_run(settings.audit.run)
AUDIT_FOLDS = run_settings.folds(settings.audit.folds)

limit_gpus(before_start.visible_gpus())


def one_of(names):
    """Return a regular expression that matches these names; without names, it matches nothing."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    source=r"[A-Za-z0-9][A-Za-z0-9_.-]*",
    subset=one_of([*SUBSETS, "development", *EXTERNAL]),  # development: train and validation
    external=one_of(EXTERNAL),
    run=one_of(RUNS),


def code(script, run=None):
    """Return a digest of a script, its imports and, if `run` is given, the kind of its network."""
    return script_digest(SCRIPTS / script, *(run.model.modules() if run else []))


def run_code(script):
    """Return a function of wildcards, whose result is `code` of the script and the job's run."""
    return of_run(partial(code, script))


def code_of_scripts(run):
    """Return the digests of all scripts that compute a run."""
    scripts = code_digest.run_scripts(folds=run.folds > 0)
    return [code(script, run) for script in scripts]


def get_run(wildcards):
    """Return a job's run; in the label audit, `audit.run`."""
    return RUNS[wildcards.get("run", AUDIT_RUN)]


def of_run(value):
    """Return a function of wildcards that calls `value` with the job's run."""
    return lambda wildcards: value(get_run(wildcards))


def resource(name):
    """Return a function of wildcards, whose result is `run_settings.resource` of the job's run."""
    return of_run(partial(run_settings.resource, name))


def get_archive(wildcards):
    """Return the archive of a job's source."""
    return settings.used_archives[wildcards.source]


def of_archive(name, convert=None):
    """Return a function of wildcards, whose result is an attribute of the job's archive."""

    def attribute(wildcards):
        value = getattr(get_archive(wildcards), name)
        return convert(value) if convert else value

    return attribute


# Resources of jobs that may compute on a GPU. From the second attempt, they request twice the
# memory and never more, because a long training has many attempts if a time limit ends its jobs.
ON_DEVICE = {
    "gpu": resource("gpus"),
    "mem_mb": lambda wildcards, attempt: get_run(wildcards).resources.memory_mb
    * min(attempt, 2),
}


def not_compared(value):
    """Return a param whose change reruns nothing: Snakemake ignores params that use resources."""
    return lambda wildcards, resources: value(wildcards) if callable(value) else value


def when_planned(function, *arguments):
    """Delay a call until all rules are known, and until files that a user's rules write exist."""
    return lambda wildcards: function(*arguments)


def recorded_settings(run):
    """Return all settings that a run's result depends on."""
    return RECORDED_DATA | run_settings.with_folds(run)
