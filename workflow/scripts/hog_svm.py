"""Fit a linear SVM to histograms of oriented gradients of the faces, with probabilities.

Reads: train.h5 with the table beside it, and validation.h5; for a run with folds, development.h5
(the faces of both) alone.
Writes: model.pt (the coefficients as a network of the kind hog_svm), history.csv (one row: loss and
accuracy after the fit, on the training set and on the validation set), throughput.csv (the speed at
which features were computed, and the SVM was fitted), and training.json (settings, code, data,
machine and packages, for the rule provenance).
Decides: nothing beyond the settings `model`, and of `train` the keys epochs (passes over the
features) and seed; threads is the number of processes that compute features, which changes no
result. The features lie in a file that is deleted at the end, 7 kB a face. The outputs are those in
training/<fingerprint>/ beside model.pt, linked or copied, see `renet.training.folder`; where that
folder is finished, nothing is fitted. An error names a process that fits in the same run.
"""

import logging
from pathlib import Path

import sklearn

from renet.common import files, script
from renet.config.architecture import HogSvmArchitecture
from renet.dataset import hdf5
from renet.dataset.tables import SPLIT
from renet.network import model_file
from renet.network.settings import RunSettings
from renet.records import provenance
from renet.training import svm_training
from renet.training.folder import RESULTS, TrainingFolder
from renet.training.history import HISTORY, THROUGHPUT

COURSE = RunSettings(HogSvmArchitecture())


def hog_svm(
    faces: Path,
    table: Path,
    validation: Path | None = None,
    *,
    model: script.Output,
    history: Path,
    throughput: Path,
    training: Path,
    settings: RunSettings = COURSE,
    workers: script.Granted = None,
    code: script.Code = "",
) -> None:
    """Fit a linear SVM to histograms of oriented gradients, for a run of the kind hog_svm.

    Args:
        faces: train.h5, or development.h5 for a run with folds.
        table: CSV table of these faces, with the subjects for the cross-validation.
        validation: validation.h5; not used for a run with folds.
        model: model.pt to write.
        history: history.csv to write.
        throughput: throughput.csv to write.
        training: training.json to write.
        settings: settings of the network and of the training.
        workers: number of processes that compute features; None for `train.threads`.
    """
    settings = settings.with_recipe(
        device="cpu", precision="float32", processes=1, threads=workers or settings.train.threads
    )
    recipe, paths = settings.train, list(filter(None, (faces, validation)))
    read = [hdf5.read(path) for path in paths]

    def compute(model: Path, history: Path, throughput: Path, training: Path) -> None:
        for stored in read:
            hdf5.check_digest(stored)
        hdf5.check_table(read[0], table)
        subjects = SPLIT.read(table, ["subject"]).subject.to_numpy()
        features = model.with_name("features")
        network, in_history, in_throughput = svm_training.fit(
            settings, read[0], subjects, features, *read[1:]
        )
        HISTORY.write(history, HISTORY.frame([in_history]))
        THROUGHPUT.write(throughput, THROUGHPUT.frame([in_throughput]))
        record = provenance.of_training(settings, paths, code)
        files.write_json(training, record)
        model_file.save(model, network)
        logging.info("The training accuracy is %.3f", in_history["accuracy"])

    folder = TrainingFolder(
        model.parent / "training",
        *(settings.model, recipe.epochs, recipe.seed, code, sklearn.__version__),
        *map(hdf5.content_digest, read),
        files.file_digest(table),
    )
    outputs = model, history, throughput, training
    folder.run_or_reuse(dict(zip(RESULTS, outputs, strict=True)), compute, recipe.device)


if __name__ == "__main__":
    script.run(hog_svm)
