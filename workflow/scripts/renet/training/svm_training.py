"""The training of the kind hog_svm: features in files, an SVM on them, its loss and accuracy."""

import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from threadpoolctl import threadpool_limits

from renet.common import ahead, child_processes, disk
from renet.common.progress import Progress
from renet.dataset.hdf5 import FaceFile
from renet.network import devices, kinds, svm
from renet.network.kinds import hog_svm
from renet.network.model import Network
from renet.network.settings import RunSettings
from renet.training.history import NOT_VALIDATED
from renet.training.throughput import Throughput

PART = 64  # faces that a process takes at a time
AHEAD = 4  # parts for each process that are computed before they are written


def fit(
    settings: RunSettings,
    faces: FaceFile,
    subjects: np.ndarray,
    folder: Path,
    validation_faces: FaceFile | None = None,
) -> tuple[Network, dict, dict]:
    """Fit the SVM of a run.

    Args:
        subjects: (N,) of the training faces, whom the cross-validation keeps together.
        folder: for the features, 7 kB a face; it is deleted at the end.

    Returns:
        The network with the coefficients, and the rows of the tables `HISTORY` and `THROUGHPUT`.
    """
    recipe, network = settings.train, kinds.build(faces.shape, settings.model)
    throughput = Throughput(devices.choose(recipe.device, recipe.threads))
    throughput.start()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        features, *held_out = (
            write_features(folder / f"{number}.npy", stored, network, recipe.threads)
            for number, stored in enumerate(filter(None, (faces, validation_faces)))
        )
        # The order in which a sum is taken depends on the number of threads.
        with threadpool_limits(1):
            samples = svm.Samples(features, faces.targets, subjects)
            fitted = svm.fit_with_probabilities(samples, settings)
            row = {"epoch": 1, "learning_rate": None, **measure(fitted, features, faces.targets)}
            row |= NOT_VALIDATED
            if validation_faces:
                of_validation = measure(fitted, held_out[0], validation_faces.targets)
                row |= {f"validation_{name}": value for name, value in of_validation.items()}
    finally:
        shutil.rmtree(folder)
    hog_svm.fill(network, fitted.svm.coef_[0], fitted.svm.intercept_[0], fitted.sigmoid)
    throughput.measure()
    throughput.end(1, len(faces))
    return network, row, throughput.rows[0]


def write_features(path: Path, faces: FaceFile, network: Network, processes: int) -> np.ndarray:
    """The features of a file of faces, (N, features) float32, in a file.

    Raises:
        InputError: the disk is full.
    """
    hog, count = network.get_submodule("hog"), len(faces)
    disk.require_space(path, count * hog.feature_count * np.float32().nbytes)
    features = open_memmap(path, "w+", np.float32, (count, hog.feature_count))
    rows = np.arange(count)
    parts = np.split(rows, rows[PART::PART])
    pool = ProcessPoolExecutor(processes, None, child_processes.end_with_parent, (os.getpid(),))
    with pool, Progress(total=count, desc="features", unit=" img") as bar:
        pixels = (faces.pixels.take(part, axis=0) for part in parts)  # in memory, to be sent
        computed = ahead.map_ahead(pool, hog.features, pixels, count=AHEAD * processes)
        for part, values in zip(parts, computed, strict=True):
            features[part] = values
            bar.update(len(part))
    return features


def measure(fitted: svm.Fitted, features: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """Mean loss and accuracy of the predictions for all rows of a file of features."""
    odds = fitted.log_odds(features)
    loss = np.logaddexp(0, np.where(targets == 1, -odds, odds)).mean()
    return {"loss": float(loss), "accuracy": float(((odds > 0) == targets).mean())}
