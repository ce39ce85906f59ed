"""From HDF5 files to trained networks and their predictions.

Requires: results/data/{train,validation,test}.h5 and the tables beside them.
Provides: results/runs/<run>/ model.pt, history.csv, inference tables; training/, with all
other files of the training.
"""


rule train:
    """Train one run; an interrupted training continues from its checkpoint."""
    input:
        get_initial_weights,
        unpack(of_run(inputs.training_faces)),
    output:
        model="<results>/runs/{run}/model.pt",
        history="<results>/runs/{run}/history.csv",
        throughput="<results>/runs/{run}/training/throughput.csv",
    log:
        "<results>/runs/{run}/logs/train.log",
    conda:
        "../../envs/train.yaml"
    threads: resource("train_threads")
    resources:
        gpu=resource("train_gpus"),
        mem_mb=ON_DEVICE["mem_mb"],
        runtime=resource("minutes"),
        nodes=1,  # SLURM could divide the GPUs among several nodes
    params:
        settings=of_run(run_settings.training_settings),
        checkpoint_seconds=not_compared(resource("checkpoint_seconds")),
        code=run_code("train.py"),
    script:
        "../scripts/train.py"


onstart:
    if models := replaced("train"):
        logger.warning(
            f"This start trains {len(models)} of the models again, and replaces "
            f"{', '.join(models)}; until its training has finished, the earlier model stays in "
            "the folder training/ beside model.pt."
        )


rule infer:
    """Predict the test set; predict the validation set or, with folds, join their predictions."""
    input:
        unpack(lambda wildcards: inputs.validating(RUNS, wildcards)),
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
    threads: resource("threads")
    resources:
        **ON_DEVICE,
    params:
        compute=of_run(run_settings.compute_settings),
        code=run_code("infer.py"),
    script:
        "../scripts/infer.py"
