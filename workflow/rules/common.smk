"""The config, and names and functions that the rules of several files use.

Requires: internals.smk.
Provides: `settings`, the complete config; these names and functions; the pattern of each wildcard.
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

# A container would have this folder at another path, without the project around it.
sys.path.pop(0)


def refuse_faults(check, *arguments, **options):
    """The result of a check of the config, whose error stops Snakemake with its sentence."""
    try:
        return check(*arguments, **options)
    except InputError as error:
        of_module = f"The config of the module {MODULE}: " if MODULE else ""
        raise WorkflowError(f"{of_module}{error}") from error


DEFAULTS = PROJECT / "config.yaml"
# Read before Snakemake reads config.yaml, because its error would name no line.
CONFIG_FILES = {
    path: refuse_faults(yaml_files.read, path) for path in (DEFAULTS, *OVERLAYS)
}


configfile: DEFAULTS  # not read in a module that is given its config


# The rules read this object; `config` stays as it was given.
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
    """A regular expression for these names; without names, it fits nothing."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    source=r"[A-Za-z0-9][A-Za-z0-9_.-]*",
    subset=one_of([*SUBSETS, "development", *EXTERNAL]),  # train and validation
    external=one_of(EXTERNAL),
    run=one_of(RUNS),


def code(script, run=None):
    """Digest of a script, all that it imports, and the kind of a run's network, if given."""
    return script_digest(SCRIPTS / script, *(run.model.modules() if run else []))


def run_code(script):
    """A function of a job's wildcards: the digest of a script and of the run's kind of network."""
    return of_run(partial(code, script))


def code_of_scripts(run):
    """Digests of the scripts that make a run."""
    scripts = code_digest.run_scripts(folds=run.folds > 0)
    return [code(script, run) for script in scripts]


def get_run(wildcards):
    """A job's run, which is `audit.run` in the label audit."""
    return RUNS[wildcards.get("run", AUDIT_RUN)]


def of_run(value):
    """A function of a job's wildcards: this function of the job's run."""
    return lambda wildcards: value(get_run(wildcards))


def resource(name):
    """A function of a job's wildcards: a resource of its run by the name in `run_settings`."""
    return of_run(partial(run_settings.resource, name))


def get_archive(wildcards):
    """The archive of a job's source."""
    return settings.used_archives[wildcards.source]


def of_archive(name):
    """A function of a job's wildcards: this attribute of the archive of the job's source."""
    return lambda wildcards: getattr(get_archive(wildcards), name)


# Resources of the jobs that may compute on a GPU. The second attempt asks for twice the memory, and
# later attempts for no more: if a time limit ends its jobs, a long training has many attempts.
ON_DEVICE = {
    "gpu": resource("gpus"),
    "mem_mb": lambda wildcards, attempt: get_run(wildcards).resources.memory_mb
    * min(attempt, 2),
}


def not_compared(value):
    """A param whose change reruns nothing: Snakemake skips params that depend on resources."""
    return lambda wildcards, resources: value(wildcards) if callable(value) else value


def when_planned(function, *arguments):
    """Call a function when all rules are known, and the files that a user's rules make exist."""
    return lambda wildcards: function(*arguments)


def recorded_settings(run):
    """All settings that a run's result depends on."""
    return RECORDED_DATA | run_settings.with_folds(run)
