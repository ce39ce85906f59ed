"""From HDF5 files to trained networks and their predictions.

Requires: results/data/{train,validation,test}.h5 and the tables beside them.
Provides: results/runs/<run>/ model.pt, history.csv, throughput.csv, training.json, inference tables.
"""


rule train:
    """Train one run; an interrupted one continues from its checkpoint."""
    input:
        train="<results>/data/train.h5",
        validation="<results>/data/validation.h5",
    output:
        model="<results>/runs/{run}/model.pt",
        history="<results>/runs/{run}/history.csv",
        throughput="<results>/runs/{run}/throughput.csv",
        training="<results>/runs/{run}/training.json",
    log:
        "<results>/logs/train/{run}.log",
    benchmark:
        "<results>/benchmarks/train/{run}.tsv"
    wildcard_constraints:
        run=one_of(LAYERED),
    conda:
        "../../envs/train.yaml"
    threads: train_threads_of
    resources:
        gpu=train_gpus_of,
        mem_mb=train_memory_of,
        runtime=of_run("resources", "minutes"),
        nodes=of_run("resources", "nodes"),
        # Not params: a finished training does not start again when they change.
        checkpoint_seconds=lambda wildcards: round(
            60 * of_run("checkpoints", "minutes")(wildcards)
        ),
        save_every=of_run("checkpoints", "save_every"),
        keep_models=of_run("checkpoints", "keep_models"),
        wait_minutes=of_run("resources", "wait_minutes"),
        profile_steps=of_run("resources", "profile_steps"),
        # For SLURM's plugin: the script itself starts one task on each machine.
        mpi=on_several_nodes(lambda wildcards, nodes: "srun"),
        tasks=on_several_nodes(lambda wildcards, nodes: nodes),
        tasks_per_gpu=on_several_nodes(lambda wildcards, nodes: 0),  # 0: not set
        cpus_per_task=on_several_nodes(
            lambda wildcards, nodes: train_threads_of(wildcards) // nodes
        ),
        gres=on_several_nodes(gpus_of_a_node),
    params:
        settings=run_settings,
        code=code_with_kind("train.py"),
    script:
        "../scripts/train.py"


rule hog_svm:
    """Fit the SVM of one run, whose kind has no layers to train."""
    input:
        train="<results>/data/train.h5",
        table="<results>/data/train.csv",
        validation="<results>/data/validation.h5",
    output:
        model="<results>/runs/{run}/model.pt",
        history="<results>/runs/{run}/history.csv",
        throughput="<results>/runs/{run}/throughput.csv",
        training="<results>/runs/{run}/training.json",
    log:
        "<results>/logs/hog_svm/{run}.log",
    benchmark:
        "<results>/benchmarks/hog_svm/{run}.tsv"
    wildcard_constraints:
        run=one_of(UNLAYERED),
    conda:
        "../../envs/hog_svm.yaml"
    threads: of_run("train", "threads")
    resources:
        mem_mb=train_memory_of,
        runtime=of_run("resources", "minutes"),
        # Not params: the result does not depend on them.
        workers=of_run("train", "threads"),
        wait_minutes=of_run("resources", "wait_minutes"),
    params:
        settings=run_settings,
        code=code_with_kind("hog_svm.py"),
    script:
        "../scripts/hog_svm.py"


rule infer:
    """Predict the validation and the test set, one row for each face."""
    input:
        model="<results>/runs/{run}/model.pt",
        faces="<results>/data/test.h5",
        table="<results>/data/test.csv",
        validation_faces="<results>/data/validation.h5",
        validation_table="<results>/data/validation.csv",
    output:
        inference=reported_of_run("inference.csv"),
        inference_validation="<results>/runs/{run}/inference_validation.csv",
        course_format="<results>/runs/{run}/inference.txt",
    log:
        "<results>/logs/infer/{run}.log",
    benchmark:
        "<results>/benchmarks/infer/{run}.tsv"
    conda:
        "../../envs/infer.yaml"
    threads: compute_threads_of
    resources:
        gpu=gpus_of,
    params:
        compute=compute_settings,
        code=code_with_kind("infer.py"),
    script:
        "../scripts/infer.py"


use rule infer as infer_external with:
    input:
        model="<results>/runs/{run}/model.pt",
        faces="<results>/data/{external}.h5",
        table="<results>/data/{external}.csv",
    output:
        inference=of_set("inference.csv"),
    log:
        "<results>/logs/infer_external/{run}/{external}.log",
    benchmark:
        "<results>/benchmarks/infer_external/{run}/{external}.tsv"
