"""Train without one fold of the subjects, and predict the faces of this fold.

Reads: train, validation and test HDF5 files with the tables beside them.
Writes: one row for each face of the fold: id, p_female, p_male.
Decides: nothing; the folds follow from the seed. The network is that of the last epoch. The output
is a link to predictions.csv in <output without .csv>/<fingerprint>/, see `renet.training.folder`.
Where it is finished, nothing is trained; where it has a checkpoint, the training continues.
"""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd

from renet.common import script
from renet.common.errors import InputError
from renet.dataset import hdf5, selections
from renet.dataset.hdf5 import FaceFile
from renet.dataset.tables import SPLIT
from renet.evaluation import label_audit
from renet.evaluation.tables import FOLD, PROBABILITIES
from renet.network import inference
from renet.training import run
from renet.training.checkpoints import Checkpoint
from renet.training.folder import TrainingFolder
from renet.training.run import RunSettings

COURSE = RunSettings()
CHECKPOINT_SECONDS = 600


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
    training, others = (
        selections.select(stored, np.flatnonzero(chosen)) for chosen in (~held_out, held_out)
    )
    settings = settings.granted(gpu)
    # Nothing may use the held-out fold, but one validation at the end.
    recipe = dataclasses.replace(
        settings.train, select_epoch="last", validate_every=settings.train.epochs, processes=1
    )
    settings = dataclasses.replace(settings, train=recipe)
    ids = samples.id[held_out].to_list()

    def compute(path: Path) -> None:
        for file in stored:
            hdf5.check_digest(file)
        checkpoint = Checkpoint(path.parent, CHECKPOINT_SECONDS)
        probabilities = train_and_predict(training, others, settings, checkpoint)
        table = pd.DataFrame(probabilities, columns=list(PROBABILITIES))
        table.insert(0, "id", ids)
        FOLD.write(path, table)

    folder = TrainingFolder(
        predictions.with_suffix(""),  # of this fold alone: other folds may be training
        *(settings.without_device(), code, training.digest, others.digest, ids),
    )
    folder.link_results({"predictions.csv": predictions}, compute, settings.train.device)


def train_and_predict(
    training: FaceFile, others: FaceFile, settings: RunSettings, checkpoint: Checkpoint
) -> np.ndarray:
    """Probabilities (N, 2) of the faces `others` by a network that is trained on `training`."""
    device = run.choose_device(settings.train)
    saved = checkpoint.load()
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
