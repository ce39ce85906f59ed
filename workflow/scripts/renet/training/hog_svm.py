"""Fit of the kind hog_svm: scikit-learn's SVM on the features of all faces."""

import logging

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import GroupKFold
from threadpoolctl import threadpool_limits

from renet.common.errors import InputError
from renet.common.progress import Progress
from renet.dataset.hdf5 import FaceFile
from renet.network import devices, kinds
from renet.network.kinds.hog_svm import Hog, fill
from renet.network.model import Network
from renet.training.monitoring import Throughput
from renet.training.settings import RunSettings

FOLDS = 5
LARGEST = 50_000  # most faces of a set that are used: features need 7 kB per face by default


def fit(
    settings: RunSettings, subjects: np.ndarray, faces: FaceFile, validation: FaceFile | None = None
) -> tuple[Network, list[dict], list[dict]]:
    """Fit an SVM with probabilities; return its network, rows of `HISTORY` and of `THROUGHPUT`.

    In the cross-validation, all photos of a person (`subjects`, (N,)) are in one fold.
    """
    seed, network = settings.train.seed, kinds.build(faces.shape, settings.model)
    throughput = Throughput(devices.choose("cpu", threads=1))
    throughput.start()
    hog = network.get_submodule("hog")
    rows, features = compute_features(hog, faces, seed)
    targets, folds = faces.targets[rows], make_folds(faces.targets[rows], subjects[rows])
    alpha: float = settings.model.alpha  # type: ignore[union-attr]
    svm = SGDClassifier(loss="hinge", alpha=alpha, average=True, random_state=seed)
    classifier = CalibratedClassifierCV(svm, method="sigmoid", cv=folds, ensemble=False)
    with threadpool_limits(1):  # the order of a sum depends on the number of threads
        (fitted,) = classifier.fit(features, targets).calibrated_classifiers_
        row = measure(classifier, features, targets)
        if validation is not None:
            rows, features = compute_features(hog, validation, seed)
            held_out = measure(classifier, features, validation.targets[rows])
            row |= {f"validation_{name}": value for name, value in held_out.items()}
    svm, (sigmoid,) = fitted.estimator, fitted.calibrators
    fill(network, svm.coef_[0], svm.intercept_[0], (-sigmoid.a_, -sigmoid.b_))
    throughput.measure()
    throughput.end(svm.n_iter_, len(targets))
    return network, [{"epoch": svm.n_iter_, **row}], throughput.rows


def make_folds(targets: np.ndarray, subjects: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the rows outside and inside each fold; all faces of a person are in one fold."""
    count = min(FOLDS, len(np.unique(subjects)))
    folds = list(GroupKFold(count).split(targets, groups=subjects)) if count > 1 else []
    if not folds or any(len(np.unique(targets[others])) < 2 for others, _ in folds):
        raise InputError(
            "An SVM needs several people and both genders in every four fifths of the training "
            "set; add photos of other people."
        )
    return folds


def compute_features(hog: Hog, faces: FaceFile, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of a set, at most `LARGEST` at random, and their features, float32."""
    rows = np.arange(len(faces))
    if len(rows) > LARGEST:
        logging.info("The SVM uses a random %d of %d faces", LARGEST, len(rows))
        rows = np.sort(np.random.default_rng(seed).choice(rows, LARGEST, replace=False))
    features = np.empty((len(rows), hog.feature_count), np.float32)
    for place, row in enumerate(Progress(rows, desc="features", unit=" img")):
        features[place] = hog.features(faces.pixels.take([row], axis=0))[0]
    return rows, features


def measure(classifier: CalibratedClassifierCV, features: np.ndarray, targets: np.ndarray) -> dict:
    """Compute the mean loss and the accuracy of the classifier's predictions."""
    loss = log_loss(targets, classifier.predict_proba(features), labels=[0, 1])
    return {"loss": float(loss), "accuracy": float(classifier.score(features, targets))}
