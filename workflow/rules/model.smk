"""From HDF5 files to trained networks and their predictions.

Requires: results/data/{train,validation,test}.h5 and the tables beside them.
Provides: results/runs/<run>/ model.pt, history.csv, inference tables; training/, all that the
training leaves.
"""


rule train:
    """Train one run; an interrupted one continues from its checkpoint."""
    input:
        initial_weights,
        unpack(lambda wildcards: inputs.training_faces(run_of(wildcards))),
    output:
        model="<results>/runs/{run}/model.pt",
        history="<results>/runs/{run}/history.csv",
        throughput="<results>/runs/{run}/training/throughput.csv",
    log:
        "<results>/runs/{run}/logs/train.log",
    conda:
        "../../envs/train.yaml"
    threads: lambda wildcards: resources_of(wildcards).train_threads
    resources:
        gpu=lambda wildcards: resources_of(wildcards).train_gpus,
        mem_mb=ON_DEVICE["mem_mb"],
        runtime=lambda wildcards: resources_of(wildcards).minutes,
        nodes=lambda wildcards: resources_of(wildcards).nodes,
        # Of SLURM: on several machines, the script starts a task on each of them.
        mpi=lambda wildcards: resources_of(wildcards).mpi,
        tasks=lambda wildcards: resources_of(wildcards).nodes,
        tasks_per_gpu=0,  # not set
        gres=lambda wildcards: resources_of(wildcards).train_gres,
    params:
        settings=lambda wildcards: run_settings.training_settings(run_of(wildcards)),
        # Snakemake compares no param that is given the resources: this one trains nothing again.
        checkpoint_seconds=lambda wildcards, resources: resources_of(
            wildcards
        ).checkpoint_seconds,
        code=lambda wildcards: code("train.py", wildcards),
    script:
        "../scripts/train.py"


rule infer:
    """Predict the faces of the test set and the validation set; with folds, join their predictions."""
    input:
        unpack(lambda wildcards: inputs.validating(wildcards.run, run_of(wildcards))),
        model="<results>/runs/{run}/model.pt",
        faces="<results>/data/test.h5",
        table="<results>/data/test.csv",
    output:
        inference=reported("<results>/runs/{run}/inference.csv"),
        inference_validation="<results>/runs/{run}/inference_validation.csv",
        course_format="<results>/runs/{run}/inference.txt",
    log:
        "<results>/runs/{run}/logs/infer.log",
    conda:
        "../../envs/infer.yaml"
    threads: lambda wildcards: resources_of(wildcards).threads
    resources:
        **ON_DEVICE,
    params:
        compute=lambda wildcards: run_settings.compute_settings(run_of(wildcards)),
        code=lambda wildcards: code("infer.py", wildcards),
    script:
        "../scripts/infer.py"
