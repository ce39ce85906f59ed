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
from renet.config.recipe import Recipe
from renet.rules.run_resources import run_resources
from renet.rules.run_figures import FIGURES_OF_PREDICTIONS, RUN_FIGURES

SCRIPTS = PROJECT / "workflow" / "scripts"
RUNS = runs.runs(config)
KIND_OF_RUN = {run: KINDS[sections["model"]["kind"]] for run, sections in RUNS.items()}
ORIGIN = data_summary.origin(OVERLAYS, COMMAND_LINE, MODULE)
SUBSETS = ("train", "validation", "test")
WITH_FOLDS = [run for run, sections in RUNS.items() if sections["folds"]]
CURVES = {run: of["learning_curve"] for run, of in RUNS.items() if of["learning_curve"]}
EXTERNAL = config["external"]
ALL_SOURCES = sources.with_external(config)
PHOTOS = sources.places_to_predict(config)
FOLDS = {
    "fold": range(1, config["audit"]["folds"] + 1),
    "folds": config["audit"]["folds"],
}

limit_gpus(gpus.visible_count())


def one_of(names):
    """A regular expression for these names; without names, it fits nothing."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    source=r"[A-Za-z0-9][A-Za-z0-9_.-]*",
    file=r"[^/]+",
    shard=r"\d+",
    shards=r"\d+",
    subset=one_of([*SUBSETS, "development", *EXTERNAL]),  # train and validation
    fold=r"\d+",
    folds=r"\d+",
    fraction=r"[\d.]+",
    external=one_of(EXTERNAL),
    run=one_of(RUNS),


digest_of = cache(code_digest.digest)  # of a script, once for all jobs


def code(script):
    """Digest of a script and all that it imports: the rule reruns when its code changes."""
    return digest_of(SCRIPTS / script)


def code_with_kind(script, run=None):
    """A param with the digest of a script and of the network's kind in the rule's run."""

    def digest(wildcards):
        kind = KIND_OF_RUN[run or wildcards.run]
        return digest_of(SCRIPTS / script, *kind.modules())

    return digest


def outputs_of(*names, **wildcards):
    """The outputs of rules for all values of their wildcards.

    The config can leave rules out, and so can a workflow that takes this one as a module.
    """
    found = [getattr(rules, name).output for name in names if rules.has(name)]
    return expand(list(chain.from_iterable(found)), **wildcards)


def files_of_runs(names):
    """The outputs of these runs, without the pages over all runs and the manifest of each."""
    of_every_run = (
        "train",
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
        if KIND_OF_RUN[name].has_walkthrough:
            found += outputs_of("walkthrough", run=name)
        if name in WITH_FOLDS:
            found += folds_of_run(name)
            found += outputs_of("evaluate_out_of_fold", "gallery_out_of_fold", run=name)
    return found


def folds_of_run(name):
    """The predictions of each fold of a run."""
    count = RUNS[name]["folds"]
    return outputs_of("fold", run=name, fold=range(1, count + 1), folds=count)


def fractions_of(curves):
    """The predictions of each training on a fraction of the faces."""
    return [
        f"<results>/runs/{run}/learning_curve/{fraction:g}.csv"
        for run, fractions in curves.items()
        for fraction in fractions
    ]


def asked_of_runs(names):
    """The predictions on photos and the exported models of these runs that the config asks for.

    Exports for model hubs are left out: they have pages, which no manifest records.
    """
    found = outputs_of("predict", run=names) if config["predict"]["photos"] else []
    for name in names:
        # ONNX has no HOG features.
        known = KIND_OF_RUN[name].has_layers
        formats = [
            one
            for one in config["export"]
            if one == "safetensors" or ("onnx" in one and known)
        ]
        found += outputs_of("export", run=name, format=formats)
    return found


def kept_outputs():
    """The outputs that are kept, of all rules but the receipts, shards and learning curves."""
    files = [name for name in KEPT_FILES if rules.has("write_hdf5")]
    subsets = [*SUBSETS, *(["development"] if WITH_FOLDS else []), *EXTERNAL]
    return [
        *outputs_of("index_archive", "parse_metadata", source=ALL_SOURCES),
        *outputs_of("shuffle", "external_set", external=EXTERNAL),
        *expand([rules.write_hdf5.output[name] for name in files], subset=subsets),
        *files_of_runs(RUNS),
        *asked_of_runs(RUNS),
        *outputs_of("manifest", run=RUNS),
        *(outputs_of("hub", run=RUNS) if "hub" in config["export"] else []),
        *outputs_of("thumbnails", "compare", "report", "learning_curve"),
        *outputs_of("audit", "audit_fold", **FOLDS),
    ]


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


# Of the jobs that may compute on a GPU.
ON_DEVICE = {"gpu": resources_of_run("gpus"), "mem_mb": memory_of_run}


def training_settings(wildcards):
    """All that the result of a training depends on."""
    return runs.training_settings(RUNS[wildcards.run])


def initial_weights(wildcards):
    """The weights that a training starts from, which it finds by their path."""
    run = wildcards.get("run", config["audit"]["run"])
    return own_file(Recipe(**RUNS[run]["train"]).start_file)


def hashes_of_initial_weights(wildcards):
    """The hashes of the faces that these weights were trained on, if they are of a run."""
    weights = Path(initial_weights(wildcards) or "none")
    hashes = weights.with_name("training_hashes.npy")
    return own_file(str(hashes)) if weights.stem == "model" and hashes.is_file() else []


def training_faces(wildcards):
    """The faces that a run is trained on, and those that its training validates on, if any."""
    run, folder = RUNS[wildcards.run], "<results>/data"
    if len(runs.trained_on(run)) > 1:
        found = {"faces": f"{folder}/development.h5"}
    else:
        found = {"faces": f"{folder}/train.h5", "validation": f"{folder}/validation.h5"}
    if runs.uses_table(run):
        found["table"] = found["faces"].replace(".h5", ".csv")
    return found


def validating(wildcards):
    """The inputs that validate a run: the validation set, or the predictions of its folds."""
    if wildcards.run not in WITH_FOLDS:
        path = "<results>/data/validation"
        return {"validation_faces": f"{path}.h5", "validation_table": f"{path}.csv"}
    folds = folds_of_run(wildcards.run)
    return {"validation_table": "<results>/data/development.csv", "folds": folds}


def compute_settings(wildcards):
    """Device, precision and threads of a run."""
    return runs.compute_settings(RUNS[wildcards.run])


def own_file(path):
    """A file that the config names, as an input; the `prefix` of a module leaves its path alone."""
    return local(path) if path else []


def slices_of(wildcards):
    """The sources of the rule's test set with columns whose values are slices; see own_slices.py."""
    external = wildcards.get("external")
    keys = ("slices", "labels", "tables", "database")
    found = {}
    for name in [external] if external else config["sources"]:
        archive = sources.archive(config, name)
        if archive["slices"]:
            found[name] = {key: archive[key] for key in keys}
    return found


def own_tables(wildcards):
    """The tables with these columns, as inputs."""
    found = slices_of(wildcards).values()
    return [own_file(path) for archive in found for path in archive["tables"]]


def receipts_of(names):
    """The receipts of all archive files of sources."""
    return list(chain.from_iterable(sources.receipts(config, name) for name in names))


def shards_of(names, suffix):
    """A file of each shard of sources."""
    shards = chain.from_iterable(sources.shards(config, name) for name in names)
    return [f"{shard}{suffix}" for shard in shards]


def reported(path, title, category="{run}"):
    """An output that Snakemake's report lists under a title; the caption has the file's name."""
    folder, name = Path(path).parts[-2:]
    return report(
        path,
        caption=f"../scripts/renet/pages/captions/{name.split('.')[0]}.rst",
        category=category,
        subcategory=folder if folder in ("figures", "faces", "tables") else None,
        labels={"content": title, "file": name},
    )


# For dataset.smk and prediction.smk; Snakemake's linter wants no functions beside rules.


def by_archive(key):
    """An input or param: one setting of the archive of the rule's source."""
    return lambda wildcards: sources.archive(config, wildcards.source)[key]


def own_files_of(key):
    """Files that the archive of the rule's source names, as an input."""
    return lambda wildcards: [own_file(path) for path in by_archive(key)(wildcards)]


def url_and_digest(wildcards):
    """URL and digest of one file of a source."""
    return sources.url_and_digest(config, wildcards.source, wildcards.file)


def kept_or_temp(path, is_kept):
    """An output that Snakemake deletes after its last use, unless the config keeps it."""
    return path if is_kept else temp(path)


def split_of(wildcards):
    """The table that says which faces a subset has, and in which order."""
    folder = f"{wildcards.subset}/" if wildcards.subset in EXTERNAL else ""
    return f"<results>/data/{folder}split.csv"


def faces_of(wildcards):
    """The faces of all shards that a subset can be written from."""
    subset = wildcards.subset
    return shards_of([subset] if subset in EXTERNAL else config["sources"], ".npy")


def mean_of(wildcards):
    """The mean that a file stores: none for an external set, because the network has its own."""
    return "none" if wildcards.subset in EXTERNAL else config["hdf5"]["mean"]


def file_with_mean(wildcards):
    """The file whose mean is stored: every other subset takes that of the training set."""
    computes = wildcards.subset == "train" or mean_of(wildcards) == "none"
    return [] if computes else "<results>/data/train.h5"


def recorded_settings(wildcards):
    """All that a run depends on, the data included."""
    return data_summary.for_provenance(config) | runs.with_folds(RUNS[wildcards.run])


def config_of_run(wildcards):
    """The config that repeats a run, and switches off the other runs of config.yaml."""
    named = CONFIG_FILES[DEFAULTS].get("runs") or ()
    return data_summary.to_repeat(config, wildcards.run, named)


def recorded_outputs(wildcards):
    """The outputs of a run that its manifest records."""
    return files_of_runs([wildcards.run]) + asked_of_runs([wildcards.run])


def code_of_run(wildcards):
    """The digests of all scripts of a run and of manifest.py."""
    is_folded = wildcards.run in WITH_FOLDS
    scripts = runs.scripts(folds=is_folded)
    digests = [code_with_kind(script)(wildcards) for script in scripts]
    return [code("manifest.py"), *digests]
