"""Train the network on train.h5, and write it with the history of its epochs.

Reads: train.h5 and validation.h5 in neon's layout, and the run's settings.
Writes: model.pt (the network with its architecture), history.csv (loss and accuracy of every epoch
on the training set, summed up during the epoch, and on the validation set after it), throughput.csv
(speed and memory of every epoch, kept apart so that the other two files are reproducible byte for
byte), training.json (settings, code, data, machine and packages, for the rule provenance),
tensorboard/ (the history for TensorBoard), and with checkpoints.save_every models/model_<epoch>.pt.
Decides: nothing beyond the settings. From a checkpoint beside model.pt, whose name is a fingerprint
of settings, code and data, an interrupted training continues; it is deleted at the end, or kept for
a training with more epochs (checkpoints.keep_last). The outputs stay as finished-<fingerprint>/
until those of another training are there, because Snakemake deletes outputs before a job: a
training that is not forced and has the same fingerprint puts them back. A lock on the run's folder
is taken first, and an error names the process that holds it.

This starts the processes of the training, on this machine or on those of a SLURM job. On a command
line, the script has the options of the course's main_classify.py instead; see
`renet.training.course_command`.
"""

import dataclasses
import logging

from renet.common import files, locks, script
from renet.training import course_command, provenance, run, slurm
from renet.training.launch import launch
from renet.training.run import RunJob


def train(job: RunJob) -> None:
    """Train one run of the workflow, on the numbers of GPUs and machines that Snakemake grants."""
    settings, nodes = job.settings.granted(job.gpu), slurm.machine_count(job.nodes)
    job = dataclasses.replace(job, settings=settings, nodes=nodes)
    with locks.alone_in(job.model.parent, job.wait_minutes):
        finished = job.finished()
        if not job.forced and finished.restore():
            # A forced training that was interrupted may have left some.
            job.checkpoint().discard(bool(job.keep_last))
            logging.info("%s was trained with the same settings, code and data before", job.model)
            return
        if job.forced and finished.folder.exists():
            logging.info(
                "The training is forced, and starts from the beginning. If it is interrupted, "
                "force it again to continue. Without force, a start restores the results in %s.",
                finished.folder,
            )
        _train(job)
        finished.keep()
        job.checkpoint().finish(bool(job.keep_last))  # last, when nothing can fail any more


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
