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
        gpu: number of GPUs that Snakemake grants.
        code: digest of the code, part of the checkpoint's name.
    """
    if not 1 <= fold <= folds or folds < 2:
        raise InputError(
            f"fold is {fold} and folds {folds}; folds must be 2 or more, fold 1 to {folds}."
        )
    samples = pd.concat(map(SPLIT.read, tables))
    held_out = label_audit.folds(samples, folds, seed) == fold - 1
    training, others = split(faces, held_out)
    settings = for_a_fold(settings.granted(gpu))
    folder = predictions.with_suffix("")  # of this fold alone: other folds may be training
    path = run.checkpoint_path(folder, settings, training, others, code)
    checkpoint = Checkpoint(path, 60 * Checkpoints().minutes)
    probabilities = pd.DataFrame(
        predict(training, others, settings, checkpoint), columns=list(PROBABILITIES)
    )
    probabilities.insert(0, "id", samples.id[held_out].to_numpy())
    FOLD.write(predictions, probabilities)
    shutil.rmtree(folder, ignore_errors=True)


def split(faces: list[Path], held_out: np.ndarray) -> tuple[FaceFile, FaceFile]:
    """The faces that are not held out, and those that are."""
    stored = [hdf5.read(path) for path in faces]
    return tuple(
        selections.select(stored, np.flatnonzero(chosen)) for chosen in (~held_out, held_out)
    )


def predict(
    training: FaceFile, others: FaceFile, settings: RunSettings, checkpoint: Checkpoint
) -> np.ndarray:
    """Probabilities (N, 2) of the faces `others` by a network that is trained on `training`."""
    trainer = run.build(settings, training, others, saved=checkpoint.load())
    trainer.run(checkpoint)
    logits = inference.logits(
        trainer.model, others.pixels, trainer.device, settings.train.precision, show_progress=True
    )
    return inference.softmax(logits)


def for_a_fold(settings: RunSettings) -> RunSettings:
    """The settings without what would use the held-out fold, but for one validation at the end."""
    recipe = settings.train
    recipe = dataclasses.replace(
        recipe, select_epoch="last", validate_every=recipe.epochs, processes=1
    )
    return dataclasses.replace(settings, train=recipe)


if __name__ == "__main__":
    script.run(audit_fold)
