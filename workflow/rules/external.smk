"""External test sets, named by `external`: never used for training or to select anything.

Requires: results/data/<set>/ metadata and shards, results/data/split.csv; model.pt of each run.
Provides: results/data/<set>/ split.csv and external_funnel.csv; results/runs/<run>/external/<set>/,
which has the layout of a run's folder.
"""


rule external_set:
    """Select the external faces whose person and photo are not in training or validation."""
    input:
        metadata="<results>/data/{external}/metadata.csv",
        tables=lambda wildcards: inputs.shards(settings, [wildcards.external], ".csv"),
        known="<results>/data/split.csv",
    output:
        split="<results>/data/{external}/split.csv",
        funnel="<results>/data/{external}/external_funnel.csv",
    log:
        "<results>/logs/external_set/{external}.log",
    conda:
        "../../envs/external_set.yaml"
    params:
        own=lambda wildcards: bool(settings.used_archives[wildcards.external].table),
        near_duplicates=settings.split.near_duplicates,
        seed=settings.split.seed,
        code=code("external_set.py"),
    script:
        "../scripts/external_set.py"


use rule face_box as face_box_external with:
    input:
        faces="<results>/data/{external}.h5",
        table="<results>/data/{external}.csv",
        training="<results>/data/face_box.json",
        shards=get_detected_shards,
    output:
        face_box="<results>/data/{external}/face_box.json",
    log:
        "<results>/logs/face_box/{external}.log",


use rule infer as infer_external with:
    input:
        model="<results>/runs/{run}/model.pt",
        faces="<results>/data/{external}.h5",
        table="<results>/data/{external}.csv",
    output:
        inference="<results>/runs/{run}/external/{external}/inference.csv",
    log:
        "<results>/runs/{run}/logs/infer_external/{external}.log",


use rule evaluate as evaluate_external with:
    input:
        get_own_tables,
        test="<results>/runs/{run}/external/{external}/inference.csv",
        validation="<results>/runs/{run}/inference_validation.csv",
        split=["<results>/data/split.csv", "<results>/data/{external}.csv"],
        model="<results>/runs/{run}/model.pt",
        initial_hashes=get_initial_hashes,
    output:
        metrics="<results>/runs/{run}/external/{external}/metrics.json",
        slice_table="<results>/runs/{run}/external/{external}/tables/slices.csv",
        figures=figure_files("<results>/runs/{run}/external/{external}"),
    log:
        "<results>/runs/{run}/logs/evaluate_external/{external}.log",
    params:
        ranked=1,


use rule gallery as gallery_external with:
    input:
        inference="<results>/runs/{run}/external/{external}/inference.csv",
        faces="<results>/data/{external}.h5",
        face_table="<results>/data/{external}.csv",
    output:
        table="<results>/runs/{run}/external/{external}/tables/gallery.csv",
        pictures=multiext("<results>/runs/{run}/external/{external}/faces/", *GALLERIES),
    log:
        "<results>/runs/{run}/logs/gallery_external/{external}.log",
