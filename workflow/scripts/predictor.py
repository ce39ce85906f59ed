"""Write how a run's network predicts new photos, for predict.py and export.py.

Reads: model.pt and metrics.json of a run, the training faces, face_box.json of the training set,
and training_hashes.npy of the run of the initial weights.
Writes: predictor.json (`renet.prediction.predictor`); and training_hashes.npy, by which predict.py
recognises photos of this training, and of the training of the initial weights.
Decides: nothing.
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
    face_box: Path,
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
    measured = summary.read(metrics).for_predictor()
    measured["detector"] = detection.read_map(face_box).as_detector()
    content = predictors.describe(model, measured, pixels, hashes, settings)
    files.write_json(predictor, content)
    logging.info("%s is written", predictor)


if __name__ == "__main__":
    script.run(predictor)
