"""From archives to HDF5 files.

Requires: the archives of `sources`, wherever their URLs point.
Gives: resources/<source>/ (archives and their receipts), results/data/ (tables, faces, HDF5 files).
"""

SOURCE_FACES = "results/data/{source}/faces/{shard}-of-{shards}"


wildcard_constraints:
    source=r"[A-Za-z0-9][A-Za-z0-9_.-]*",
    file=r"[^/]+",
    shard=r"\d+",
    shards=r"\d+",
    subset="train|validation|test",


def archive_of(wildcards):
    """The settings of a source's archive."""
    return settings.archive(config, wildcards.source)


def position(wildcards):
    """The number of a downloaded file among its source's files."""
    receipt = f"resources/{wildcards.source}/{wildcards.file}.json"
    return settings.receipts(config, wildcards.source).index(receipt)


def receipts_of(wildcards):
    """The receipts of all files of a source."""
    return settings.receipts(config, wildcards.source)


def shards_of(source, suffix):
    """All shards of a source: their faces (.npy) or tables (.csv)."""
    count = settings.archive(config, source)["shards"]
    return expand(
        SOURCE_FACES + suffix, source=source, shard=range(1, count + 1), shards=count
    )


localrules:
    download,
    make_sample,


rule make_sample:
    """Draw the built-in sample, in the layout of the real archive."""
    output:
        receipt=f"resources/{settings.SAMPLE}/{settings.SAMPLE_FILE}.json",
    log:
        "results/logs/make_sample/sample.log",
    benchmark:
        "results/benchmarks/make_sample/sample.tsv"
    conda:
        "../../envs/make_sample.yaml"
    params:
        photos=config["sample"]["photos"],
        seed=config["sample"]["seed"],
        code=code("make_sample.py"),
    script:
        "../scripts/make_sample.py"


rule download:
    """Get one archive file and check it; its bytes lie beside the receipt, or where they were."""
    input:
        # A file:// source that changes is noticed by its time stamp.
        lambda wildcards: settings.local_path(
            archive_of(wildcards)["urls"][position(wildcards)]
        )
        or [],
    output:
        receipt="resources/{source}/{file}.json",
    log:
        "results/logs/download/{source}/{file}.log",
    benchmark:
        "results/benchmarks/download/{source}/{file}.tsv"
    conda:
        "../../envs/download.yaml"
    params:
        url=lambda wildcards: archive_of(wildcards)["urls"][position(wildcards)],
        digest=lambda wildcards: archive_of(wildcards)["digests"][position(wildcards)],
    script:
        "../scripts/download.py"


rule index_archive:
    """Note where each member of a source's archives lies."""
    input:
        receipts_of,
    output:
        members="results/data/{source}/members.csv",
    log:
        "results/logs/index_archive/{source}.log",
    benchmark:
        "results/benchmarks/index_archive/{source}.tsv"
    conda:
        "../../envs/index_archive.yaml"
    params:
        code=code("index_archive.py"),
    script:
        "../scripts/index_archive.py"


rule parse_metadata:
    """Write every row of a source's .mat file as kept, or dropped for one reason."""
    input:
        receipts=receipts_of,
        members="results/data/{source}/members.csv",
    output:
        metadata="results/data/{source}/metadata.csv",
        funnel="results/data/{source}/funnel.csv",
    log:
        "results/logs/parse_metadata/{source}.log",
    benchmark:
        "results/benchmarks/parse_metadata/{source}.tsv"
    conda:
        "../../envs/parse_metadata.yaml"
    params:
        database=lambda wildcards: archive_of(wildcards)["database"],
        rules=config["filter"],
        code=code("parse_metadata.py"),
    script:
        "../scripts/parse_metadata.py"


rule crop_faces:
    """Cut the faces of one shard of a source out of its archives."""
    input:
        receipts=receipts_of,
        members="results/data/{source}/members.csv",
        metadata="results/data/{source}/metadata.csv",
    output:
        faces=(
            SOURCE_FACES + ".npy"
            if config["crop"]["keep"]
            else temp(SOURCE_FACES + ".npy")
        ),
        table=SOURCE_FACES + ".csv",
    log:
        "results/logs/crop_faces/{source}/{shard}-of-{shards}.log",
    benchmark:
        "results/benchmarks/crop_faces/{source}/{shard}-of-{shards}.tsv"
    conda:
        "../../envs/crop_faces.yaml"
    params:
        crop=lambda wildcards: {
            "database": archive_of(wildcards)["database"],
            "photos": archive_of(wildcards)["photos"],
            "shards_count": archive_of(wildcards)["shards"],
            "size": settings.image_size(config),
            "margin": config["crop"]["margin"],
        },
        code=code("crop_faces.py"),
    script:
        "../scripts/crop_faces.py"


rule shuffle:
    """Decide subset and order of every face, from the tables alone."""
    input:
        **{
            source: [f"results/data/{source}/metadata.csv", *shards_of(source, ".csv")]
            for source in config["sources"]
        },
    output:
        split="results/data/split.csv",
        funnel="results/data/funnel.csv",
    log:
        "results/logs/shuffle/shuffle.log",
    benchmark:
        "results/benchmarks/shuffle/shuffle.tsv"
    conda:
        "../../envs/shuffle.yaml"
    params:
        sources=config["sources"],
        rules=config["split"],
        code=code("shuffle.py"),
    script:
        "../scripts/shuffle.py"


rule write_hdf5:
    """Gather the faces of one subset into an HDF5 file in neon's layout."""
    input:
        # The mean is the training set's; the other subsets take it from train.h5.
        lambda wildcards: (
            []
            if wildcards.subset == "train" or config["hdf5"]["mean"] == "none"
            else "results/data/train.h5"
        ),
        **{source: shards_of(source, ".npy") for source in config["sources"]},
        split="results/data/split.csv",
    output:
        faces="results/data/{subset}.h5",
        table="results/data/{subset}.csv",
    log:
        "results/logs/write_hdf5/{subset}.log",
    benchmark:
        "results/benchmarks/write_hdf5/{subset}.tsv"
    conda:
        "../../envs/write_hdf5.yaml"
    params:
        sources=config["sources"],
        mean=config["hdf5"]["mean"],
        code=code("write_hdf5.py"),
    script:
        "../scripts/write_hdf5.py"
