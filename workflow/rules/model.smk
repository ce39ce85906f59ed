"""From HDF5 files to trained networks and their predictions.

Requires: results/data/{train,validation,test}.h5 and the tables beside them.
Provides: results/runs/<run>/ model.pt, history.csv, inference tables; training/, all that the
training leaves.
"""

OF_SLURM = ("mpi", "tasks", "tasks_per_gpu", "cpus_per_task", "gres")


rule train:
    """Train one run; an interrupted one continues from its checkpoint."""
    input:
        initial_weights,
        unpack(training_faces),
    output:
        model="<results>/runs/{run}/model.pt",
        history="<results>/runs/{run}/history.csv",
        throughput="<results>/runs/{run}/training/throughput.csv",
    log:
        "<results>/runs/{run}/logs/train.log",
    conda:
        "../../envs/train.yaml"
    threads: resources_of_run("train_threads")
    resources:
        # Not params: a finished training does not start again when they change.
        **{name: resources_of_run(name) for name in OF_SLURM},
        checkpoint_seconds=resources_of_run("checkpoint_seconds"),
        gpu=resources_of_run("train_gpus"),
        mem_mb=memory_of_run,
        runtime=resources_of_run("minutes"),
        nodes=resources_of_run("nodes"),
    params:
        settings=training_settings,
        code=code_with_kind("train.py"),
    script:
        "../scripts/train.py"


rule infer:
    """Predict the faces of the test set and the validation set; with folds, join their predictions."""
    input:
        unpack(validating),
        model="<results>/runs/{run}/model.pt",
        faces="<results>/data/test.h5",
        table="<results>/data/test.csv",
    output:
        inference=reported(
            "<results>/runs/{run}/inference.csv", "Prediction of each test face"
        ),
        inference_validation="<results>/runs/{run}/inference_validation.csv",
        course_format="<results>/runs/{run}/inference.txt",
    log:
        "<results>/runs/{run}/logs/infer.log",
    conda:
        "../../envs/infer.yaml"
    threads: resources_of_run("compute_threads")
    resources:
        **ON_DEVICE,
    params:
        compute=compute_settings,
        code=code_with_kind("infer.py"),
    script:
        "../scripts/infer.py"
