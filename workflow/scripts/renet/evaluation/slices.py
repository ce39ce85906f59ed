"""Accuracy by slice: subsets of the test set by gender, age, decade, size, colour and source."""

import itertools

import numpy as np
import pandas as pd

from renet.common.imdb_wiki import CLASSES
from renet.evaluation import confidence_intervals
from renet.evaluation.tables import SLICES

UNKNOWN = "unknown"
BANDS = {
    "age": ([0, 10, 20, 30, 40, 50, 60, 70], "years"),
    "face score": ([1, 2, 3, 4, 5, 6], ""),
    "crop size": ([0, 64, 96, 128, 192, 256], "px"),
}


def assign(
    predictions: pd.DataFrame, size: tuple[int, int], in_training_set: pd.Series
) -> pd.DataFrame:
    """The value of each slice for each sample: one column a slice, ordered categories.

    Args:
        predictions: an inference table.
        size: input size of the network, (height, width) in pixels.
        in_training_set: whether the sample's subject is in the training set; this is a slice only
            if it is true of a sample.
    """
    smaller = (predictions.crop_height < size[0]) | (predictions.crop_width < size[1])
    decades = predictions.year.astype(float) // 10 * 10
    crop_size = predictions[["crop_height", "crop_width"]].min(axis=1)
    columns = {
        "recorded gender": predictions.target.map(dict(enumerate(CLASSES))),
        "age": bands(predictions.age, *BANDS["age"]),
        "decade": decades.map(lambda year: UNKNOWN if np.isnan(year) else f"{year:.0f}s"),
        "face score": bands(predictions.face_score, *BANDS["face score"]),
        "crop size": bands(crop_size, *BANDS["crop size"]),
        "scaled": smaller.map({True: "up", False: "down or not"}),
        "colour": predictions.grey.astype(bool).map({True: "grey", False: "colour"}),
        "source": predictions.source,
    }
    if in_training_set.any():
        columns["person in the training set"] = in_training_set.map({True: "yes", False: "no"})
    return pd.DataFrame({name: _ordered(values) for name, values in columns.items()})


def bands(values: pd.Series, edges: list[float], unit: str) -> pd.Series:
    """Bands of a number, lower edge included: `20–29 years`, `5 and more`; or `unknown`."""
    numbers = values.astype(float)
    unit = f" {unit}" if unit else ""
    whole = unit != ""
    names = [
        f"{low}–{high - 1 if whole else high}{unit}" for low, high in itertools.pairwise(edges)
    ]
    names = [f"below {edges[0]}{unit}", *names, f"{edges[-1]}{unit} and more"]
    band = np.searchsorted(edges, numbers, side="right")
    named = pd.Series(np.array(names)[band], index=values.index).where(numbers.notna(), UNKNOWN)
    return named.astype(pd.CategoricalDtype([*names, UNKNOWN], ordered=True))


def _ordered(values: pd.Series) -> pd.Series:
    """As ordered categories, those that occur; in alphabetical order if they have none."""
    if not isinstance(values.dtype, pd.CategoricalDtype):
        names = sorted(set(values), key=lambda name: (name == UNKNOWN, name))
        values = values.astype(pd.CategoricalDtype(names, ordered=True))
    return values.cat.remove_unused_categories()


def tabulate(
    predictions: pd.DataFrame,
    slices: pd.DataFrame,
    resamples: int = confidence_intervals.RESAMPLES,
) -> pd.DataFrame:
    """The table slices.csv: one row for each value of each slice, with the columns `SLICES`.

    Args:
        predictions: an inference table.
        slices: as from `assign`.
        resamples: of the bootstrap.

    Returns:
        `accuracy` with Wilson's interval (`wilson_…`) and that of a bootstrap over subjects
        (`subjects_…`), the recall of each class (empty if the slice has none of it), their mean,
        and the accuracy of always predicting the slice's majority class.
    """
    rows = [
        _row(predictions[slices[name] == value], name, value)
        for name in slices
        for value in slices[name].cat.categories
    ]
    bounds = _bootstrap_intervals(predictions, slices, resamples)
    table = pd.DataFrame(rows)
    table[["subjects_low", "subjects_high"]] = bounds
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


def _bootstrap_intervals(
    predictions: pd.DataFrame, slices: pd.DataFrame, resamples: int
) -> np.ndarray:
    """95 % intervals of each slice value's accuracy, (values of all slices, 2)."""
    codes = [slices[name].cat.codes.to_numpy() for name in slices]
    counts = [len(slices[name].cat.categories) for name in slices]
    correct = predictions.correct.to_numpy().astype(float)

    def accuracies(weights: np.ndarray) -> np.ndarray:
        of_slice = [
            np.bincount(code, weights * correct, count) / np.bincount(code, weights, count)
            for code, count in zip(codes, counts, strict=True)
        ]
        return np.concatenate(of_slice)

    with np.errstate(invalid="ignore"):  # a resample can have no sample of a small slice
        return confidence_intervals.subject_bootstrap(predictions.subject, accuracies, resamples)
