"""Train the network on train.h5, and write it with the history of its epochs.

Reads: train.h5 and validation.h5 in neon's layout, and the run's settings.
Writes: model.pt (the network with its architecture), history.csv (loss and accuracy of every epoch
on the training set, summed up during the epoch, and on the validation set after it), throughput.csv
(speed and memory of every epoch, kept apart so that the other two files are reproducible byte for
byte), training.json (settings, code, data, machine and packages, for the rule provenance),
tensorboard/ (the history for TensorBoard), and with checkpoints.save_every models/model_<epoch>.pt.
Decides: nothing beyond the settings. From a checkpoint beside model.pt, whose name is a fingerprint
of settings, code and data, an interrupted training continues; it is deleted at the end.

This starts the processes of the training, on this machine or on those of a SLURM job. On a command
line, the script has the options of the course's main_classify.py instead; see
`renet.training.course_command`.
"""

import logging
from pathlib import Path

from renet.common import files, script
from renet.training import checkpoints, course_command, process_group, provenance, run, slurm
from renet.training.run import RunJob, RunSettings


def train(
    train: Path,
    validation: Path,
    *,
    model: Path,
    history: Path,
    throughput: Path,
    training: Path,
    events: Path,
    settings: RunSettings,
    gpu: int,
    nodes: int,
    checkpoint_seconds: float,
    save_every: int,
    keep_models: int,
    code: str,
) -> None:
    """Train one run of the workflow, on the numbers of GPUs and machines that Snakemake grants."""
    job = RunJob(
        settings=settings.granted(gpu),
        train=train,
        validation=validation,
        model=model,
        history=history,
        throughput=throughput,
        events=events,
        checkpoint_seconds=checkpoint_seconds,
        save_every=save_every,
        keep_models=keep_models,
        code=code,
    )
    machines = slurm.machine_count(nodes)
    if machines > 1:
        slurm.launch(machines, job)
    else:
        recipe = job.settings.train
        process_group.launch(recipe.processes, recipe.device, run.run_training, job)
    files.write_json(training, provenance.of_training(job, machines))
    logging.info("%s is trained for %d epochs", model, job.settings.train.epochs)
    checkpoints.delete_all(model.parent)  # last, when nothing can fail any more


if __name__ == "__main__":
    if "snakemake" in globals():
        script.run(train)
    else:
        course_command.main()
