"""Accuracy by slice: subsets of the test set by gender, age, decade, size, colour and source."""

import itertools

import numpy as np
import pandas as pd

from renet.common.imdb_wiki import CLASSES
from renet.evaluation import confidence_intervals, weak_slices
from renet.evaluation.tables import SLICES

UNKNOWN = "unknown"
OWN_COLUMN = "column "  # how slices by a column of a user's own table begin


def assign(
    predictions: pd.DataFrame, size: tuple[int, int], in_training_set: pd.Series
) -> pd.DataFrame:
    """The value of each slice for each sample: one column a slice, categories in their order.

    A slice of which no value is known, as the decade of a user's own photos, is left out.

    Args:
        predictions: an inference table, perhaps with the columns of `own_slices.add`.
        size: input size of the network, (height, width) in pixels.
        in_training_set: whether the sample's subject is in the training set; this is a slice only
            if it is true of a sample.
    """
    sides = predictions[["crop_height", "crop_width"]]
    decades = predictions.year.astype(float) // 10 * 10
    columns = {
        "recorded gender": predictions.target.map(dict(enumerate(CLASSES))),
        "age": bands(predictions.age, [0, 10, 20, 30, 40, 50, 60, 70], "years"),
        "decade": decades.map(lambda year: UNKNOWN if np.isnan(year) else f"{year:.0f}s"),
        "face score": bands(predictions.face_score, [1, 2, 3, 4, 5, 6]),
        "crop size": bands(sides.min(axis=1), [0, 64, 96, 128, 192, 256], "px"),
        "scaled": sides.lt(list(size)).any(axis=1).map({True: "up", False: "down or not"}),
        "colour": predictions.grey.astype(bool).map({True: "grey", False: "colour"}),
        "source": predictions.source,
        **{name: predictions[name] for name in predictions if name.startswith(OWN_COLUMN)},
    }
    if in_training_set.any():
        columns["person in the training set"] = in_training_set.map({True: "yes", False: "no"})
    slices = pd.DataFrame(columns).astype("category")
    slices = slices.loc[:, (slices != UNKNOWN).any()]
    return slices.apply(lambda values: values.cat.remove_unused_categories())


def bands(values: pd.Series, edges: list[float], unit: str = "") -> pd.Series:
    """Bands of a number, lower edge included: `20–29 years`, `5 and more`; or `unknown`."""
    unit, step = (f" {unit}", 1) if unit else ("", 0)  # numbers with a unit are whole
    names = [f"{low}–{high - step}{unit}" for low, high in itertools.pairwise(edges)]
    names = [f"below {edges[0]}{unit}", *names, f"{edges[-1]}{unit} and more"]
    numbers = values.astype(float).clip(upper=edges[-1])  # `cut` has no band for infinity
    band = pd.cut(numbers, [-np.inf, *edges, np.inf], right=False, labels=names)
    return band.cat.add_categories(UNKNOWN).fillna(UNKNOWN)


def tabulate(predictions: pd.DataFrame, slices: pd.DataFrame) -> pd.DataFrame:
    """The table slices.csv: one row for each value of each slice, with the columns `SLICES`.

    Args:
        predictions: an inference table.
        slices: as from `assign`.

    Returns:
        `accuracy` with Wilson's interval (`wilson_…`) and that of a bootstrap over subjects
        (`subjects_…`), the recall of each class (empty if the slice has none of it), their mean,
        the accuracy of always predicting the slice's majority class, and the columns of
        `weak_slices.test`.
    """
    rows = [
        _row(predictions[slices[name] == value], name, value)
        for name in slices
        for value in slices[name].cat.categories
    ]
    in_slice = pd.get_dummies(slices).to_numpy(float)  # (samples, values of all slices)
    correct = predictions.correct.to_numpy()

    def accuracies(weights: np.ndarray) -> np.ndarray:
        weight_correct, weight = np.stack([weights * correct, weights]) @ in_slice
        return weight_correct / weight

    table = pd.DataFrame(rows)
    with np.errstate(invalid="ignore"):  # a resample can have no sample of a small slice
        bounds = confidence_intervals.subject_bootstrap(predictions.subject, accuracies)
    table[["subjects_low", "subjects_high"]] = bounds
    table[["upper_holm", "p_holm"]] = weak_slices.test(table, predictions, slices)
    return table[list(SLICES.columns)]


def _row(samples: pd.DataFrame, name: str, value: str) -> dict:
    counts = samples.target.value_counts().reindex(range(len(CLASSES)), fill_value=0)
    recalls = samples.groupby("target").correct.mean().reindex(range(len(CLASSES)))
    low, high = confidence_intervals.wilson(samples.correct.sum(), len(samples))
    return {
        "slice": name,
        "value": value,
        "n": len(samples),
        "subjects": samples.subject.nunique(),
        "accuracy": samples.correct.mean(),
        "wilson_low": low,
        "wilson_high": high,
        "balanced_accuracy": recalls.mean(),
        "majority_baseline": counts.max() / len(samples),
        **{f"n_{name}": counts[label] for label, name in enumerate(CLASSES)},
        **{f"recall_{name}": recalls[label] for label, name in enumerate(CLASSES)},
    }
