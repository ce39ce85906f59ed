"""Metrics by slice: subsets of the test set by gender, age, decade, size, colour and source.

The config's `slices` adds slices by columns of the users' tables.
"""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd

from renet.common.imdb_wiki import CLASSES, TABLE
from renet.evaluation import confidence_intervals, metrics, tables
from renet.metadata import own_photos, subjects

UNKNOWN = "unknown"
MOST_VALUES, OTHER = 20, "other"  # of a column
OWN_COLUMN = "column "  # prefix for a user's columns, whose `age` is not the slice `age`


def add_own(predictions: pd.DataFrame, rows: pd.Series, slices: dict[str, dict]) -> pd.DataFrame:
    """Add a column `OWN_COLUMN` + name to an inference table for each column of the users' tables.

    Empty fields become `UNKNOWN`, all but the `MOST_VALUES` most frequent values become `OTHER`.

    Args:
        rows: number of a face's row in the metadata of its source, by the id of the face.
        slices: columns and tables of each source, from `renet.planning.data_summary.sliced`.
    """
    parts = []
    for source, given in slices.items():
        faces = predictions[predictions.source == source]
        files = list(map(Path, given["tables"]))
        labels = own_photos.Labels(**given["labels"] | {"columns": {}})  # without the labels
        columns = [name for name in given["slices"] if name not in labels.groups]
        written = own_photos.written(files, labels, faces.path, columns)
        if files and given["database"] == TABLE:  # a photo can have several rows
            found = written.iloc[rows[faces.id]]
        else:
            paths = written.path.map(own_photos.plain)
            found = written.set_index(paths)[~paths.duplicated().to_numpy()].reindex(faces.path)
        parts.append(found[given["slices"]].set_axis(faces.index).add_prefix(OWN_COLUMN))
    values = pd.concat(parts).reindex(predictions.index).fillna("")
    return predictions.join(values.apply(_most_frequent))


def _most_frequent(values: pd.Series) -> pd.Series:
    counts = values[values != ""].value_counts().sort_index()
    kept = counts.nlargest(MOST_VALUES).index  # of equal counts, the first in sorted order
    return values.where(values.isin([*kept, ""]), OTHER).replace("", UNKNOWN)


def assign(predictions: pd.DataFrame, in_training_set: pd.Series) -> pd.DataFrame:
    """Return each sample's value of each slice, as categorical columns with sorted categories.

    A slice without a known value, such as the decade of own photos, is omitted.
    """
    sides = predictions[["crop_height", "crop_width"]]
    decades = predictions.year.astype(float) // 10 * 10
    columns = {
        tables.GENDER: predictions.target.map(dict(enumerate(CLASSES))),
        "age": bands(predictions.age, [0, 10, 20, 30, 40, 50, 60, 70], "years"),
        "decade": decades.map(lambda year: UNKNOWN if np.isnan(year) else f"{year:.0f}s"),
        "face score": bands(predictions.face_score, [1, 2, 3, 4, 5, 6]),
        "crop size": bands(sides.min(axis=1), [0, 64, 96, 128, 192, 256], "px"),
        "photo": predictions.grey.astype(bool).map({True: "in grey", False: "in colour"}),
        "source": predictions.source,
        **{name: predictions[name] for name in predictions if name.startswith(OWN_COLUMN)},
    }
    if in_training_set.any():
        columns["person in the training set"] = in_training_set.map(
            {True: "yes", False: "no"}
        ).mask(subjects.are_photos(predictions.subject), UNKNOWN)
    slices = pd.DataFrame(columns).astype("category")
    slices = slices.loc[:, (slices != UNKNOWN).any()]
    return slices.apply(lambda values: values.cat.remove_unused_categories())


def bands(values: pd.Series, edges: list[float], unit: str = "") -> pd.Series:
    """Return the band of each number, lower edge included: `20–29 years`; `unknown` for NaN."""
    unit, step = (f" {unit}", 1) if unit else ("", 0)  # numbers with a unit are whole
    names = [f"{low}–{high - step}{unit}" for low, high in itertools.pairwise(edges)]
    names = [f"below {edges[0]}{unit}", *names, f"{edges[-1]}{unit} and more"]
    numbers = values.astype(float).clip(upper=edges[-1])  # `cut` has no band for infinity
    band = pd.cut(numbers, [-np.inf, *edges, np.inf], right=False, labels=names)
    return band.cat.add_categories(UNKNOWN).fillna(UNKNOWN)


def tabulate(predictions: pd.DataFrame, slices: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the table `SLICES`: one row for each value of each slice of `assign`.

    A slice and its complement are one test. Of both rows, the row with the lower metric has the
    p-value. Slices of the same faces with two names are one test, too.
    """
    predictions = predictions.assign(subject=pd.factorize(predictions.subject)[0])
    groups = [
        (name, value, (slices[name] == value).to_numpy())
        for name in slices
        for value in slices[name].cat.categories
    ]
    # Ages of a table, often published bands, can be the same groups as those of the slice `age`.
    of_tables = {mask.tobytes() for name, _, mask in groups if name == f"{OWN_COLUMN}age"}
    groups = [group for group in groups if group[0] != "age" or group[2].tobytes() not in of_tables]
    rows = [_row(predictions, metric, *group) for group in groups]
    dtypes = {**tables.SLICES.columns, "gap_p": float}
    table = pd.DataFrame(rows, columns=list(dtypes)).astype(dtypes)
    faces = pd.Series([mask.tobytes() for _, _, mask in groups])
    either = pd.Series([min(mask.tobytes(), (~mask).tobytes()) for _, _, mask in groups])
    lowest_first = table.sort_values("difference", kind="stable")
    table["p_holm"] = corrected(lowest_first.p, either)
    table["gap_p_holm"] = corrected(table.gap_p, faces)
    return table[list(tables.SLICES.columns)]


def corrected(p_values: pd.Series, groups: pd.Series) -> pd.Series:
    """Adjust the p-values of a family by Holm; the result has only the rows of tests.

    NaN is no test. Rows with equal values in `groups` are one test; only the first row counts.
    """
    tested = p_values.dropna().index
    tests = tested[~groups[tested].duplicated()]
    return pd.Series(confidence_intervals.holm(p_values[tests].to_numpy()), tests)


def _row(predictions: pd.DataFrame, metric: str, name: str, value: str, inside: np.ndarray) -> dict:
    samples, others = predictions[inside], predictions[~inside]
    accuracy = confidence_intervals.proportion(samples.correct, samples.subject)
    rest = confidence_intervals.proportion(others.correct, others.subject) if len(others) else None
    recalls, counts = metrics.by_class(samples), np.bincount(samples.target, minlength=len(CLASSES))
    is_large = name not in tables.UNTESTED and all(
        side and not tables.is_small(side.faces, side.people) for side in (accuracy, rest)
    )
    row = {
        "slice": name,
        "value": value,
        "n": len(samples),
        "subjects": samples.subject.nunique(),
        "effective_people": accuracy.people,
        "small": int(tables.is_small(accuracy.faces, accuracy.people)),
        "accuracy": accuracy.value,
        **_bounds("", accuracy.interval()),
    }
    weights: tuple[float, ...] = (1.0, -1.0)
    parts = [accuracy, *filter(None, [rest])]
    if metric == "balanced_accuracy":
        weights = (0.5, 0.5, -0.5, -0.5)
        parts = [*recalls.values(), *metrics.by_class(others).values()]
    if len(parts) == len(weights):
        row["difference"] = np.dot(weights, [part.value for part in parts])
        row |= _bounds("difference_", confidence_intervals.combination(weights, parts))
        if is_large and min(part.faces for part in parts) >= tables.FEWEST_OF_CLASS:
            row["p"] = confidence_intervals.difference_p_value(weights, parts)
    gap = metrics.recall_difference(recalls)
    row |= {"gap": gap["value"], **_bounds("gap_", gap["interval"])}
    if is_large and name not in tables.NOT_COMPARED and counts.min() >= tables.FEWEST_OF_CLASS:
        row["gap_p"] = confidence_intervals.difference_p_value((1, -1), [*recalls.values()])
    for label, count in zip(CLASSES, counts, strict=True):
        row[f"n_{label}"] = count
        if count:
            row[f"recall_{label}"] = recalls[label].value
            row |= _bounds(f"recall_{label}_", recalls[label].interval())
    return row


def _bounds(prefix: str, interval: tuple[float, float] | None) -> dict[str, float]:
    return dict(zip((f"{prefix}low", f"{prefix}high"), interval or (), strict=False))
