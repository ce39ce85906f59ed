"""How figures read, in the pages and in the cards."""

import pandas as pd

# Where a figure is in the summary of `metrics.summarise`, its interval's name there, what it is
# called, and whether it is a share.
FIGURES = [
    (("accuracy",), "accuracy", "accuracy", True),
    (("balanced_accuracy",), "balanced_accuracy", "balanced accuracy", True),
    (("recall", "female"), "recall_female", "recall of female", True),
    (("recall", "male"), "recall_male", "recall of male", True),
    (("precision", "female"), "", "precision of female", True),
    (("precision", "male"), "", "precision of male", True),
    (("mcc",), "mcc", "Matthews' correlation (MCC)", False),
    (("roc_auc",), "roc_auc", "area under ROC", False),
    (("pr_auc", "female"), "pr_auc_female", "average precision of female", False),
    (("pr_auc", "male"), "pr_auc_male", "average precision of male", False),
    (("loss",), "loss", "log-loss", False),
    (("brier",), "brier", "Brier score", False),
    (("ece",), "", "calibration error (ECE)", False),
]
NOTHING = "–"
SMALL_SLICE = 30  # faces below which a slice says little


def percent(share: float | None) -> str:
    """`92.0 %`, with a space that does not break."""
    return NOTHING if share is None or share != share else f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def number(value: float | None) -> str:
    """`0.833`."""
    return NOTHING if value is None or value != value else f"{value:.3f}"


def either(value: float | None, is_share: bool) -> str:
    """A figure as a percentage or as a number."""
    return percent(value) if is_share else number(value)


def span(bounds: list[float] | None, is_share: bool) -> str:
    """`83.7 to 98.0 %`; nothing where there is no interval."""
    if bounds is None:
        return ""
    if is_share:
        return f"{100 * bounds[0]:.1f} to {percent(bounds[1])}"
    return f"{bounds[0]:.3f} to {bounds[1]:.3f}"


def wider(intervals: dict[str, dict], name: str) -> list[float] | None:
    """The wider of a figure's intervals: where nothing is wrong, a bootstrap's has no width."""
    known = [bounds for bounds in intervals.get(name, {}).values() if bounds is not None]
    return max(known, key=lambda bounds: bounds[1] - bounds[0], default=None)


def pick(summary: dict, place: tuple[str, ...]) -> float | None:
    """The figure at a place of a summary."""
    for key in place:
        summary = summary[key]
    return summary


def figure(summary: dict, place: tuple[str, ...], interval: str, name: str, share: bool) -> dict:
    """A figure with its wider interval: `name`, `value`, `share`, `text`, `interval`."""
    value = pick(summary, place)
    bounds = wider(summary["intervals"], interval)
    text, interval_text = either(value, share), span(bounds, share)
    known = {"name": name, "value": value, "share": share}
    return known | {"text": text, "interval": interval_text}


def all_figures(metrics: dict) -> list[list[str]]:
    """Every figure: name, on the test set, both intervals, on the validation set, baseline's."""
    test, rows = metrics["test"], []
    for place, interval, name, share in FIGURES:
        bounds = test["intervals"].get(interval, {})
        values = [pick(part, place) for part in (test, metrics["validation"])]
        baseline = pick(test["majority_baseline"], place)
        rows.append(
            [
                name,
                either(values[0], share),
                span(bounds.get("subjects"), share) or NOTHING,
                span(bounds.get("wilson"), share) or NOTHING,
                either(values[1], share),
                either(baseline, share),
            ]
        )
    return rows


def calibration_rows(metrics: dict) -> list[list[str]]:
    """Log-loss, Brier score and ECE of the test set, as answered and at the temperature."""
    names = {place[0]: name for place, _, name, _ in FIGURES}
    return [
        [names[key], number(metrics["test"][key]), number(metrics["calibration"][key])]
        for key in ("loss", "brier", "ece")
    ]


def calibration(metrics: dict) -> str:
    """What the temperature says, in a sentence or two."""
    temperature = metrics["calibration"]["temperature"]
    if metrics["calibration"]["at_bound"]:
        return (
            f"The temperature, {temperature:.2f}, is at the bound of its search: the validation "
            "set is too small, or too easy, to say how sure the network should be."
        )
    too = "too sure of itself" if temperature > 1 else "less sure than it could be"
    verdict = "about as sure as it should be" if abs(temperature - 1) < 0.05 else too
    before, after = metrics["test"]["loss"], metrics["calibration"]["loss"]
    return (
        f"The validation set gives the temperature {temperature:.2f}: there, the network is "
        f"{verdict}. On the test set the temperature takes the log-loss from {number(before)} to "
        f"{number(after)}. Answers stay the same at any temperature; only probabilities change."
    )


def confusion(test: dict) -> str:
    """The confusion matrix as sentences."""
    parts = []
    for name, counts in zip(test["classes"], test["confusion_matrix"], strict=True):
        answered = " and ".join(
            f"{count:,} answered {answer}"
            for count, answer in zip(counts, test["classes"], strict=True)
        )
        parts.append(f"Of {sum(counts):,} recorded as {name}, {answered}.")
    return " ".join(parts)


def ranking(test: dict) -> str:
    """The areas under the curves as a sentence."""
    precisions = ", ".join(f"{number(value)} for {name}" for name, value in test["pr_auc"].items())
    return f"Area under ROC {number(test['roc_auc'])}; average precision {precisions}."


def curve(history: pd.DataFrame) -> str:
    """Where the learning curve ends, as a sentence."""
    last = history.iloc[-1]
    return (
        f"In the last of {len(history)} epochs the training loss is {number(last.loss)}, the "
        f"validation loss {number(last.validation_loss)}."
    )


def slices(table: pd.DataFrame) -> str:
    """The gap of the recorded genders, and the worst slice of a fair size, as sentences."""
    gender = table[table.slice == "recorded gender"].set_index("value").accuracy
    sentences = []
    if len(gender) > 1:
        gap = f"{100 * abs(gender.iloc[0] - gender.iloc[1]):.1f}"
        sentences.append(
            "Faces recorded as female and as male are recognised equally often."
            if gap == "0.0"
            else f"Faces recorded as {gender.idxmax()} are recognised {gap} points more often than "
            f"those recorded as {gender.idxmin()}."
        )
    several = table.groupby("slice").value.transform("size") > 1
    fair = table[several & (table.n >= SMALL_SLICE) & (table.slice != "recorded gender")]
    whole = table[table.slice == "recorded gender"]
    worse = fair[fair.accuracy < (whole.n * whole.accuracy).sum() / whole.n.sum()]
    if worse.empty:
        sentences.append(f"No other slice of at least {SMALL_SLICE} faces is below the whole set.")
    else:
        worst = worse.loc[worse.accuracy.idxmin()]
        sentences.append(
            f"Of the other slices of at least {SMALL_SLICE} faces, {worst.slice}: {worst.value} "
            f"does worst, {percent(worst.accuracy)} ({span(widest(worst), True)}, "
            f"n = {worst.n:,})."
        )
    return " ".join(sentences)


def widest(row: pd.Series) -> list[float]:
    """The wider of a slice's two intervals."""
    known = [[row.wilson_low, row.wilson_high]]
    if row.subjects_low == row.subjects_low:
        known.append([row.subjects_low, row.subjects_high])
    return max(known, key=lambda bounds: bounds[1] - bounds[0])


def funnel(rows: pd.DataFrame) -> str:
    """The funnel over all sources as a list."""
    steps = rows.groupby("step", sort=False).remaining.sum()
    return ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in steps.items())
