"""Train without one fold of the subjects, and predict the faces of this fold.

Reads: train, validation and test HDF5 files with the tables beside them.
Writes: one row for each face of the fold: id, p_female, p_male.
Decides: nothing; the folds follow from the seed. The network is that of the last epoch. The output
is a link to predictions.csv in <output without .csv>/<fingerprint>/, see `renet.training.folder`.
Where it is finished, nothing is trained; where it has a checkpoint, the training continues.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from renet.common import script
from renet.dataset import hdf5, selections, splits
from renet.dataset.tables import SPLIT
from renet.evaluation.tables import FOLD, PROBABILITIES
from renet.network import inference
from renet.network.settings import RunSettings
from renet.training import run
from renet.training.checkpoints import Checkpoint
from renet.training.folder import TrainingFolder

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
        settings: network and recipe.
    """
    samples = pd.concat(map(SPLIT.read, tables))
    held_out = splits.folds(samples, folds, seed) == fold - 1
    stored = [hdf5.read(path) for path in faces]
    training, others = (
        selections.select(stored, np.flatnonzero(chosen)) for chosen in (~held_out, held_out)
    )
    # Nothing may use the held-out fold, but one validation at the end.
    settings = settings.granted(gpu).with_recipe(
        select_epoch="last", validate_every=settings.train.epochs, processes=1
    )
    ids = samples.id[held_out].to_list()

    def compute(path: Path) -> None:
        for file in stored:
            hdf5.check_digest(file)
        checkpoint = Checkpoint(path.parent, CHECKPOINT_SECONDS)
        trainer = run.resume(settings, training, others, checkpoint)
        trainer.run(checkpoint)
        precision = settings.train.precision
        logits = inference.logits(
            trainer.model, others.pixels, trainer.device, precision, show_progress=True
        )
        table = pd.DataFrame(inference.softmax(logits), columns=list(PROBABILITIES))
        table.insert(0, "id", ids)
        FOLD.write(path, table)

    folder = TrainingFolder(
        predictions.with_suffix(""),  # of this fold alone: other folds may be training
        *(settings.without_device(), code, training.digest, others.digest, ids),
    )
    folder.link_results({"predictions.csv": predictions}, compute, settings.train.device)


if __name__ == "__main__":
    script.run(audit_fold)
