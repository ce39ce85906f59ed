"""What the rules ask of the config and the code.

Requires: a config that was validated.
Gives: input and param functions for the other files, and the pattern of each wildcard.
"""

RUNS = settings.runs(config)
SUBSETS = ("train", "validation", "test")
RESOURCES = settings.resources(config)


wildcard_constraints:
    source=r"[A-Za-z0-9][A-Za-z0-9_.-]*",
    file=r"[^/]+",
    shard=r"\d+",
    shards=r"\d+",
    subset="|".join(SUBSETS),
    run="|".join(map(re.escape, RUNS)),


def code(script):
    """Digest of a script with all it imports: a rule that has it reruns when the code changes."""
    return code_digest.digest(SCRIPTS / script)


def archive_of(wildcards):
    """The settings of a source's archive."""
    return settings.archive(config, wildcards.source)


def receipts_of(wildcards):
    """The receipts of all files of a source."""
    return settings.receipts(config, wildcards.source)


def file_of(wildcards):
    """URL and digest of one file of a source."""
    archive = archive_of(wildcards)
    receipt = f"resources/{wildcards.source}/{wildcards.file}.json"
    number = receipts_of(wildcards).index(receipt)
    return archive["urls"][number], archive["digests"][number]


def local_files_of(wildcards):
    """What a file:// URL names: a file or folder that changes is noticed by its time stamp."""
    return settings.local_paths(file_of(wildcards)[0])


def shards_of(source):
    """The paths of all shards of a source, without their endings."""
    count = settings.archive(config, source)["shards"]
    return [
        f"results/data/{source}/faces/{number}-of-{count}"
        for number in range(1, count + 1)
    ]


def tables_of(source):
    """metadata.csv of a source and the tables of its shards."""
    return [
        f"results/data/{source}/metadata.csv",
        *(f"{shard}.csv" for shard in shards_of(source)),
    ]


def faces_of(source):
    """The faces of all shards of a source."""
    return [f"{shard}.npy" for shard in shards_of(source)]


def for_each_source(paths_of):
    """Named inputs source_0, source_1, …: a source's own name could be one that Snakemake needs."""
    return {
        f"source_{number}": paths_of(name)
        for number, name in enumerate(config["sources"])
    }


def freed_unless_kept(path):
    """An output that goes when its last user is done, unless the config keeps it."""
    return path if config["crop"]["keep"] else temp(path)


def mean_of(wildcards):
    """The mean is the training set's; the other subsets take it from train.h5."""
    own = wildcards.subset == "train" or config["hdf5"]["mean"] == "none"
    return [] if own else "results/data/train.h5"


def own_table_of(wildcards):
    """The CSV of one's own photos that stands in for a .mat file."""
    return archive_of(wildcards)["table"] or []


def row_settings(wildcards):
    """What parse_metadata needs to know of a source."""
    archive = archive_of(wildcards)
    return {"database": archive["database"], "whole": archive["photos"] == "whole"}


def crop_settings(wildcards):
    """What crop_faces needs to know of a source.

    Photos of one's own may lie on their side; ready-made crops of one's own are taken as they are.
    """
    archive = archive_of(wildcards)
    own, whole = archive["table"] is not None, archive["photos"] == "whole"
    margin = config["crop"]["margin"]
    return {
        "whole": whole,
        "turn": own,
        "shards_count": archive["shards"],
        "size": settings.image_size(config),
        "margin": max(margin, settings.ARCHIVE_MARGIN) if own and not whole else margin,
    }


def train_settings(wildcards):
    """The section `train` of a run."""
    return RUNS[wildcards.run]["train"]


def without(section, *keys):
    """A section of the config without these keys."""
    return {key: value for key, value in section.items() if key not in keys}


def run_settings(wildcards):
    """All that a training depends on: not how often it is saved on the way."""
    run = RUNS[wildcards.run]
    return {
        "model": run["model"],
        "train": without(run["train"], "checkpoint_minutes"),
    }


def provenance_settings():
    """What of the config, beside a run's own settings, its result depends on."""
    archives = {
        source: {
            key: settings.archive(config, source)[key] for key in ("database", "photos")
        }
        for source in config["sources"]
    }
    crop = {key: config["crop"][key] for key in ("size", "margin")}
    sample = {"sample": {key: config["sample"][key] for key in ("photos", "seed")}}
    return {
        "sources": config["sources"],
        **(sample if settings.SAMPLE in config["sources"] else {}),
        "archives": archives,
        "crop": crop,
        **{section: config[section] for section in ("filter", "split", "hdf5")},
    }


def threads_of(wildcards):
    """What torch computes with; sums of floats depend on it."""
    return train_settings(wildcards)["threads"]


def train_threads_of(wildcards):
    """What all processes of a training compute with."""
    return threads_of(wildcards) * train_settings(wildcards)["processes"]


def gpus_of(wildcards):
    """One, unless the config says cpu: a run with `--resources gpu=1` has one job at a time on it."""
    return int(train_settings(wildcards)["device"] != "cpu")


def train_gpus_of(wildcards):
    """One for each process of a training, unless the config says cpu."""
    return gpus_of(wildcards) * train_settings(wildcards)["processes"]


def train_memory_of(wildcards, attempt):
    """Megabytes on each machine; an attempt after a failure gets as much more."""
    return RESOURCES[wildcards.run]["memory_mb"] * attempt


def train_minutes_of(wildcards):
    """The time limit of a training's job."""
    return RESOURCES[wildcards.run]["minutes"]


def nodes_of(wildcards):
    """The machines of a training; SLURM may spread even two GPUs, unless it is told."""
    return RESOURCES[wildcards.run]["nodes"]


def on_several_nodes(value_of):
    """A resource of trainings that several machines share, None for the others."""

    def resource_of(wildcards):
        nodes = nodes_of(wildcards)
        return value_of(wildcards, nodes) if nodes > 1 else None

    return resource_of


def gpus_of_a_node(wildcards, nodes):
    """The same number of GPUs on each machine: `gpu` alone leaves it to SLURM which has more."""
    gpus = train_gpus_of(wildcards) // nodes
    return f"gpu:{gpus}" if gpus else None


def compute_settings(wildcards):
    """How a run's network is to be computed."""
    return {
        name: train_settings(wildcards)[name]
        for name in ("device", "precision", "threads")
    }


def report_data():
    """What the pages say about the data."""
    sections = ("sources", "filter", "split", "hdf5", "audit")
    databases = {
        settings.archive(config, source)["database"]
        for source in config["sources"]
        if source != settings.SAMPLE
    }
    return {
        "databases": sorted(databases),
        "size": list(settings.image_size(config)),
        "margin": config["crop"]["margin"],
        **{section: config[section] for section in sections},
    }


PICTURES = (
    "learning_curve",
    "confusion_matrix",
    "ranking_curves",
    "reliability",
    "slices",
)


def of_run(name, kind):
    """A file of a run that Snakemake's report shows too, with the caption of its name."""
    return report(
        f"results/runs/{{run}}/{name}",
        caption=f"../report/{name.split('.')[0]}.rst",
        category="{run}",
        subcategory=kind,
    )


def of_all_runs(*names):
    """These files of every run."""
    return expand("results/runs/{run}/{name}", run=RUNS, name=names)


def evaluate_settings():
    """What an evaluation needs to know of the data."""
    return {
        "split_by": config["split"]["by"],
        "size": list(settings.image_size(config)),
    }


def all_receipts():
    """The receipts of all archive files."""
    return [
        receipt
        for source in config["sources"]
        for receipt in settings.receipts(config, source)
    ]


def audit_run():
    """The run whose network judges the labels."""
    return config["audit"]["run"] if config["audit"]["folds"] else next(iter(RUNS))


def audit_settings():
    """Network and recipe of that run, but for what a fold of an audit has no use for."""
    run = RUNS[audit_run()]
    unused = ("processes", "sync_batchnorm", "validate_every", "keep")
    saving = ("checkpoint_minutes", "save_every", "save_history")
    return {"model": run["model"], "train": without(run["train"], *unused, *saving)}


def audit_page():
    """The page of the audit, where the config asks for one."""
    return ["results/audit/index.html"] if config["audit"]["folds"] else []
