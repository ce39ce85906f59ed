"""Fit a linear SVM to histograms of oriented gradients of the faces, with probabilities.

Reads: train.h5 with the table beside it, and validation.h5.
Writes: model.pt (the coefficients as a network of the kind hog_svm), history.csv (one row: loss and
accuracy after the fit, on the training set and on the validation set), throughput.csv (the speed at
which features were computed, and the SVM was fitted), and training.json (settings, code, data,
machine and packages, for the rule provenance).
Decides: nothing beyond the settings `model`, and of `train` the keys epochs (passes over the
features) and seed; threads is the number of processes that compute features, which changes no
result. The features lie in a file that is deleted at the end, 7 kB a face. The outputs are links to
the files in training/<fingerprint>/ beside model.pt, see `renet.training.folder`; where that folder
is finished, nothing is fitted. An error names a process that fits in the same run.
"""

import contextlib
import dataclasses
import logging
import math
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import sklearn
from numpy.lib.format import open_memmap
from threadpoolctl import threadpool_limits

from renet.common import ahead, child_processes, disk, files, script
from renet.common.errors import InputError
from renet.common.progress import Progress
from renet.config.architecture import HogSvmArchitecture
from renet.config.recipe import Recipe
from renet.dataset import hdf5
from renet.dataset.hdf5 import FaceFile
from renet.dataset.tables import SPLIT
from renet.network import devices, kinds, model_file
from renet.network.kinds import hog_svm as kind
from renet.network.kinds import svm
from renet.network.model import Network
from renet.records import provenance
from renet.training.folder import RESULTS, TrainingFolder
from renet.training.history import HISTORY, THROUGHPUT
from renet.training.throughput import Throughput

PART = 64  # faces that a process takes at a time
AHEAD = 4  # parts for each process that are computed before they are written


@dataclasses.dataclass(frozen=True)
class Settings:
    """The sections of a run that its result depends on."""

    model: HogSvmArchitecture = dataclasses.field(default_factory=HogSvmArchitecture)
    train: Recipe = dataclasses.field(default_factory=Recipe)


COURSE = Settings()


@dataclasses.dataclass(frozen=True)
class SvmJob:
    """What training.json records of the job."""

    settings: Settings
    train: Path
    validation: Path
    code: str
    nodes: int = 1


def hog_svm(
    train: Path,
    table: Path,
    validation: Path,
    *,
    model: script.Output,
    history: Path,
    throughput: Path,
    training: Path,
    settings: Settings = COURSE,
    workers: script.Granted = None,
    code: script.Code = "",
) -> None:
    """Fit the SVM of one run.

    Args:
        train: train.h5.
        table: train.csv, whose subjects the cross-validation keeps together.
        validation: validation.h5.
        model: model.pt to write.
        history: history.csv to write.
        throughput: throughput.csv to write.
        training: training.json to write.
        settings: the options of the kind, and the recipe.
        workers: number of processes that compute features; None for `train.threads`.
    """
    recipe = dataclasses.replace(
        settings.train,
        device="cpu", precision="float32", processes=1, threads=workers or settings.train.threads,
    )  # fmt: skip
    job = SvmJob(dataclasses.replace(settings, train=recipe), train, validation, code)
    outputs = model, history, throughput, training

    def compute(*paths: Path) -> None:
        fit_and_write(job, SPLIT.read(table, ["subject"]).subject.to_numpy(), *paths)

    folder = TrainingFolder(
        model.parent / "training",
        *(settings.model, recipe.epochs, recipe.seed, code, sklearn.__version__),
        *(hdf5.content_digest(hdf5.read(path)) for path in (train, validation)),
        files.file_digest(table),
    )
    results = dict(zip(RESULTS, outputs, strict=True))
    folder.link_results(results, compute, recipe.device)


def fit_and_write(
    job: SvmJob, subjects: np.ndarray, model: Path, history: Path, throughput: Path, training: Path
) -> None:
    """Fit the SVM, and write its results."""
    with emptied(model.with_name("features")) as folder:
        network, in_history, in_throughput = _fit(job, subjects, folder)
    HISTORY.write(history, HISTORY.frame([in_history]))
    THROUGHPUT.write(throughput, THROUGHPUT.frame([in_throughput]))
    files.write_json(training, provenance.of_training(job))
    model_file.save(model, network)
    logging.info("%s: validation accuracy %.3f", model, in_history["validation_accuracy"])


def _fit(job: SvmJob, subjects: np.ndarray, folder: Path) -> tuple[Network, dict, dict]:
    """The network with the coefficients, and the rows of the tables of history and throughput."""
    faces, validation_faces = hdf5.read(job.train), hdf5.read(job.validation)
    hdf5.check_digest(faces)
    hdf5.check_digest(validation_faces)
    recipe, network = job.settings.train, kinds.build(faces.shape, job.settings.model)
    throughput = Throughput(devices.choose(recipe.device, recipe.threads))
    throughput.start()
    features, held_out = (
        write_features(folder / f"{name}.npy", stored, network, recipe.threads)
        for name, stored in (("train", faces), ("validation", validation_faces))
    )
    options = svm.Options(job.settings.model.alpha, recipe.epochs, recipe.seed)
    # The order in which a sum is taken depends on the number of threads.
    with threadpool_limits(1):
        fitted = svm.fit_with_probabilities(svm.Samples(features, faces.targets, subjects), options)
        row = {"epoch": 1, "learning_rate": None, **measure(fitted, features, faces.targets)}
        on_validation = measure(fitted, held_out, validation_faces.targets)
    row |= {f"validation_{name}": value for name, value in on_validation.items()}
    kind.fill(network, fitted.svm.coef_[0], fitted.svm.intercept_[0], fitted.sigmoid)
    throughput.end(1, len(faces))
    return network, row, throughput.rows[0]


@contextlib.contextmanager
def emptied(folder: Path) -> Iterator[Path]:
    """A folder for temporary files, also where a job that was killed has left some in it."""
    shutil.rmtree(folder, ignore_errors=True)
    # The folder is still there if the disk is read-only. The first write then raises the error.
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def write_features(path: Path, faces: FaceFile, network: Network, processes: int) -> np.ndarray:
    """The features of a file of faces, (N, features) float32, in a file.

    Raises:
        InputError: a process that computes features was killed, or the disk is full.
    """
    hog, count = network.get_submodule("hog"), len(faces)
    shape = count, hog.feature_count
    disk.require_space(path, math.prod(shape) * np.float32().nbytes)
    with disk.explained(path):
        features = open_memmap(path, "w+", np.float32, shape)
        disk.reserve(path)
    starts = range(0, count, PART)
    with (
        ProcessPoolExecutor(
            processes, initializer=_begin, initargs=(os.getpid(), faces.path, hog)
        ) as pool,
        Progress(total=count, desc=f"features of {faces.path.name}", unit=" img") as bar,
    ):
        parts = ahead.map_ahead(pool, _features_from, starts, count=AHEAD * processes)
        try:
            for start, part in zip(starts, parts, strict=True):
                features[start : start + len(part)] = part
                bar.update(len(part))
        except BrokenProcessPool as error:
            raise InputError(
                f"A process that computes the features of {faces.path} was killed, for instance "
                "because there is too little memory; lower train.threads, or give the job more."
            ) from error
    return features


_opened: tuple[FaceFile, kind.Hog]  # of a process of the pool


def _begin(parent: int, path: Path, hog: kind.Hog) -> None:
    global _opened
    child_processes.end_with_parent(parent)
    _opened = hdf5.read(path), hog


def _features_from(start: int) -> np.ndarray:
    faces, hog = _opened
    return np.stack([hog.features(face) for face in faces.pixels[start : start + PART]])


def measure(fitted: svm.Fitted, features: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """Mean loss and accuracy of the predictions for all rows of a file of features."""
    odds = fitted.log_odds(features)
    loss = np.logaddexp(0, np.where(targets == 1, -odds, odds)).mean()
    return {"loss": float(loss), "accuracy": float(((odds > 0) == targets).mean())}


if __name__ == "__main__":
    script.run(hog_svm)
