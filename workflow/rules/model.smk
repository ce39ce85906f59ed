"""From HDF5 files to trained networks and their predictions.

Requires: results/data/{train,validation,test}.h5 and the tables beside them.
Provides: results/runs/<run>/ model.pt, history.csv, throughput.csv, training.json, inference tables.
"""


rule train:
    """Train one run; an interrupted one continues from its checkpoint."""
    input:
        train="results/data/train.h5",
        validation="results/data/validation.h5",
    output:
        model="results/runs/{run}/model.pt",
        history="results/runs/{run}/history.csv",
        throughput="results/runs/{run}/throughput.csv",
        training="results/runs/{run}/training.json",
        events=directory("results/runs/{run}/tensorboard"),
    log:
        "results/logs/train/{run}.log",
    benchmark:
        "results/benchmarks/train/{run}.tsv"
    conda:
        "../../envs/train.yaml"
    threads: train_threads_of
    resources:
        gpu=train_gpus_of,
        mem_mb=train_memory_of,
        runtime=lambda wildcards: resources_of(wildcards)["minutes"],
        nodes=lambda wildcards: resources_of(wildcards)["nodes"],
        # Not params: a finished training does not start again when they change.
        checkpoint_seconds=lambda wildcards: round(
            60 * checkpoints_of(wildcards)["minutes"]
        ),
        save_every=lambda wildcards: checkpoints_of(wildcards)["save_every"],
        keep_models=lambda wildcards: checkpoints_of(wildcards)["keep_models"],
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
        code=code("train.py"),
    script:
        "../scripts/train.py"


rule infer:
    """Predict the validation and the test set, one row for each face."""
    input:
        model="results/runs/{run}/model.pt",
        faces="results/data/test.h5",
        table="results/data/test.csv",
        validation_faces="results/data/validation.h5",
        validation_table="results/data/validation.csv",
    output:
        inference=report(
            "results/runs/{run}/inference.csv",
            caption="../report/inference.rst",
            category="{run}",
        ),
        inference_validation="results/runs/{run}/inference_validation.csv",
        course_format="results/runs/{run}/inference.txt",
    log:
        "results/logs/infer/{run}.log",
    benchmark:
        "results/benchmarks/infer/{run}.tsv"
    conda:
        "../../envs/infer.yaml"
    threads: threads_of
    resources:
        gpu=gpus_of,
    params:
        compute=compute_settings,
        code=code("infer.py"),
    script:
        "../scripts/infer.py"
