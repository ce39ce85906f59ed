"""From archives to HDF5 files.

Requires: the archives of `sources`, at their URLs.
Provides: resources/<source>/ (archives and their receipts), results/data/ (tables, faces, HDF5
files).
"""


rule make_sample:
    """Draw the built-in sample, in the layout of the real archive."""
    output:
        receipt=f"<resources>/{sources.SAMPLE}/{sources.SAMPLE_FILE}.json",
    log:
        "<results>/logs/make_sample/sample.log",
    benchmark:
        "<results>/benchmarks/make_sample/sample.tsv"
    localrule: True
    conda:
        "../../envs/make_sample.yaml"
    params:
        photos=config["sample"]["photos"],
        seed=config["sample"]["seed"],
        state=[config["sample"][key] for key in ("photos", "seed")],  # which number is which
        code=code("make_sample.py"),
    script:
        "../scripts/make_sample.py"


rule download:
    """Download one archive file, or find it on the disk, and check it."""
    input:
        local_files_of,
    output:
        receipt="<resources>/{source}/{file}.json",
    log:
        "<results>/logs/download/{source}/{file}.log",
    benchmark:
        "<results>/benchmarks/download/{source}/{file}.tsv"
    wildcard_constraints:
        source=rf"(?!{sources.SAMPLE}/)[^/]+",
    localrule: True
    conda:
        "../../envs/download.yaml"
    resources:
        downloads=1,
    # No digest of the code: a changed script must not download anything again.
    params:
        url=lambda wildcards: file_of(wildcards)[0],
        digest=lambda wildcards: file_of(wildcards)[1],
        contents=lambda wildcards: sources.local_state(
            urls.local_path(file_of(wildcards)[0])
        ),
    script:
        "../scripts/download.py"


rule index_archive:
    """Index the members of a source's archives."""
    input:
        receipt_files=of_source(sources.receipts),
    output:
        members="<results>/data/{source}/members.csv",
    log:
        "<results>/logs/index_archive/{source}.log",
    benchmark:
        "<results>/benchmarks/index_archive/{source}.tsv"
    conda:
        "../../envs/index_archive.yaml"
    params:
        state=files_in_order,
        code=code("index_archive.py"),
    script:
        "../scripts/index_archive.py"


rule parse_metadata:
    """List every row of a source's .mat file, or table, as kept or dropped for one reason."""
    input:
        rows=lambda wildcards: own_file(of_archive("table")(wildcards)),
        members="<results>/data/{source}/members.csv",
        receipt_files=of_source(sources.receipts),
    output:
        metadata="<results>/data/{source}/metadata.csv",
        funnel="<results>/data/{source}/funnel.csv",
        photos="<results>/data/{source}/photos.csv",
    log:
        "<results>/logs/parse_metadata/{source}.log",
    benchmark:
        "<results>/benchmarks/parse_metadata/{source}.tsv"
    conda:
        "../../envs/parse_metadata.yaml"
    params:
        database=of_archive("database"),
        whole=lambda wildcards: of_archive("photos")(wildcards) == "whole",
        subjects=of_archive("subjects"),
        filter=config["filter"],
        state=state_of_rows,
        code=code("parse_metadata.py"),
    script:
        "../scripts/parse_metadata.py"


rule crop_faces:
    """Crop the faces of one shard of a source from its archives."""
    input:
        receipt_files=of_source(sources.receipts),
        photos="<results>/data/{source}/photos.csv",
    output:
        faces=freed_unless_kept(
            "<results>/data/{source}/faces/{shard}-of-{shards}.npy",
            config["crop"]["keep_shards"],
        ),
        table="<results>/data/{source}/faces/{shard}-of-{shards}.csv",
    log:
        "<results>/logs/crop_faces/{source}/{shard}-of-{shards}.log",
    benchmark:
        "<results>/benchmarks/crop_faces/{source}/{shard}-of-{shards}.tsv"
    conda:
        "../../envs/crop_faces.yaml"
    params:
        crop=of_source(sources.crop_settings),
        state=files_in_order,
        code=code("crop_faces.py"),
    script:
        "../scripts/crop_faces.py"


rule shuffle:
    """Assign each face to a subset, in a random order, and correct labels."""
    input:
        metadata=expand(
            "<results>/data/{source}/metadata.csv", source=config["sources"]
        ),
        tables=files_of_all_shards(".csv"),
        corrections=own_file(config["corrections"]),
    output:
        split="<results>/data/split.csv",
        funnel="<results>/data/funnel.csv",
        corrected="<results>/data/corrected.csv",
    log:
        "<results>/logs/shuffle/shuffle.log",
    benchmark:
        "<results>/benchmarks/shuffle/shuffle.tsv"
    conda:
        "../../envs/shuffle.yaml"
    params:
        **config["split"],
        own=sources.own_photos(config),
        state=lambda wildcards: [
            config["split"],
            sources.file_state(config["corrections"]),
        ],
        code=code("shuffle.py"),
    script:
        "../scripts/shuffle.py"


rule external_set:
    """Choose the faces of an external test set: those that no training and no choice sees."""
    input:
        metadata="<results>/data/{external}/metadata.csv",
        tables=lambda wildcards: files_of_all_shards(".csv", [wildcards.external]),
        known="<results>/data/split.csv",
    output:
        split="<results>/data/{external}/split.csv",
        funnel="<results>/data/{external}/external_funnel.csv",
    log:
        "<results>/logs/external_set/{external}.log",
    benchmark:
        "<results>/benchmarks/external_set/{external}.tsv"
    conda:
        "../../envs/external_set.yaml"
    params:
        own=lambda wildcards: bool(sources.archive(config, wildcards.external)["table"]),
        near_duplicates=config["split"]["near_duplicates"],
        seed=config["split"]["seed"],
        code=code("external_set.py"),
    script:
        "../scripts/external_set.py"


rule write_hdf5:
    """Gather the faces of one subset into an HDF5 file in neon's layout."""
    input:
        split=split_of,
        faces=faces_of,
        train=mean_of,
    output:
        face_file=freed_unless_kept(
            "<results>/data/{subset}.h5", config["hdf5"]["keep_files"]
        ),
        table="<results>/data/{subset}.csv",
    log:
        "<results>/logs/write_hdf5/{subset}.log",
    benchmark:
        "<results>/benchmarks/write_hdf5/{subset}.tsv"
    conda:
        "../../envs/write_hdf5.yaml"
    params:
        mean=mean_kind_of,
        code=code("write_hdf5.py"),
    script:
        "../scripts/write_hdf5.py"
