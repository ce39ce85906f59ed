"""From HDF5 files to trained networks and their predictions.

Requires: results/data/{train,validation,test}.h5 and the tables beside them.
Provides: results/runs/<run>/ model.pt, history.csv, inference tables; training/, all that the
training leaves.
"""


rule train:
    """Train one run; an interrupted one continues from its checkpoint."""
    input:
        initial_weights,
        unpack(lambda wildcards: inputs.training_faces(job_run(wildcards))),
    output:
        model="<results>/runs/{run}/model.pt",
        history="<results>/runs/{run}/history.csv",
        throughput="<results>/runs/{run}/training/throughput.csv",
    log:
        "<results>/runs/{run}/logs/train.log",
    conda:
        "../../envs/train.yaml"
    threads: lambda wildcards: job_resources(wildcards).train_threads
    resources:
        gpu=lambda wildcards: job_resources(wildcards).train_gpus,
        mem_mb=ON_DEVICE["mem_mb"],
        runtime=lambda wildcards: job_resources(wildcards).minutes,
        nodes=lambda wildcards: job_resources(wildcards).nodes,
        # For SLURM: on several machines, the script starts a task on each of them.
        mpi=lambda wildcards: job_resources(wildcards).mpi,
        tasks=lambda wildcards: job_resources(wildcards).nodes,
        tasks_per_gpu=0,  # not set
        gres=lambda wildcards: job_resources(wildcards).train_gres,
    params:
        settings=lambda wildcards: run_settings.training_settings(job_run(wildcards)),
        # Snakemake compares no param that is given the resources: this one trains nothing again.
        checkpoint_seconds=lambda wildcards, resources: job_resources(
            wildcards
        ).checkpoint_seconds,
        code=lambda wildcards: code("train.py", wildcards),
    script:
        "../scripts/train.py"


rule infer:
    """Predict the faces of the test set and the validation set; with folds, join their predictions."""
    input:
        unpack(lambda wildcards: inputs.validating(wildcards.run, job_run(wildcards))),
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
    threads: lambda wildcards: job_resources(wildcards).threads
    resources:
        **ON_DEVICE,
    params:
        compute=lambda wildcards: run_settings.compute_settings(job_run(wildcards)),
        code=lambda wildcards: code("infer.py", wildcards),
    script:
        "../scripts/infer.py"
