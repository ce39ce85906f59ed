"""Train the network on train.h5, and write it with the history of its epochs.

Reads: train.h5 and validation.h5, or for a run with folds and `select_epoch: last`, development.h5,
which has the faces of both; with `train.age_weight` and for an SVM, the table beside train.h5 or
development.h5.
Writes: model.pt, history.csv (loss and accuracy of every epoch) and throughput.csv (speed and
memory, which are not reproducible). These are copies of files in training/<fingerprint>/ beside
model.pt, where an interrupted training continues (`renet.training.folder`).

On a command line, the script has the options of the course's main_classify.py:
`renet.training.course_command`.
"""

import dataclasses
import importlib
import logging
from pathlib import Path

from renet.common import script
from renet.dataset import hdf5
from renet.records import provenance
from renet.training.folder import RESULTS
from renet.training.launch import launch
from renet.training.loop import TrainJob, run_training


def train(job: TrainJob) -> None:
    """Train one run of the workflow on the GPUs that Snakemake grants."""
    settings = job.settings.granted(job.gpu)
    job = dataclasses.replace(job, settings=settings)
    recipe = settings.train

    def compute(model: Path, history: Path, throughput: Path) -> dict:
        here = dataclasses.replace(job, model=model, history=history, throughput=throughput)
        for path in job.paths:
            hdf5.check_digest(hdf5.read(path))  # before processes are started, which would wait
        if job.table:
            hdf5.check_table(hdf5.read(job.faces), job.table)
        launch(run_training, here, count=recipe.processes, device=recipe.device)
        logging.info("%s is trained", job.model)
        return provenance.training_record(settings, job.paths, job.code)

    outputs = job.model, job.history, job.throughput
    job.folder().run_or_reuse(dict(zip(RESULTS, outputs, strict=True)), compute)


if __name__ == "__main__":
    if "snakemake" in globals():
        script.run(train, TrainJob)
    else:  # imported by name, so that the digest of a job's code does not include the module
        importlib.import_module("renet.training.course_command").main()
