"""Input, param and resource functions of the rules.

Requires: a complete and valid config.
Provides: functions for the other files, and the pattern of each wildcard.
"""

from functools import cache
from itertools import chain

from snakemake.io import flag, is_flagged, strip_wildcard_constraints
from snakemake.path_modifier import PATH_MODIFIER_FLAG

RUNS = runs.runs(config)
GRIDS = runs.grid_keys(config)
ORIGIN = data_summary.origin(OVERLAYS, COMMAND_LINE, MODULE)
SUBSETS = ("train", "validation", "test")
EXTERNAL = config["external"]
ALL_SOURCES = sources.with_external(config)
# What Snakemake's report lists for each file.
REPORT_TITLES = {f"{figure.name}.svg": figure.title for figure in RUN_FIGURES} | {
    "metrics.json": "Metrics of the test and the validation set",
    "slices.csv": "Accuracy by slice, table",
    "inference.csv": "Prediction of each test face",
    "provenance.json": "Provenance",
    "network.svg": "Layers of the network",
    "layers.csv": "Layers of the network, table",
    "examples.jpg": "First faces of the test set",
    "mistakes.jpg": "Wrong predictions of the highest confidence",
    "hard_cases.jpg": "Correct predictions of the lowest confidence",
    "gallery.csv": "Faces of these pictures, table",
    "saliency.jpg": "Saliency maps",
    "saliency.csv": "Faces of the saliency maps, table",
    "learning_curves.svg": "Loss of all runs",
    "comparison.csv": "Comparison of the runs",
    "funnel.svg": "Rows that became faces",
    "datasheet.md": "Data sheet",
    "labels.csv": "All labels, most suspicious first",
    "suspects.jpg": "Faces whose labels are suspect",
}


def runs_with(ability):
    """The runs whose kind of network has an ability, such as `has_walkthrough`."""
    return [
        run
        for run, sections in RUNS.items()
        if getattr(KINDS[sections["model"]["kind"]], ability)
    ]


LAYERED = runs_with("has_layers")  # trained by the rule train
UNLAYERED = [run for run in RUNS if run not in LAYERED]  # fitted by the rule hog_svm


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


def limit_gpus():
    """On this machine alone, jobs share the GPUs that it has, unless --resources names a number.

    A cluster has GPUs of its own: there, Snakemake runs on a machine that may have none. Without a
    GPU there is no limit, for `train.device` to decide. A module leaves the limits to its workflow.
    """
    here_alone = workflow.is_main_process and workflow.resource_settings.nodes is None
    count = gpus.visible_count() if here_alone and not MODULE else 0
    if count and "gpu" not in workflow.global_resources:
        workflow.register_resource("gpu", count)


limit_gpus()


def name_other_versions():
    """Say that the results are those of another version, before what is made again is listed."""
    found = releases.other_versions(RESULTS, RUNS, VERSION)
    if found and workflow.is_main_process:
        print(found, file=sys.stderr)


name_other_versions()


digest_of = cache(code_digest.digest)  # of a script, once for all jobs


def code(script):
    """Digest of a script and all that it imports: the rule reruns when its code changes."""
    return digest_of(SCRIPTS / script)


def state(settings):
    """A param with the names of the settings: Snakemake compares the values of params alone."""
    return str(settings)


def files_in_order(wildcards):
    """The names of a source's archive files: tables refer to a file by its number in this order."""
    return sources.archive(config, wildcards.source)["files"]


def state_of_rows(wildcards):
    """The names of a source's archive files, and a digest of its table of own photos."""
    table = of_archive("table")(wildcards)
    return [*files_in_order(wildcards), sources.file_state(table)]


def code_with_kind(script, run=None):
    """The same of a script that uses a network: the kind of the rule's run counts, and no other."""

    def digest(wildcards):
        kind = RUNS[run or wildcards.run]["model"]["kind"]
        return digest_of(SCRIPTS / script, f"renet.network.kinds.{kind}")

    return digest


def code_of_run(wildcards):
    """The digests of all scripts of a run, which its manifest records."""
    scripts = runs.scripts(RUNS[wildcards.run]["model"]["kind"])
    return [code_with_kind(script)(wildcards) for script in scripts]


def of_source(function):
    """An input or param of a rule: a function of the config and the rule's source."""
    return lambda wildcards: function(config, wildcards.source)


def of_archive(key):
    """An input or param of a rule: one setting of its source's archive."""
    return lambda wildcards: sources.archive(config, wildcards.source)[key]


def of_run(section, key):
    """A param or resource of a rule: one setting of the rule's run."""
    return lambda wildcards: RUNS[wildcards.run][section][key]


def file_of(wildcards):
    """URL and digest of one file of a source."""
    return sources.url_and_digest(config, wildcards.source, wildcards.file)


def local_files_of(wildcards):
    """The file or folder behind a file:// URL; Snakemake notices a change by its time stamp."""
    return sources.local_paths(file_of(wildcards)[0])


def own_file(path):
    """A file that the config names, as an input; the `prefix` of a module leaves its path alone."""
    return local(path) if path else []


def all_receipts(names=config["sources"]):
    """The receipts of all archive files."""
    receipts = (sources.receipts(config, source) for source in names)
    return list(chain.from_iterable(receipts))


def files_of_all_shards(suffix, names=config["sources"]):
    """A file of each shard of every source."""
    shards = (sources.shards(config, source) for source in names)
    return [f"{shard}{suffix}" for shard in chain.from_iterable(shards)]


def split_of(wildcards):
    """The table that says which faces a subset has, and in which order."""
    folder = f"{wildcards.subset}/" if wildcards.subset in EXTERNAL else ""
    return f"<results>/data/{folder}split.csv"


def faces_of(wildcards):
    """The faces of all shards that a subset can be written from."""
    is_external = wildcards.subset in EXTERNAL
    return files_of_all_shards(
        ".npy", [wildcards.subset] if is_external else config["sources"]
    )


def results_of(*of_rules, **wildcards):
    """Every output of these rules that is not temporary, for all values of their wildcards."""
    return [
        path
        for one in of_rules
        for file, declared in zip(one.output, one.rule.output)
        if not is_flagged(declared, "temp")
        for path in each_with_the_flags_of(file, wildcards)
    ]


def each_with_the_flags_of(file, wildcards):
    """A pattern expanded; of a module, the paths already have its prefix, as a flag says."""
    paths = expand(str(file), **wildcards)
    is_prefixed = is_flagged(file, PATH_MODIFIER_FLAG)
    return [flag(path, PATH_MODIFIER_FLAG) for path in paths] if is_prefixed else paths


def freed_unless_kept(path, is_kept):
    """An output that Snakemake deletes after its last use, unless the config keeps it."""
    return path if is_kept else temp(path)


def mean_of(wildcards):
    """The file with the mean to store: every subset takes that of the training set."""
    computes = wildcards.subset == "train" or mean_kind_of(wildcards) == "none"
    return [] if computes else "<results>/data/train.h5"


def mean_kind_of(wildcards):
    """Which mean a file stores: of an external set none, because the network has its own."""
    return "none" if wildcards.subset in EXTERNAL else config["hdf5"]["mean"]


def run_settings(wildcards):
    """All that the result of a training depends on."""
    return runs.training_settings(RUNS[wildcards.run])


def recorded_settings(wildcards):
    """All that a run depends on, the data included."""
    return data_summary.for_provenance(config) | run_settings(wildcards)


def photos_to_predict():
    """The files and folders of photos that the config names."""
    return [own_file(path) for path in sources.places_to_predict(config)]


def subfolders_to_predict():
    """The folders in them, whose time stamps change with their files."""
    places = sources.places_to_predict(config)
    inner = (sources.subfolders(Path(path)) for path in places)
    return [own_file(path) for path in chain.from_iterable(inner)]


def compute_settings(wildcards):
    """Device, precision and threads of a run."""
    return runs.compute_settings(RUNS[wildcards.run])


def compute_threads_of(wildcards):
    """The threads that a run predicts with."""
    return compute_settings(wildcards)["threads"]


def train_threads_of(wildcards):
    """The threads of all processes of a training."""
    train = RUNS[wildcards.run]["train"]
    return train["threads"] * train["processes"]


def batch_size_of_a_process(wildcards):
    """How many faces one process of a training takes at a time."""
    train = RUNS[wildcards.run]["train"]
    return max(1, train["batch_size"] // train["processes"])


def gpus_of(wildcards):
    """One GPU, unless the config asks for the CPU; see `limit_gpus`."""
    return int(RUNS[wildcards.run]["train"]["device"] != "cpu")


def train_gpus_of(wildcards):
    """One GPU for each process of a training, unless the config asks for the CPU."""
    return gpus_of(wildcards) * RUNS[wildcards.run]["train"]["processes"]


def train_memory_of(wildcards, attempt):
    """Megabytes on each machine; each attempt after a failure asks for that much more."""
    return RUNS[wildcards.run]["resources"]["memory_mb"] * attempt


def on_several_nodes(value_of):
    """A resource of trainings that several machines share; None for the others."""

    def resource_of(wildcards):
        nodes = RUNS[wildcards.run]["resources"]["nodes"]
        return value_of(wildcards, nodes) if nodes > 1 else None

    return resource_of


def gpus_of_a_node(wildcards, nodes):
    """The same number of GPUs on each machine: with `gpu` alone, SLURM decides how many are where."""
    gpus = train_gpus_of(wildcards) // nodes
    return f"gpu:{gpus}" if gpus else None


def reported(path, category, subcategory=None, caption=None):
    """An output that is part of Snakemake's report too; its caption has the name of the file."""
    name = caption or Path(path).name.split(".")[0]
    return report(
        path,
        caption=f"../report/{name}.rst",
        category=category,
        subcategory=subcategory,
        labels={"content": REPORT_TITLES[Path(path).name], "file": Path(path).name},
    )


def reported_of_run(name, subcategory=None):
    """A file of a run that is part of Snakemake's report too."""
    return reported(f"<results>/runs/{{run}}/{name}", "{run}", subcategory)


def of_set(name):
    """A file of a run about an external set; Snakemake's report is about the test set alone."""
    return f"<results>/runs/{{run}}/external/{{external}}/{name}"


def of_all_sets(*names):
    """These files of every run and external set."""
    return expand(list(map(of_set, names)), run=RUNS, external=EXTERNAL)


def of_all_runs(*names, of=RUNS):
    """These files of every run, or of some runs."""
    return expand("<results>/runs/{run}/{name}", run=of, name=names)


def predictions(of=RUNS):
    """The predictions on the photos that the config names, where it names some."""
    files = ("predictions.csv", "predictions.html")
    return of_all_runs(*files, of=of) if config["predict"]["photos"] else []


def exports(of=RUNS):
    """The files of each run in the formats that the config names; ONNX has no HOG features."""
    layered = [run for run in of if run in LAYERED]
    return [
        path
        for name in config["export"]
        for path in of_all_runs(
            f"model.{name}", of=of if name == "safetensors" else layered
        )
    ]


def results_of_run(run):
    """The files and folders of a run but its manifest, and its pages, which are about all runs."""
    layered = run in LAYERED
    trained = (rules.train, rules.profile_layers) if layered else (rules.hog_svm,)
    shown = (rules.walkthrough,) if run in runs_with("has_walkthrough") else ()
    of_others = (rules.infer, rules.evaluate, rules.gallery, rules.explain)
    written = (rules.provenance, rules.predictor)
    made = results_of(*trained, *of_others, *shown, *written, run=run)
    on_sets = (rules.infer_external, rules.evaluate_external, rules.gallery_external)
    made += results_of(*on_sets, run=run, external=EXTERNAL)
    return made + predictions([run]) + exports([run])


def files_of_run(wildcards):
    """The files among these; a folder as an input would rerun its rule by its time stamp."""
    return [path for path in results_of_run(wildcards.run) if Path(path).suffix]


def config_of_run(wildcards):
    """The config that makes a run again, also beside the runs that config.yaml names."""
    named = yaml_files.read(DEFAULTS).get("runs")
    others = named if isinstance(named, dict) else []
    return data_summary.to_repeat(config, wildcards.run, others)


def folders_of_run(wildcards):
    """The folders among these."""
    return [path for path in results_of_run(wildcards.run) if not Path(path).suffix]


def records_of_runs(wildcards):
    """The patterns of the logs and benchmarks of all rules that work for a run."""
    records = (path for one in workflow.rules for path in [*one.log, one.benchmark])
    patterns = {Path(strip_wildcard_constraints(str(path))) for path in records if path}
    # A workflow that uses this one as a module has other rules, too.
    own = sorted(
        path.relative_to(RESULTS) for path in patterns if path.is_relative_to(RESULTS)
    )
    return [str(path) for path in own if "{run}" in str(path)]


def audit_page():
    """The page of the label audit, where the config asks for one."""
    return ["<results>/audit/index.html"] if config["audit"]["folds"] else []


def audit_labels():
    """The labels of the audit, where the config asks for one."""
    return "<results>/audit/labels.csv" if config["audit"]["folds"] else []


def audit_results():
    """All that the label audit leaves, where the config asks for one."""
    folds = config["audit"]["folds"]
    each_fold = results_of(rules.audit_fold, fold=range(1, folds + 1), folds=folds)
    return [*each_fold, *results_of(rules.audit)] if folds else []


def refuse_future_inputs():
    """End before any job if a file of the user has a time in the future."""
    try:
        future_times.refuse(sources.own_paths(config))
    except InputError as error:
        sys.exit(str(error))


def put_back_future_times():
    """Set times in the future to now, so that new outputs are newer than their inputs."""
    receipt_files = RESOURCES.glob("*/*.json")
    if said := future_times.put_back(
        chain(future_times.files_in(RESULTS), receipt_files)
    ):
        print(said, file=sys.stderr)
