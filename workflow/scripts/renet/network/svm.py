"""A linear SVM and the probabilities of its predictions, fitted in constant memory.

The features lie in a file; scikit-learn's SGDClassifier with the hinge loss reads them in chunks.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GroupKFold

from renet.common.errors import InputError
from renet.common.progress import Progress
from renet.network.settings import RunSettings

CHUNK = 1024  # rows
FOLDS = 5
UNREGULARISED = 1e6  # scikit-learn's C of the sigmoid's two numbers


@dataclass(frozen=True)
class Samples:
    """What an SVM is trained on.

    Attributes:
        features: (N, features) float32, in a file.
        targets: (N,) 0 or 1.
        groups: (N,) of people, none of whom is on both sides of a fold.
    """

    features: np.ndarray
    targets: np.ndarray
    groups: np.ndarray


def fit(samples: Samples, rows: np.ndarray, settings: RunSettings) -> SGDClassifier:
    """A linear SVM of some rows; the coefficients are means over the steps."""
    alpha, seed = settings.model.alpha, settings.train.seed  # type: ignore[union-attr]
    svm = SGDClassifier(loss="hinge", alpha=alpha, average=True, random_state=seed)
    random = np.random.default_rng(seed)
    for _ in range(settings.train.epochs):
        for chunk in chunks(random.permutation(rows)):
            svm.partial_fit(samples.features[chunk], samples.targets[chunk], classes=[0, 1])
    return svm


def decide(svm: SGDClassifier, features: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The decision function for some rows, (rows,)."""
    return np.concatenate([svm.decision_function(features[chunk]) for chunk in chunks(rows)])


def chunks(rows: np.ndarray) -> Iterator[np.ndarray]:
    """Parts of at most `CHUNK` rows, each in the order of the file, which reads faster."""
    for start in range(0, len(rows), CHUNK):
        yield np.sort(rows[start : start + CHUNK])


@dataclass(frozen=True)
class Fitted:
    """An SVM, and scale and shift of the sigmoid that gives the probability of class 1."""

    svm: SGDClassifier
    sigmoid: tuple[float, float]

    def log_odds(self, features: np.ndarray) -> np.ndarray:
        """Of class 1, (N,), for features (N, features)."""
        scale, shift = self.sigmoid
        return scale * decide(self.svm, features, np.arange(len(features))) + shift


def fit_with_probabilities(samples: Samples, settings: RunSettings) -> Fitted:
    """An SVM of all samples with a sigmoid.

    The sigmoid is fitted to decisions about samples that the SVM was not trained on, by
    cross-validation over people (Platt, Probabilistic Outputs for Support Vector Machines, 1999).

    Raises:
        InputError: there is one class, or one person.
    """
    folds = min(FOLDS, len(np.unique(samples.groups)))
    if folds < 2 or len(np.unique(samples.targets)) < 2:
        raise InputError(
            "The training set has one class or one person, but an SVM with probabilities needs two "
            "of each; use more photos."
        )
    rows, decisions = np.arange(len(samples.targets)), np.empty(len(samples.targets))
    parts = GroupKFold(folds).split(rows, groups=samples.groups)
    with Progress(total=folds + 1, desc="fit", unit=" SVM") as bar:
        for others, held_out in parts:
            svm = fit(samples, others, settings)
            decisions[held_out] = decide(svm, samples.features, held_out)
            bar.update()
        svm = fit(samples, rows, settings)
        bar.update()
    sigmoid = LogisticRegression(C=UNREGULARISED).fit(decisions[:, None], samples.targets)
    return Fitted(svm, (float(sigmoid.coef_[0, 0]), float(sigmoid.intercept_[0])))
