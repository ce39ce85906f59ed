"""From archives to HDF5 files.

Requires: the archives of `sources`, at their URLs.
Provides: resources/<source>/ (archives and their receipts), results/data/ (tables, faces, HDF5
files).
"""

from renet.config.archives import SAMPLE, SAMPLE_FILE

# Outputs that the config keeps. Snakemake deletes all other shards and HDF5 files after their use.
KEPT_SHARDS = [".csv", *([".npy"] if settings.crop.keep_shards else [])]
KEPT_FILES = ["table", *(["face_file"] if settings.hdf5.keep_files else [])]
SHARD = f"{inputs.SHARD}.npy"
FACE_FILE = "<results>/data/{subset}.h5"


rule make_sample:
    """Copy the built-in sample, in the layout of the real archive."""
    output:
        receipt=f"<resources>/{SAMPLE}/{SAMPLE_FILE}.json",
    log:
        "<results>/logs/make_sample/sample.log",
    localrule: True
    conda:
        "../../envs/make_sample.yaml"
    params:
        photos=settings.sample.photos,
        code=code("make_sample.py"),
    script:
        "../scripts/make_sample.py"


rule download:
    """Download one archive file, or find it on the disk, and verify it."""
    input:
        # The file of a file:// URL, so that Snakemake compares its time stamp.
        get_local_file,
    output:
        receipt="<resources>/{source}/{file}.json",
    log:
        "<results>/logs/download/{source}/{file}.log",
    wildcard_constraints:
        source=rf"(?!{SAMPLE}/)[^/]+",
        file=r"[^/]+",
    localrule: True
    conda:
        "../../envs/download.yaml"
    resources:
        downloads=1,
    # No digest of the code: a changed script must not download anything again.
    params:
        url=lambda wildcards: get_archive(wildcards).downloads[wildcards.file][0],
        digest=lambda wildcards: get_archive(wildcards).downloads[wildcards.file][1],
        # Not from `input`, because Snakemake ignores params that depend on `input`.
        contents=lambda wildcards: inputs.places_state(get_local_file(wildcards)),
    script:
        "../scripts/download.py"


rule index_archive:
    """Index the members of a source's archives."""
    input:
        receipt_files=get_receipts,
    output:
        members="<results>/data/{source}/members.csv",
        archives="<results>/data/{source}/archives.json",
    log:
        "<results>/logs/index_archive/{source}.log",
    conda:
        "../../envs/index_archive.yaml"
    params:
        # members.csv names a file by its index in this list.
        file_order=of_archive("files"),
        code=code("index_archive.py"),
    script:
        "../scripts/index_archive.py"


rule parse_metadata:
    """List every row of a source's .mat file or table as kept, or as dropped with a reason."""
    input:
        tables=of_archive("tables", local),
        lists=of_archive("lists", local),
        members="<results>/data/{source}/members.csv",
        receipt_files=get_receipts,
    output:
        metadata="<results>/data/{source}/metadata.csv",
        photos="<results>/data/{source}/photos.csv",
    log:
        "<results>/logs/parse_metadata/{source}.log",
    conda:
        "../../envs/parse_metadata.yaml"
    params:
        database=of_archive("database"),
        whole=of_archive("has_boxes"),
        subjects=of_archive("subjects"),
        filter=settings.filter.model_dump(),
        labels=of_archive("label_settings"),
        subsets=of_archive("subsets"),
        slices=not_compared(of_archive("slice_columns")),
        file_digest=lambda wildcards: inputs.file_states(
            get_archive(wildcards).tables + get_archive(wildcards).lists
        ),
        code=code("parse_metadata.py"),
    script:
        "../scripts/parse_metadata.py"


rule crop_faces:
    """Crop the faces of one shard of a source from its archives."""
    input:
        receipt_files=get_receipts,
        archives="<results>/data/{source}/archives.json",
        photos="<results>/data/{source}/photos.csv",
        face_box=get_face_box,
    output:
        faces=SHARD if settings.crop.keep_shards else temp(SHARD),
        table=f"{inputs.SHARD}.csv",
    log:
        "<results>/logs/crop_faces/{source}/{shard}-of-{shards}.log",
    conda:
        "../../envs/crop_faces.yaml"
    params:
        crop=of_archive("record", settings.crop.spec),
        code=code("crop_faces.py"),
    script:
        "../scripts/crop_faces.py"


rule shuffle:
    """Assign each face to a subset, in a random order, and correct labels."""
    input:
        metadata=expand("<results>/data/{source}/metadata.csv", source=settings.sources),
        tables=inputs.shards(settings, settings.sources, ".csv"),
        corrections=own_file(settings.corrections),
        earlier=own_file(settings.split.from_),
    output:
        # split_last.csv and split_before.csv are no outputs, since Snakemake deletes outputs.
        split="<results>/data/split.csv",
        funnel="<results>/data/funnel.csv",
        corrected="<results>/data/corrected.csv",
    log:
        "<results>/logs/shuffle/shuffle.log",
    conda:
        "../../envs/shuffle.yaml"
    params:
        settings=SPLIT_SETTINGS,
        own=[name for name in settings.sources if settings.used_archives[name].table],
        file_digest=when_planned(
            inputs.file_states, [settings.corrections, settings.split.from_]
        ),
        code=code("shuffle.py"),
    script:
        "../scripts/shuffle.py"


rule write_hdf5:
    """Gather the faces of one subset into an HDF5 file in neon's layout."""
    input:
        # Not a `partial`: Snakemake would treat its text, with the config's URLs, as a path.
        unpack(lambda wildcards: inputs.subset_files(settings, wildcards)),
    output:
        face_file=FACE_FILE if settings.hdf5.keep_files else temp(FACE_FILE),
        table="<results>/data/{subset}.csv",
    log:
        "<results>/logs/write_hdf5/{subset}.log",
    conda:
        "../../envs/write_hdf5.yaml"
    params:
        # An external set needs no mean, because the network has the mean of its training set.
        mean=lambda wildcards: (
            "none" if wildcards.subset in EXTERNAL else settings.hdf5.mean
        ),
        code=code("write_hdf5.py"),
    script:
        "../scripts/write_hdf5.py"


rule face_box:
    """Measure how the training faces are cut, for the face detector's boxes."""
    input:
        faces="<results>/data/train.h5",
        table="<results>/data/train.csv",
    output:
        face_box="<results>/data/face_box.json",
    log:
        "<results>/logs/face_box/train.log",
    conda:
        "../../envs/face_box.yaml"
    params:
        margin=settings.crop.margin,
        detected=[
            name for name in settings.sources if settings.used_archives[name].detected
        ],
        code=code("face_box.py"),
    script:
        "../scripts/face_box.py"
