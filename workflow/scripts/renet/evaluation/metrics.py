"""How good the answers are, computed from an inference table alone."""

import numpy as np
import pandas as pd
from sklearn import metrics

from renet.common.imdb_wiki import CLASSES
from renet.evaluation import calibration, intervals
from renet.evaluation.weighted_metrics import NAMES, WeightedFigures, matthews

LABELS = list(range(len(CLASSES)))


def summarise(
    answers: pd.DataFrame, male_share: float, resamples: int = intervals.RESAMPLES
) -> dict:
    """The figures of one subset, as metrics.json has them (workflow/schemas/metrics.schema.yaml).

    Args:
        answers: an inference table (`inference_table.tabulate`), not empty.
        male_share: share of class 1 in the training set, for the baseline.
        resamples: of the bootstrap over subjects.

    Returns:
        The figures, with None for those that a set of one class does not define; `intervals` has
        95 % intervals of them; `majority_baseline` the same figures for always answering the class
        that is more frequent in the training set, with its share as the probability;
        `answers_one_class` is true where the network says the same of every face.
    """
    targets, predicted = answers.target.to_numpy(), answers.predicted.to_numpy()
    subjects = answers.subject.factorize()[0]
    figures = _figures(answers)
    matrix = metrics.confusion_matrix(targets, predicted, labels=LABELS)
    bounds = intervals.by_subject(subjects, WeightedFigures(answers), resamples)
    return {
        "n": len(answers),
        "subjects": int(subjects.max()) + 1,
        "classes": list(CLASSES),
        **figures,
        "confusion_matrix": matrix.tolist(),
        "intervals": _intervals(matrix, dict(zip(NAMES, bounds.tolist(), strict=True))),
        "majority_baseline": _baseline(targets, male_share),
        "answers_one_class": bool(len(np.unique(predicted)) == 1),
    }


def _figures(answers: pd.DataFrame) -> dict:
    targets, predicted = answers.target.to_numpy(), answers.predicted.to_numpy()
    p_male = answers.p_male.to_numpy()
    both = len(np.unique(targets)) == len(CLASSES)
    matrix = metrics.confusion_matrix(targets, predicted, labels=LABELS)
    of_class, answered = matrix.sum(axis=1), matrix.sum(axis=0)
    recalls = [_share(matrix[number, number], of_class[number]) for number in LABELS]
    precisions = [_share(matrix[number, number], answered[number]) for number in LABELS]
    return {
        "accuracy": float(metrics.accuracy_score(targets, predicted)),
        "balanced_accuracy": float(np.mean([value for value in recalls if value is not None])),
        "recall": dict(zip(CLASSES, recalls, strict=True)),
        "precision": dict(zip(CLASSES, precisions, strict=True)),
        "mcc": float(matthews(matrix)),
        "roc_auc": float(metrics.roc_auc_score(targets, p_male)) if both else None,
        "pr_auc": {
            name: float(metrics.average_precision_score(targets == number, scores))
            if of_class[number]
            else None
            for number, (name, scores) in enumerate(zip(CLASSES, (1 - p_male, p_male), strict=True))
        },
        "loss": float(metrics.log_loss(targets, p_male, labels=LABELS)),
        "brier": float(metrics.brier_score_loss(targets, p_male, labels=LABELS)),
        "ece": calibration.expected_error(calibration.reliability(p_male, targets)),
    }


def _share(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None


def _intervals(matrix: np.ndarray, by_subject: dict[str, list[float]]) -> dict:
    """Wilson's interval where a figure is a share of samples, the bootstrap's for every figure."""
    shares = {"accuracy": (np.trace(matrix), matrix.sum())} | {
        f"recall_{name}": (matrix[number, number], matrix[number].sum())
        for number, name in enumerate(CLASSES)
    }
    found = {}
    for name, bounds in by_subject.items():
        found[name] = {"subjects": bounds if np.isfinite(bounds).all() else None}
        if name in shares:
            found[name]["wilson"] = list(intervals.wilson(*shares[name]))
    return found


def _baseline(targets: np.ndarray, male_share: float) -> dict:
    """The figures of always answering the training set's more frequent class."""
    always = int(male_share >= 0.5)
    constant = pd.DataFrame({"target": targets, "predicted": always, "p_male": male_share})
    return {"class": CLASSES[always], "male_share": male_share, **_figures(constant)}


def calibrate(validation: pd.DataFrame, test: pd.DataFrame) -> dict:
    """A temperature from the validation set, and what it does to the test set's probabilities.

    Returns:
        `temperature`; `fitted_on`; `at_bound`, whether the temperature is at a bound of the search
        and so says little; `loss`, `brier` and `ece` of the test set at that temperature.
    """
    temperature = calibration.fit_temperature(
        validation.p_male.to_numpy(), validation.target.to_numpy()
    )
    low, high = calibration.TEMPERATURES
    softened = test.assign(p_male=calibration.soften(test.p_male.to_numpy(), temperature))
    figures = _figures(softened)
    return {
        "temperature": temperature,
        "fitted_on": "validation",
        "at_bound": bool(temperature < low * 1.01 or temperature > high / 1.01),
        **{name: figures[name] for name in ("loss", "brier", "ece")},
    }
