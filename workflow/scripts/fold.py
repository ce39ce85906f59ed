"""Train without a part of the people or photos, and predict the faces of this part.

Reads: HDF5 files of faces with the tables beside them: development.h5 for a run with folds, all
three subsets for the label audit, train.h5 and validation.h5 for a point of a learning curve.
Writes: id, p_female and p_male of each face of the part. The output is a copy of predictions.csv in
<output without .csv>/<fingerprint>/, where a training continues (`renet.training.folder`).
Decides: nothing. The part is a fold, which the seed fixes, or with `fraction` the validation set.
Other faces on the part's photos are left out. `select_epoch: best` validates on some of the rest.
"""

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from renet.common import script
from renet.dataset import hdf5, parts
from renet.dataset import near_duplicates as near
from renet.dataset.hdf5 import FaceFile
from renet.dataset.parts import Part
from renet.dataset.tables import SPLIT
from renet.evaluation.inference_table import FOLD, PROBABILITIES
from renet.network import inference
from renet.network.model import Network
from renet.training import loop
from renet.training.folder import Checkpoint, TrainingFolder
from renet.training.settings import RunSettings


def fold(
    faces: list[Path],
    tables: list[Path],
    predictions: Path,
    by: Literal["subject", "image"],  # whether people or photos stay in one fold
    seed: int,
    near_duplicates: bool,  # whether to keep near-duplicates in one fold, too
    validation: float,  # fraction of the faces outside the part, for `select_epoch: best`
    settings: RunSettings,
    gpu: int,
    code: str,
    fold: int | None = None,  # from 1
    folds: int | None = None,
    fraction: float | None = None,  # of the training set to train on, in place of folds
) -> None:
    samples = pd.concat(map(SPLIT.read, tables), ignore_index=True)
    if near_duplicates:  # a network that knows a copy of a photo would repeat its label
        samples["copies"] = near.groups(samples.phash)
    settings = settings.granted(gpu).with_recipe(processes=1)
    if fraction is None:
        part = parts.without_fold(samples, fold - 1, folds, seed, by)
    else:
        part = parts.training_parts(samples, fraction, seed, by)
        recipe = settings.train  # with more epochs, a fraction has as many updates as all faces
        settings = settings.with_recipe(
            epochs=round(recipe.epochs / fraction),
            warm_up=recipe.warm_up / fraction,
            validate_every=round(recipe.validate_every / fraction),
        )
    if settings.train.select_epoch == "best":
        part = parts.with_validation(samples, part, validation, seed, by)
    stored = [hdf5.read(path) for path in faces]
    training, selecting, held_out = (
        hdf5.select(stored, np.flatnonzero(part == subset))
        for subset in (Part.TRAINING, Part.VALIDATION, Part.HELD_OUT)
    )
    is_training, is_held_out = part == Part.TRAINING, part == Part.HELD_OUT
    if settings.train.age_weight:
        training = hdf5.with_ages(training, samples.age[is_training])
    ids, people = samples.id[is_held_out].tolist(), samples.subject[is_training].tolist()

    def compute(path: Path) -> dict:
        for file, table in zip(stored, tables, strict=True):
            hdf5.check_digest(file)
            hdf5.check_table(file, table)
        model = fit(settings, training, selecting, people, path.parent)
        device = next(iter(model.state_dict().values())).device
        precision = settings.train.precision
        logits = inference.logits(model, held_out.pixels, device, precision, show_progress=True)
        predicted = pd.DataFrame(inference.softmax(logits), columns=list(PROBABILITIES))
        predicted.insert(0, "id", ids)
        FOLD.write(path, predicted)
        return {}

    digests = [subset.digest for subset in (training, selecting, held_out)]
    depends_on = settings.without_device(), code, *digests, ids, people
    folder = predictions.with_suffix("")  # of this fold alone, as other folds may be training
    TrainingFolder(folder, *depends_on).run_or_reuse({"predictions.csv": predictions}, compute)


def fit(
    settings: RunSettings, training: FaceFile, validation: FaceFile, people: list[str], folder: Path
) -> Network:
    """Train and return a network of any kind, on its device; `validation` can be empty."""
    if not settings.model.has_layers:
        return loop.fit(settings, np.array(people), training)[0]
    checkpoint = Checkpoint(folder, seconds=600)
    trainer = loop.resume(settings, checkpoint, *filter(None, (training, validation)))
    trainer.run(checkpoint)
    return trainer.model


if __name__ == "__main__":
    script.run(fold)
