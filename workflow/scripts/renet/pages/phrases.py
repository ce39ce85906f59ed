"""Numbers and results as text, for pages, cards and text alternatives."""

from collections.abc import Iterable

import pandas as pd

from renet.common.imdb_wiki import CLASSES

UNDEFINED = "–"
SMALL_SLICE = 30  # faces; the interval of a smaller slice is too wide for a statement
WELL_CALIBRATED = 0.05  # difference of the temperature from 1


def percentage(fraction: float | None) -> str:
    """`92.0 %`, with a no-break space."""
    if fraction is None or fraction != fraction:
        return UNDEFINED
    return f"{100 * fraction:.1f}\N{NO-BREAK SPACE}%"


def decimal(value: float | None) -> str:
    """`0.833`."""
    return UNDEFINED if value is None or value != value else f"{value:.3f}"


def percentage_interval(bounds: list[float]) -> str:
    """`83.7 to 98.0 %`."""
    if bounds[0] != bounds[0]:
        return UNDEFINED
    return f"{100 * bounds[0]:.1f} to {percentage(bounds[1])}"


def wider(intervals: Iterable[list[float]]) -> list[float] | None:
    """The widest of the known intervals: a bootstrap interval can have no width."""
    known = [bounds for bounds in intervals if bounds[0] == bounds[0]]
    return max(known, key=lambda bounds: bounds[1] - bounds[0], default=None)


def calibration(metrics: dict) -> str:
    """The fitted temperature and its effect on the test set."""
    temperature = metrics["calibration"]["temperature"]
    if metrics["calibration"]["at_bound"]:
        return (
            f"The temperature, {temperature:.2f}, is at a bound of its search range: the "
            "validation set is too small or too easy to fit it."
        )
    verdict = "overconfident" if temperature > 1 else "underconfident"
    if abs(temperature - 1) < WELL_CALIBRATED:
        verdict = "well calibrated"
    before, after = metrics["test"]["loss"], metrics["calibration"]["loss"]
    return (
        f"The temperature fitted on the validation set is {temperature:.2f}: the network is "
        f"{verdict}. Temperature scaling changes the log loss of the test set from "
        f"{decimal(before)} to {decimal(after)}. It does not change the predicted classes."
    )


def confusion_matrix(test: dict) -> str:
    """The counts of the confusion matrix."""
    sentences = []
    for label, counts in zip(test["classes"], test["confusion_matrix"], strict=True):
        predicted = " and ".join(
            f"{count:,} predicted {name}"
            for count, name in zip(counts, test["classes"], strict=True)
        )
        sentences.append(f"Of {sum(counts):,} faces labelled {label}, {predicted}.")
    return " ".join(sentences)


def ranking_curves(test: dict) -> str:
    """The areas under the curves."""
    precisions = ", ".join(f"{decimal(value)} for {name}" for name, value in test["pr_auc"].items())
    return f"ROC AUC {decimal(test['roc_auc'])}; average precision {precisions}."


def learning_curve(history: pd.DataFrame) -> str:
    """The losses of the last epoch."""
    last = history.iloc[-1]
    return (
        f"After {len(history)} epochs the training loss is {decimal(last.loss)} and the "
        f"validation loss {decimal(last.validation_loss)}."
    )


def slices(table: pd.DataFrame) -> str:
    """The accuracy gap between the genders, and the slice of the lowest accuracy."""
    gender = table[table.slice == "recorded gender"]
    sentences = [_gender_gap(gender.set_index("value").accuracy)] if len(gender) > 1 else []
    has_values = table.groupby("slice").value.transform("size") > 1
    others = table[has_values & (table.n >= SMALL_SLICE) & (table.slice != "recorded gender")]
    worse = others[others.accuracy < (gender.n * gender.accuracy).sum() / gender.n.sum()]
    if worse.empty:
        sentences.append(
            f"No other slice of at least {SMALL_SLICE} faces has a lower accuracy than the whole "
            "test set."
        )
    else:
        worst = worse.loc[worse.accuracy.idxmin()]
        sentences.append(
            f"Of the other slices of at least {SMALL_SLICE} faces, {worst.slice} = {worst.value} "
            f"has the lowest accuracy, {percentage(worst.accuracy)} "
            f"({slice_interval(worst)}, n = {worst.n:,})."
        )
    return " ".join(sentences)


def _gender_gap(accuracy: pd.Series) -> str:
    gap = f"{100 * abs(accuracy.iloc[0] - accuracy.iloc[1]):.1f}"
    if gap == "0.0":
        return "The accuracy is equal for faces labelled female and male."
    return (
        f"The accuracy is {gap} percentage points higher for faces labelled {accuracy.idxmax()} "
        f"than for those labelled {accuracy.idxmin()}."
    )


def slice_interval(row: pd.Series) -> str:
    """The wider 95 % interval of a slice's accuracy."""
    intervals = [[row.wilson_low, row.wilson_high], [row.subjects_low, row.subjects_high]]
    return percentage_interval(wider(intervals))


def funnel(steps: pd.DataFrame) -> str:
    """The remaining rows at each step, over all sources."""
    remaining = steps.remaining.items()
    return ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in remaining)


def faces(rows: pd.DataFrame) -> list[dict]:
    """Rows of a table of predictions, with `label`, `predicted` and `confidence` as text."""
    return [
        {
            **row,
            "label": CLASSES[row["target"]],
            "predicted": CLASSES[int(row["p_male"] > row["p_female"])],
            "confidence": percentage(max(row["p_female"], row["p_male"])),
        }
        for row in rows.astype(object).where(rows.notna(), None).to_dict("records")
    ]
