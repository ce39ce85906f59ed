"""Input, param and resource functions of the rules.

Requires: a complete and valid config.
Provides: functions for the other files, and the pattern of each wildcard.
"""

RUNS = runs.runs(config)
SUBSETS = ("train", "validation", "test")


wildcard_constraints:
    source=r"[A-Za-z0-9][A-Za-z0-9_.-]*",
    file=r"[^/]+",
    shard=r"\d+",
    shards=r"\d+",
    subset="|".join(SUBSETS),
    run="|".join(map(re.escape, RUNS)),


def code(script):
    """Digest of a script and all that it imports: the rule reruns when its code changes."""
    return code_digest.digest(SCRIPTS / script)


def archive_of(wildcards):
    """The settings of a source's archive."""
    return sources.archive(config, wildcards.source)


def receipts_of(wildcards):
    """The receipts of all files of a source."""
    return sources.receipts(config, wildcards.source)


def all_receipts():
    """The receipts of all archive files."""
    return [
        receipt
        for source in config["sources"]
        for receipt in sources.receipts(config, source)
    ]


def file_of(wildcards):
    """URL and digest of one file of a source."""
    return sources.url_and_digest(config, wildcards.source, wildcards.file)


def local_files_of(wildcards):
    """The file or folder behind a file:// URL; Snakemake notices a change by its time stamp."""
    return sources.local_paths(file_of(wildcards)[0])


def files_of_all_shards(suffix):
    """A file of each shard of every source."""
    return [
        f"{shard}{suffix}"
        for source in config["sources"]
        for shard in sources.shards(config, source)
    ]


def freed_unless_kept(path):
    """An output that Snakemake deletes after its last use, unless crop.keep_shards is true."""
    return path if config["crop"]["keep_shards"] else temp(path)


def mean_of(wildcards):
    """The file with the mean to store: every subset takes that of the training set."""
    computes = wildcards.subset == "train" or config["hdf5"]["mean"] == "none"
    return [] if computes else "results/data/train.h5"


def own_table_of(wildcards):
    """The CSV of a user's own photos, which takes the place of a .mat file."""
    return archive_of(wildcards)["table"] or []


def crop_settings(wildcards):
    """The settings with which the faces of a source are cut."""
    return sources.crop_settings(config, wildcards.source)


def train_settings(wildcards):
    """The section `train` of a run."""
    return RUNS[wildcards.run]["train"]


def run_settings(wildcards):
    """All that the result of a training depends on."""
    return runs.training_settings(RUNS[wildcards.run])


def compute_settings(wildcards):
    """Device, precision and threads of a run."""
    return runs.compute_settings(RUNS[wildcards.run])


def checkpoints_of(wildcards):
    """The section `checkpoints` of a run."""
    return RUNS[wildcards.run]["checkpoints"]


def resources_of(wildcards):
    """The section `resources` of a run."""
    return RUNS[wildcards.run]["resources"]


def threads_of(wildcards):
    """PyTorch's number of threads; the sums of floats depend on it."""
    return train_settings(wildcards)["threads"]


def train_threads_of(wildcards):
    """The threads of all processes of a training."""
    return threads_of(wildcards) * train_settings(wildcards)["processes"]


def gpus_of(wildcards):
    """One GPU, unless the config asks for the CPU; `--resources gpu=1` runs one such job at a time."""
    return int(train_settings(wildcards)["device"] != "cpu")


def train_gpus_of(wildcards):
    """One GPU for each process of a training, unless the config asks for the CPU."""
    return gpus_of(wildcards) * train_settings(wildcards)["processes"]


def train_memory_of(wildcards, attempt):
    """Megabytes on each machine; each attempt after a failure asks for that much more."""
    return resources_of(wildcards)["memory_mb"] * attempt


def on_several_nodes(value_of):
    """A resource of trainings that several machines share; None for the others."""

    def resource_of(wildcards):
        nodes = resources_of(wildcards)["nodes"]
        return value_of(wildcards, nodes) if nodes > 1 else None

    return resource_of


def gpus_of_a_node(wildcards, nodes):
    """The same number of GPUs on each machine: with `gpu` alone, SLURM decides how many are where."""
    gpus = train_gpus_of(wildcards) // nodes
    return f"gpu:{gpus}" if gpus else None


def of_run(name, subcategory):
    """A file of a run that is part of Snakemake's report too; its caption has the same name."""
    return report(
        f"results/runs/{{run}}/{name}",
        caption=f"../report/{name.split('.')[0]}.rst",
        category="{run}",
        subcategory=subcategory,
    )


def of_all_runs(*names):
    """These files of every run."""
    return expand("results/runs/{run}/{name}", run=RUNS, name=names)


def audit_page():
    """The page of the label audit, where the config asks for one."""
    return ["results/audit/index.html"] if config["audit"]["folds"] else []
