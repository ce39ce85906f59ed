"""Train the network on train.h5, and write it with the history of its epochs.

Reads: train.h5 and validation.h5 in neon's layout, and the run's settings.
Writes: model.pt (the network with its architecture), history.csv (loss and accuracy of every epoch
on the training set, summed up during the epoch, and on the validation set after it), throughput.csv
(speed and memory of every epoch, kept apart so that the other two files are reproducible byte for
byte) and training.json (settings, code, data, machine and packages, for the rule provenance). They
are links to the files in training/<fingerprint>/ beside model.pt, see `renet.training.folder`.
There are also tensorboard/ (the history for TensorBoard), with checkpoints.save_every
models/model_<epoch>.pt, and until the end the checkpoints.
Decides: nothing beyond the settings. The fingerprint is that of settings, code, data and PyTorch's
version. Where its folder is finished, nothing is trained; where it has a checkpoint, the training
continues. An error names a process that trains in the same run.

This starts the processes of the training, on this machine or on those of a SLURM job. On a command
line, the script has the options of the course's main_classify.py instead; see
`renet.training.course_command`.
"""

import dataclasses
import logging
from pathlib import Path

from renet.common import files, script
from renet.records import provenance
from renet.training import course_command, run, slurm
from renet.training.folder import RESULTS
from renet.training.launch import launch
from renet.training.run import RunJob


def train(job: RunJob) -> None:
    """Train one run of the workflow, on the numbers of GPUs and machines that Snakemake grants."""
    settings, nodes = job.settings.granted(job.gpu), slurm.machine_count(job.nodes)
    job = dataclasses.replace(job, settings=settings, nodes=nodes)
    outputs = job.model, job.history, job.throughput, job.training

    def compute(model: Path, history: Path, throughput: Path, training: Path) -> None:
        tables = {"history": history, "throughput": throughput, "training": training}
        _train(dataclasses.replace(job, model=model, **tables))

    results = dict(zip(RESULTS, outputs, strict=True))
    job.folder().link_results(results, compute, settings.train.device)


def _train(job: RunJob) -> None:
    recipe, nodes = job.settings.train, job.nodes
    if nodes > 1:
        slurm.launch_job(job)
    else:
        launch(run.run_training, job, count=recipe.processes, device=recipe.device)
    files.write_json(job.training, provenance.of_training(job))
    logging.info("%s is trained for %d epochs", job.model, recipe.epochs)


if __name__ == "__main__":
    if "snakemake" in globals():
        script.run(train, RunJob)
    else:
        course_command.main()
