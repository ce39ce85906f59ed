"""From archives to HDF5 files.

Requires: the archives of `sources`, wherever their URLs point.
Gives: resources/<source>/ (archives and their receipts), results/data/ (tables, faces, HDF5 files).
"""


localrules:
    download,
    make_sample,


rule make_sample:
    """Draw the built-in sample, in the layout of the real archive."""
    output:
        receipt=f"resources/{sources.SAMPLE}/{sources.SAMPLE_FILE}.json",
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
        local_files_of,
    output:
        receipt="resources/{source}/{file}.json",
    log:
        "results/logs/download/{source}/{file}.log",
    benchmark:
        "results/benchmarks/download/{source}/{file}.tsv"
    wildcard_constraints:
        source=rf"(?!{sources.SAMPLE}/)[^/]+",
    conda:
        "../../envs/download.yaml"
    resources:
        downloads=1,
    params:
        url=lambda wildcards: file_of(wildcards)[0],
        digest=lambda wildcards: file_of(wildcards)[1],
    script:
        "../scripts/download.py"


rule index_archive:
    """Note where each member of a source's archives lies."""
    input:
        receipt_files=receipts_of,
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
    """Write every row of a source's .mat file, or table, as kept or dropped for one reason."""
    input:
        receipts=receipts_of,
        members="results/data/{source}/members.csv",
        table=own_table_of,
    output:
        metadata="results/data/{source}/metadata.csv",
        funnel="results/data/{source}/funnel.csv",
        photos="results/data/{source}/photos.csv",
    log:
        "results/logs/parse_metadata/{source}.log",
    benchmark:
        "results/benchmarks/parse_metadata/{source}.tsv"
    conda:
        "../../envs/parse_metadata.yaml"
    params:
        archive=row_settings,
        rules=config["filter"],
        code=code("parse_metadata.py"),
    script:
        "../scripts/parse_metadata.py"


rule crop_faces:
    """Cut the faces of one shard of a source out of its archives."""
    input:
        receipts=receipts_of,
        photos="results/data/{source}/photos.csv",
    output:
        faces=freed_unless_kept("results/data/{source}/faces/{shard}-of-{shards}.npy"),
        table="results/data/{source}/faces/{shard}-of-{shards}.csv",
    log:
        "results/logs/crop_faces/{source}/{shard}-of-{shards}.log",
    benchmark:
        "results/benchmarks/crop_faces/{source}/{shard}-of-{shards}.tsv"
    conda:
        "../../envs/crop_faces.yaml"
    params:
        crop=crop_settings,
        code=code("crop_faces.py"),
    script:
        "../scripts/crop_faces.py"


rule shuffle:
    """Decide subset and order of every face, from the tables alone."""
    input:
        **for_each_source(tables_of),
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
        rules=config["split"],
        code=code("shuffle.py"),
    script:
        "../scripts/shuffle.py"


rule write_hdf5:
    """Gather the faces of one subset into an HDF5 file in neon's layout."""
    input:
        **for_each_source(faces_of),
        split="results/data/split.csv",
        train=mean_of,
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
