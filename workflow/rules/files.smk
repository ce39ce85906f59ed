"""Inputs that follow from a job's wildcards, and the outputs that are kept.

Requires: the names of common.smk.
Provides: functions that name these files.
"""


def own_file(path):
    """A file that the config names, as an input; the `prefix` of a module leaves its path alone."""
    return local(str(Path(path).expanduser())) if path else []


def get_local_file(wildcards):
    """The path of a job's file:// URL, as an input; no input for other URLs."""
    path = urls.local_path(get_archive(wildcards).downloads[wildcards.file][0])
    return [] if path is None else without_time_of_folders([str(path)])


def without_time_of_folders(places):
    """Files and folders as inputs, folders without their time: a param compares their files."""
    return [ancient(place) if Path(place).is_dir() else place for place in places]


def get_receipts(wildcards):
    """The receipts of a job's source."""
    return inputs.receipts(settings, [wildcards.source])


def get_slices(wildcards):
    """The sources of a job's test set with columns whose values are slices; see slices.py."""
    external = wildcards.get("external")
    names = [external] if external else settings.sources
    return data_summary.sliced({name: settings.used_archives[name] for name in names})


def get_own_tables(wildcards):
    """The tables that have the columns of `get_slices`, as inputs."""
    found = get_slices(wildcards).values()
    return local([path for archive in found for path in archive["tables"]])


def get_initial_weights(wildcards):
    """The weights that a training starts from, which it finds by their path."""
    return local(get_run(wildcards).train.start_files)


def get_initial_hashes(wildcards):
    """The hashes of the training faces of the initial weights, if they are known."""
    return own_file(inputs.initial_hashes(get_run(wildcards)))


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
    with_walkthrough = [name for name in names if RUNS[name].model.has_walkthrough]
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
    exported = {*settings.export}
    return [
        *run_files(names),
        *(outputs("predict", run=names) if settings.predict.places else []),
        *outputs("export", run=names, format=exported & {"safetensors"}),
        *outputs("export", run=with_layers, format=exported & {"onnx"}),
    ]


def get_hub_onnx(wildcards):
    """The ONNX model for a run's folder for a model hub, if it is exported."""
    if "onnx" not in settings.export or not get_run(wildcards).model.has_layers:
        return []
    return outputs("export", run=wildcards.run, format="onnx")[0]


def without_folders(paths):
    """The files among outputs; a folder as an input would rerun its rule by its time stamp."""
    return [path for path in paths if Path(path).suffix]


def kept_outputs(wildcards=None):
    """The kept outputs of all rules, without receipts and shards."""
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
        *chain.from_iterable(
            outputs("fraction", run=run, fraction=fraction) for run, fraction in CURVES
        ),
    ]


def get_evaluations(wildcards):
    """The folder of the records of evaluated models; Snakemake would delete it as an output."""
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
