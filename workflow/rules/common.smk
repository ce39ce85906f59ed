"""Names and functions that the rules of several files use.

Requires: a complete and valid config.
Provides: these, and the pattern of each wildcard.
"""

import re
from functools import cache
from itertools import chain
from pathlib import Path

from renet.rules import code_digest
from renet.config import data_summary, runs, sources
from renet.rules import gpus
from renet.config.architecture import KINDS
from renet.rules.run_resources import run_resources
from renet.rules.run_figures import FIGURES_OF_PREDICTIONS, RUN_FIGURES

SCRIPTS = PROJECT / "workflow" / "scripts"
RUNS = runs.runs(config)
KIND_OF_RUN = {run: KINDS[sections["model"]["kind"]] for run, sections in RUNS.items()}
ORIGIN = data_summary.origin(OVERLAYS, COMMAND_LINE, MODULE)
SUBSETS = ("train", "validation", "test")
EXTERNAL = config["external"]
ALL_SOURCES = sources.with_external(config)
FOLDS = {
    "fold": range(1, config["audit"]["folds"] + 1),
    "folds": config["audit"]["folds"],
}

limit_gpus(gpus.visible_count())


def one_of(names):
    """A pattern of these names; without one, nothing fits."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    source=r"[A-Za-z0-9][A-Za-z0-9_.-]*",
    file=r"[^/]+",
    shard=r"\d+",
    shards=r"\d+",
    subset=one_of([*SUBSETS, *EXTERNAL]),
    external=one_of(EXTERNAL),
    run=one_of(RUNS),


digest_of = cache(code_digest.digest)  # of a script, once for all jobs


def code(script):
    """Digest of a script and all that it imports: the rule reruns when its code changes."""
    return digest_of(SCRIPTS / script)


def code_with_kind(script, run=None):
    """A param with the same of a script that uses a network: the kind of the rule's run counts."""

    def digest(wildcards):
        kind = KIND_OF_RUN[run or wildcards.run].kind
        return digest_of(SCRIPTS / script, f"renet.network.kinds.{kind}")

    return digest


def outputs_of(*names, **wildcards):
    """The outputs of rules for all values of their wildcards.

    The config can leave rules out, and so can a workflow that takes this one as a module.
    """
    found = [getattr(rules, name).output for name in names if rules.has(name)]
    return expand(list(chain.from_iterable(found)), **wildcards)


def rules_of_kind(kind):
    """The rules that not every kind of network has."""
    if not kind.has_layers:
        return ["hog_svm"]
    return [
        "train",
        "profile_layers",
        *(["walkthrough"] if kind.has_walkthrough else []),
    ]


def files_of_runs(names):
    """The outputs of these runs, without the pages over all runs and the manifest of each."""
    of_every_run = (
        "infer",
        "evaluate",
        "gallery",
        "explain",
        "provenance",
        "predictor",
    )
    on_sets = ("infer_external", "evaluate_external", "gallery_external")
    found = outputs_of(*of_every_run, *on_sets, run=names, external=EXTERNAL)
    for name in names:
        found += outputs_of(*rules_of_kind(KIND_OF_RUN[name]), run=name)
    return found


def asked_of_runs(names):
    """The predictions on photos and the exported models of these runs that the config asks for."""
    found = outputs_of("predict", run=names) if config["predict"]["photos"] else []
    for name in names:
        # ONNX has no HOG features.
        known = KIND_OF_RUN[name].has_layers
        formats = [one for one in config["export"] if known or one == "safetensors"]
        found += outputs_of("export", run=name, format=formats)
    return found


def without_folders(paths):
    """The files among outputs; a folder as an input would rerun its rule by its time stamp."""
    return [path for path in paths if Path(path).suffix]


def by_source(function):
    """An input or param: a function of the config and the rule's source."""
    return lambda wildcards: function(config, wildcards.source)


def resources_of_run(name):
    """Threads or a resource: one of `run_resources` of the rule's run."""
    return lambda wildcards: getattr(run_resources(RUNS[wildcards.run]), name)


def memory_of_run(wildcards, attempt):
    """Megabytes on each machine; each attempt after a failure asks for that much more."""
    return run_resources(RUNS[wildcards.run]).memory_mb * attempt


def training_settings(wildcards):
    """All that the result of a training depends on."""
    return runs.training_settings(RUNS[wildcards.run])


def compute_settings(wildcards):
    """Device, precision and threads of a run."""
    return runs.compute_settings(RUNS[wildcards.run])


def own_file(path):
    """A file that the config names, as an input; the `prefix` of a module leaves its path alone."""
    return local(path) if path else []


def receipts_of(names):
    """The receipts of all archive files of sources."""
    return list(chain.from_iterable(sources.receipts(config, name) for name in names))


def shards_of(names, suffix):
    """A file of each shard of sources."""
    shards = chain.from_iterable(sources.shards(config, name) for name in names)
    return [f"{shard}{suffix}" for shard in shards]


def reported(path, title, category="{run}", subcategory=None):
    """An output that Snakemake's report lists under a title; the caption has the file's name."""
    name = Path(path).name
    return report(
        path,
        caption=f"../report/{name.split('.')[0]}.rst",
        category=category,
        subcategory=subcategory,
        labels={"content": title, "file": name},
    )
