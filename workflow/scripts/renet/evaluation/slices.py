"""How good the answers are on parts of a set: by gender, age, decade, size, colour, source."""

import itertools

import numpy as np
import pandas as pd

from renet.common.imdb_wiki import CLASSES
from renet.evaluation import intervals

UNKNOWN = "unknown"
BANDS = {
    "age": ([0, 10, 20, 30, 40, 50, 60, 70], "years"),
    "face score": ([1, 2, 3, 4, 5, 6], ""),
    "crop size": ([0, 64, 96, 128, 192, 256], "px"),
}
COLUMNS = [
    "slice", "value", "n", "subjects", "n_female", "n_male", "accuracy", "wilson_low",
    "wilson_high", "subjects_low", "subjects_high", "recall_female", "recall_male",
    "balanced_accuracy", "majority_baseline",
]  # fmt: skip


def label(answers: pd.DataFrame, size: tuple[int, int], seen: pd.Series) -> pd.DataFrame:
    """Which value of each slice a sample has: a column a slice, ordered categories.

    Args:
        answers: an inference table.
        size: (height, width) that the network takes, in pixels.
        seen: whether the subject is in the training set; a slice only where some are.
    """
    smaller = (answers.crop_height < size[0]) | (answers.crop_width < size[1])
    decades = pd.to_numeric(answers.year) // 10 * 10
    columns = {
        "recorded gender": answers.target.map(dict(enumerate(CLASSES))),
        "age": bands(answers.age, *BANDS["age"]),
        "decade": decades.map(lambda year: UNKNOWN if np.isnan(year) else f"{year:.0f}s"),
        "face score": bands(answers.face_score, *BANDS["face score"]),
        "crop size": bands(answers[["crop_height", "crop_width"]].min(axis=1), *BANDS["crop size"]),
        "scaled": smaller.map({True: "up", False: "down or not"}),
        "colour": answers.grey.astype(bool).map({True: "grey", False: "colour"}),
        "source": answers.source,
    }
    if seen.any():
        columns["person in the training set"] = seen.map({True: "yes", False: "no"})
    return pd.DataFrame({name: _ordered(values) for name, values in columns.items()})


def bands(values: pd.Series, edges: list[float], unit: str) -> pd.Series:
    """Bands of a number, lower edge included: `20–29 years`, `5 and more`; or `unknown`."""
    numbers = pd.to_numeric(values)
    unit = f" {unit}" if unit else ""
    whole = unit != ""
    names = [
        f"{low}–{high - 1 if whole else high}{unit}" for low, high in itertools.pairwise(edges)
    ]
    names = [f"below {edges[0]}{unit}", *names, f"{edges[-1]}{unit} and more"]
    found = np.searchsorted(edges, numbers, side="right")
    named = pd.Series(np.array(names)[found], index=values.index).where(numbers.notna(), UNKNOWN)
    return named.astype(pd.CategoricalDtype([*names, UNKNOWN], ordered=True))


def _ordered(values: pd.Series) -> pd.Series:
    """As ordered categories, those that occur; in alphabetical order where none is given."""
    if not isinstance(values.dtype, pd.CategoricalDtype):
        names = sorted(set(values), key=lambda name: (name == UNKNOWN, name))
        values = values.astype(pd.CategoricalDtype(names, ordered=True))
    return values.cat.remove_unused_categories()


def tabulate(
    answers: pd.DataFrame, labels: pd.DataFrame, resamples: int = intervals.RESAMPLES
) -> pd.DataFrame:
    """The table slices.csv: a row for each value of each slice (`COLUMNS`).

    Args:
        answers: an inference table.
        labels: as from `label`.
        resamples: of the bootstrap.

    Returns:
        `accuracy` with Wilson's interval (`wilson_…`) and that of a bootstrap over subjects
        (`subjects_…`), the recall of each class (empty where the slice has none of it), their mean,
        and the accuracy of always answering the slice's more frequent class.
    """
    parts = [
        _row(answers[labels[name] == value], name, value)
        for name in labels
        for value in labels[name].cat.categories
    ]
    table = pd.DataFrame(parts)
    table[["subjects_low", "subjects_high"]] = _subject_intervals(answers, labels, resamples)
    return table[COLUMNS]


def _row(part: pd.DataFrame, name: str, value: str) -> dict:
    counts = part.target.value_counts().reindex(range(len(CLASSES)), fill_value=0)
    recalls = part.groupby("target").correct.mean().reindex(range(len(CLASSES)))
    low, high = intervals.wilson(part.correct.sum(), len(part))
    return {
        "slice": name,
        "value": value,
        "n": len(part),
        "subjects": part.subject.nunique(),
        "accuracy": part.correct.mean(),
        "wilson_low": low,
        "wilson_high": high,
        "balanced_accuracy": recalls.mean(),
        "majority_baseline": counts.max() / len(part),
        **{f"n_{name}": counts[number] for number, name in enumerate(CLASSES)},
        **{f"recall_{name}": recalls[number] for number, name in enumerate(CLASSES)},
    }


def _subject_intervals(answers: pd.DataFrame, labels: pd.DataFrame, resamples: int) -> np.ndarray:
    codes = [labels[name].cat.codes.to_numpy() for name in labels]
    counts = [len(labels[name].cat.categories) for name in labels]
    right = answers.correct.to_numpy().astype(float)

    def accuracies(weights: np.ndarray) -> np.ndarray:
        found = [
            np.bincount(code, weights * right, count) / np.bincount(code, weights, count)
            for code, count in zip(codes, counts, strict=True)
        ]
        return np.concatenate(found)

    with np.errstate(invalid="ignore"):  # a slice of few people is empty in some draws
        return intervals.by_subject(answers.subject.factorize()[0], accuracies, resamples)
