"""Functions that return a job's inputs by its wildcards, and the outputs that are kept.

Requires: the names of common.smk.
Provides: the functions below.
"""


def own_file(path):
    """Return a file of the config as an input, whose path no `prefix` of a module changes."""
    return local(str(Path(path).expanduser())) if path else []


def get_local_file(wildcards):
    """Return the path in a job's file:// URL as an input; no input for a server's URL."""
    path = urls.local_path(get_archive(wildcards).downloads[wildcards.file][0])
    return [] if path is None else without_time_of_folders([str(path)])


def without_time_of_folders(places):
    """Return inputs; Snakemake ignores folders' time stamps, because a param covers their files."""
    return [ancient(place) if Path(place).is_dir() else place for place in places]


def get_receipts(wildcards):
    """Return the receipts of a job's source."""
    return inputs.receipts(settings, [wildcards.source])


def get_face_box(wildcards):
    """Return the file by which the detected faces of an external set are cut like training faces."""
    is_cut = wildcards.source in EXTERNAL and get_archive(wildcards).detected
    return "<results>/data/face_box.json" if is_cut else []


def get_detected_shards(wildcards):
    """Return the tables of an external set's shards if the face detector found its faces."""
    name = wildcards.external
    is_detected = settings.used_archives[name].detected
    return inputs.shards(settings, [name], ".csv") if is_detected else []


def get_slices(wildcards):
    """Return `data_summary.sliced` for the sources of a job's test set."""
    external = wildcards.get("external")
    names = [external] if external else settings.sources
    return data_summary.sliced({name: settings.used_archives[name] for name in names})


def get_own_tables(wildcards):
    """Return the tables with the columns of `get_slices`, as inputs."""
    found = get_slices(wildcards).values()
    return local([path for archive in found for path in archive["tables"]])


def get_initial_weights(wildcards):
    """Return the initial weights as inputs; the training reads their path in `train`."""
    return local(get_run(wildcards).train.start_files)


def get_initial_hashes(wildcards):
    """Return `inputs.initial_hashes` of a job's run as an input, if that file exists."""
    return own_file(inputs.initial_hashes(get_run(wildcards)))


def outputs(*names, **wildcards):
    """Return the outputs of rules for all these values of wildcards.

    A missing rule has no outputs. The config can exclude rules, and so can a module's workflow.
    """
    found = [getattr(rules, name).output for name in names if rules.has(name)]
    return expand(list(chain.from_iterable(found)), **wildcards)


def run_files(names):
    """Return the runs' outputs, except of the rules report, predict, export, hub and manifest."""
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
    """Return the runs' outputs in their manifests: `run_files`, predictions, exported models."""
    with_layers = [name for name in names if RUNS[name].model.has_layers]
    exported = {*settings.export}
    return [
        *run_files(names),
        *(outputs("predict", run=names) if settings.predict.places else []),
        *outputs("export", run=names, format=exported & {"safetensors"}),
        *outputs("export", run=with_layers, format=exported & {"onnx"}),
    ]


def get_hub_onnx(wildcards):
    """Return the ONNX model as an input of a run's folder `hub`; no input unless it is exported."""
    if "onnx" not in settings.export or not get_run(wildcards).model.has_layers:
        return []
    return outputs("export", run=wildcards.run, format="onnx")[0]


def without_folders(paths):
    """Return only the files, because the time stamp of a folder as an input would rerun a rule."""
    return [path for path in paths if Path(path).suffix]


def kept_outputs(wildcards=None):
    """Return the kept outputs of all rules, except receipts and shards."""
    subsets = [*SUBSETS, *(["development"] if WITH_FOLDS else []), *EXTERNAL]
    files = KEPT_FILES if rules.has("write_hdf5") else []
    return [
        *outputs("index_archive", "parse_metadata", source=ALL_SOURCES),
        *outputs("shuffle", "face_box"),
        *outputs("external_set", "face_box_external", external=EXTERNAL),
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
    """Return the folder `evaluations`; it is no output, because Snakemake would delete outputs."""
    return str(Path(rules.evaluate.output.metrics).parents[2] / "evaluations")


def reported(path):
    """Mark an output for Snakemake's report; the stem of the file names the caption."""
    folder, name = Path(path).parts[-2:]
    stem = name.split(".")[0]
    return report(
        path,
        caption=f"../scripts/renet/pages/captions/{stem}.rst",
        category="{run}" if "{run}" in path else "All runs",
        subcategory=folder if folder in ("figures", "faces", "tables") else None,
        labels={"content": stem.replace("_", " ").capitalize(), "file": name},
    )
