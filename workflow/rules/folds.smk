"""Folds: a training without a part of the people, and the predictions of their faces.

Requires: results/data/ HDF5 files and the tables beside them.
Provides: results/runs/<run>/folds/, from which the rule infer makes inference_validation.csv; and
results/runs/<run>/out_of_fold/, which has the layout of a run's folder.
"""


rule fold:
    """Train without one fold of the people, and predict the faces of this fold."""
    input:
        get_initial_weights,
        faces="<results>/data/development.h5",
        tables="<results>/data/development.csv",
    output:
        predictions="<results>/runs/{run}/folds/{fold}-of-{folds}.csv",
    log:
        "<results>/runs/{run}/logs/fold/{fold}-of-{folds}.log",
    conda:
        "../../envs/fold.yaml"
    threads: resource("threads")
    resources:
        **ON_DEVICE,
        runtime=resource("minutes"),
    params:
        # Single keys, so that a change of the other keys of `split` reruns no training.
        by=settings.split.by,
        seed=settings.split.seed,
        near_duplicates=settings.split.near_duplicates,
        validation=settings.split.validation / (1 - settings.split.test),
        settings=of_run(run_settings.fold_settings),
        code=run_code("fold.py"),
    script:
        "../scripts/fold.py"


use rule evaluate as evaluate_out_of_fold with:
    input:
        get_own_tables,
        test="<results>/runs/{run}/inference_validation.csv",
        validation="<results>/runs/{run}/inference_validation.csv",
        split="<results>/data/split.csv",
        model="<results>/runs/{run}/model.pt",
        initial_hashes=get_initial_hashes,
    output:
        metrics="<results>/runs/{run}/out_of_fold/metrics.json",
        slice_table="<results>/runs/{run}/out_of_fold/tables/slices.csv",
        figures=figure_files("<results>/runs/{run}/out_of_fold"),
    log:
        "<results>/runs/{run}/logs/evaluate_out_of_fold.log",
    wildcard_constraints:
        run=one_of(WITH_FOLDS),
    params:
        ranked=1,  # only the rule evaluate corrects for several runs


use rule gallery as gallery_out_of_fold with:
    input:
        inference="<results>/runs/{run}/inference_validation.csv",
        faces="<results>/data/development.h5",
        face_table="<results>/data/development.csv",
    output:
        table="<results>/runs/{run}/out_of_fold/tables/gallery.csv",
        pictures=multiext("<results>/runs/{run}/out_of_fold/faces/", *GALLERIES),
    log:
        "<results>/runs/{run}/logs/gallery_out_of_fold.log",
    wildcard_constraints:
        run=one_of(WITH_FOLDS),
