"""Names and functions that the rules of several files use.

Requires: a complete and valid config.
Provides: these, and the pattern of each wildcard.
"""

import re
from functools import cache, partial
from itertools import chain
from pathlib import Path

from renet.common import urls
from renet.common.imdb_wiki import SUBSETS
from renet.evaluation.run_figures import RUN_FIGURES, figure_files
from renet.planning import before_start, code_digest, data_summary, inputs, run_settings

SCRIPTS = PROJECT / "workflow" / "scripts"
script_digest = cache(code_digest.digest)  # computed once for all jobs
RUNS = settings.runs
ORIGIN = data_summary.origin(OVERLAYS, COMMAND_LINE, MODULE)
SPLIT_SETTINGS = settings.split.model_dump(exclude={"from_"})
RECORDED_DATA = data_summary.for_provenance(settings)
WITH_FOLDS = [name for name, run in RUNS.items() if run.folds]
# The points of all learning curves: run and fraction.
CURVES = [(name, f"{one:g}") for name in RUNS for one in RUNS[name].learning_curve]
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
    """Digest of a script and all that it imports: the rule reruns when its code changes.

    With a run, the kind of its network is imported, too.
    """
    return script_digest(SCRIPTS / script, *(run.model.modules() if run else []))


def run_code(script):
    """A function of a job's wildcards: this digest, with the kind of network of the job's run."""
    return of_run(partial(code, script))


def code_of_scripts(run):
    """Digests of the scripts that make a run."""
    return [code(one, run) for one in code_digest.run_scripts(folds=run.folds > 0)]


def job_run(wildcards):
    """A job's run, which is `audit.run` in the label audit."""
    return RUNS[wildcards.get("run", AUDIT_RUN)]


def of_run(value):
    """A function of a job's wildcards: this function of the job's run."""
    return lambda wildcards: value(job_run(wildcards))


def resource(name):
    """A function of a job's wildcards: a resource of its run by the name in `run_settings`."""
    return of_run(lambda run: getattr(run_settings.resources(run), name))


def job_archive(wildcards):
    """The archive of a job's source."""
    return settings.used_archives[wildcards.source]


def of_archive(name):
    """A function of a job's wildcards: what the archive of the job's source has by this name."""
    return lambda wildcards: getattr(job_archive(wildcards), name)


# Resources of the jobs that may compute on a GPU. An attempt after a failure asks for twice the memory,
# and the next ones for no more: each job of a long training, which its time limit ends, is an attempt.
ON_DEVICE = {
    "gpu": resource("gpus"),
    "mem_mb": lambda wildcards, attempt: job_run(wildcards).resources.memory_mb
    * min(attempt, 2),
}


def not_compared(value):
    """A param whose change reruns nothing: Snakemake compares none that is given the resources."""
    return lambda wildcards, resources: value


def own_file(path):
    """A file that the config names, as an input; the `prefix` of a module leaves its path alone."""
    return local(str(Path(path).expanduser())) if path else []


def local_file(wildcards):
    """The path of a job's file with a file:// URL, as an input; of others none."""
    path = urls.local_path(job_archive(wildcards).downloads[wildcards.file][0])
    return [] if path is None else without_time_of_folders([str(path)])


def without_time_of_folders(places):
    """Files and folders as inputs; a param compares the files in a folder, but no hidden ones."""
    return [ancient(one) if Path(one).is_dir() else one for one in places]


def source_receipts(wildcards):
    """The receipts of a job's source."""
    return inputs.receipts(settings, [wildcards.source])


def slices(wildcards):
    """The sources of a job's test set with columns whose values are slices; see slices.py."""
    external = wildcards.get("external")
    names = [external] if external else settings.sources
    return data_summary.sliced({name: settings.used_archives[name] for name in names})


def own_tables(wildcards):
    """The tables with these columns, as inputs."""
    found = slices(wildcards).values()
    return local([path for archive in found for path in archive["tables"]])


def recorded_settings(run):
    """All settings that a run's result depends on."""
    return RECORDED_DATA | run_settings.with_folds(run)


# The weights that a training starts from, which it finds by their path.
initial_weights = of_run(lambda run: local(run.train.start_files))
# The hashes of the faces that these weights were trained on, if they are known.
initial_hashes = of_run(lambda run: own_file(inputs.initial_hashes(run)))


def outputs(*names, **wildcards):
    """The outputs of rules for all values of their wildcards.

    The config can leave rules out, and so can a workflow that takes this one as a module.
    """
    found = [getattr(rules, name).output for name in names if rules.has(name)]
    return expand(list(chain.from_iterable(found)), **wildcards)


def run_files(names):
    """The outputs of these runs, without the pages over all runs and the manifest of each."""
    on_test_set = "train infer evaluate gallery explain provenance predictor".split()
    on_sets = "infer_external", "evaluate_external", "gallery_external"
    with_walkthrough = [one for one in names if RUNS[one].model.has_walkthrough]
    folded = [name for name in names if name in WITH_FOLDS]
    folds = (
        outputs("fold", run=name, **run_settings.folds(RUNS[name].folds))
        for name in folded
    )
    return [
        *outputs(*on_test_set, *on_sets, run=names, external=EXTERNAL),
        *outputs("walkthrough", run=with_walkthrough),
        *outputs("evaluate_out_of_fold", "gallery_out_of_fold", run=folded),
        *chain.from_iterable(folds),
    ]


def recorded_outputs(names):
    """The outputs of these runs that their manifests record: all but the folder `hub`."""
    with_layers = [name for name in names if RUNS[name].model.has_layers]
    weights = [one for one in settings.export if one == "safetensors"]
    onnx = [one for one in settings.export if "onnx" in one]  # it has no HOG features
    return [
        *run_files(names),
        *(outputs("predict", run=names) if settings.predict.places else []),
        *outputs("export", run=names, format=weights),
        *outputs("export", run=with_layers, format=onnx),
    ]


def hub_onnx(wildcards):
    """The ONNX model for a run's folder for a model hub, if it is exported."""
    if "onnx" not in settings.export or not job_run(wildcards).model.has_layers:
        return []
    return outputs("export", run=wildcards.run, format="onnx")[0]


def without_folders(paths):
    """The files among outputs; a folder as an input would rerun its rule by its time stamp."""
    return [path for path in paths if Path(path).suffix]


def kept_outputs(wildcards=None):
    """The outputs that are kept, of all rules but the receipts and shards."""
    subsets = [*SUBSETS, *(["development"] if WITH_FOLDS else []), *EXTERNAL]
    files = KEPT_FILES if rules.has("write_hdf5") else []
    return [
        *outputs("index_archive", "parse_metadata", source=ALL_SOURCES),
        *outputs("shuffle", "external_set", external=EXTERNAL),
        *expand([rules.write_hdf5.output[name] for name in files], subset=subsets),
        *recorded_outputs(RUNS),
        *outputs("manifest", run=RUNS),
        *(outputs("hub", run=RUNS) if "hub" in settings.export else []),
        *outputs("thumbnails", "compare", "report", "learning_curve"),
        *outputs("audit", "audit_fold", **AUDIT_FOLDS),
        *chain(*(outputs("fraction", run=run, fraction=one) for run, one in CURVES)),
    ]


def evaluations(wildcards):
    """The folder of the records of evaluated models; no output, which Snakemake would delete."""
    return str(Path(rules.evaluate.output.metrics).parents[2] / "evaluations")


def reported(path):
    """An output in Snakemake's report; the caption has the file's name."""
    folder, name = Path(path).parts[-2:]
    stem = name.split(".")[0]
    return report(
        path,
        caption=f"../scripts/renet/pages/captions/{stem}.rst",
        category="{run}" if "{run}" in path else "All runs",
        subcategory=folder if folder in ("figures", "faces", "tables") else None,
        labels={"content": stem.replace("_", " ").capitalize(), "file": name},
    )
