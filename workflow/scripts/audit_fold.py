"""Train without one fold of the subjects, and predict the faces of this fold.

Reads: train, validation and test HDF5 files with the tables beside them.
Writes: one row for each face of the fold: id, p_female, p_male.
Decides: nothing; the folds follow from the seed. The network is that of the last epoch. From a
checkpoint, an interrupted training continues.
"""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from renet.common import script
from renet.common.errors import InputError
from renet.config.checkpoints import Checkpoints
from renet.dataset import hdf5, selections
from renet.dataset.hdf5 import FaceFile
from renet.dataset.tables import SPLIT
from renet.evaluation import label_audit
from renet.evaluation.tables import FOLD, PROBABILITIES
from renet.network import inference
from renet.training import run
from renet.training.checkpoints import Checkpoint
from renet.training.run import RunSettings

COURSE = RunSettings()


def audit_fold(
    faces: list[Path],
    *,
    tables: list[Path],
    predictions: script.Output,
    fold: int,
    folds: int = 5,
    seed: int = 42,
    settings: RunSettings = COURSE,
    gpu: script.Granted = None,
    code: script.Code = "",
) -> None:
    """Train without one fold of the subjects, and predict the faces of this fold.

    Args:
        faces: HDF5 files of faces.
        tables: the table beside each of them, in the same order.
        predictions: table to write, one row for each face of the fold.
        fold: number of the fold, from 1.
        folds: number of folds.
        seed: of the division into folds, the config's split.seed.
        settings: network and recipe; a JSON object can replace single options, as in
            --settings.model '{"cell": "gru"}'.
    """
    if not 1 <= fold <= folds or folds < 2:
        raise InputError(
            f"fold is {fold} and folds {folds}; folds must be 2 or more, fold 1 to {folds}."
        )
    samples = pd.concat(map(SPLIT.read, tables))
    held_out = label_audit.folds(samples, folds, seed) == fold - 1
    stored = [hdf5.read(path) for path in faces]
    for file in stored:
        hdf5.check_digest(file)
    training, others = (
        selections.select(stored, np.flatnonzero(chosen)) for chosen in (~held_out, held_out)
    )
    settings = settings.granted(gpu)
    # Nothing may use the held-out fold, but one validation at the end.
    recipe = dataclasses.replace(
        settings.train, select_epoch="last", validate_every=settings.train.epochs, processes=1
    )
    settings = dataclasses.replace(settings, train=recipe)
    folder = predictions.with_suffix("")  # of this fold alone: other folds may be training
    depends_on = dataclasses.asdict(settings.without_device()) | {"code": code}
    digests = {"training faces": training.digest, "faces of the fold": others.digest}
    checkpoint = Checkpoint(folder, 60 * Checkpoints().minutes, depends_on | digests)
    probabilities = pd.DataFrame(
        train_and_predict(training, others, settings, checkpoint), columns=list(PROBABILITIES)
    )
    probabilities.insert(0, "id", samples.id[held_out].to_numpy())
    FOLD.write(predictions, probabilities)
    shutil.rmtree(folder, ignore_errors=True)


def train_and_predict(
    training: FaceFile, others: FaceFile, settings: RunSettings, checkpoint: Checkpoint
) -> np.ndarray:
    """Probabilities (N, 2) of the faces `others` by a network that is trained on `training`."""
    device = run.choose_device(settings.train)
    saved = checkpoint.load()
    if not saved:
        checkpoint.explain_others()
    trainer = run.build(settings, device, training, others, saved)
    if not saved:
        checkpoint.require_space(trainer.model, settings.train)
    trainer.run(checkpoint)
    logits = inference.logits(
        trainer.model, others.pixels, trainer.device, settings.train.precision, show_progress=True
    )
    return inference.softmax(logits)


if __name__ == "__main__":
    script.run(audit_fold)
