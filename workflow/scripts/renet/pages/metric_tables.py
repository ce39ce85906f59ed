"""The metrics of a run: where metrics.json holds them, and how pages and cards show them."""

import statistics
from dataclasses import dataclass
from typing import Any

import pandas as pd

from renet.evaluation.tables import NOT_COMPARED, is_small
from renet.metadata import subjects
from renet.pages import phrases, templates
from renet.pages.results import RunResults, SetResults
from renet.pages.templates import PageTable


@dataclass(frozen=True)
class Metric:
    """One metric of a summary, as `metrics.summarise` returns it."""

    path: tuple[str, ...]  # its keys in the summary
    label: str
    is_fraction: bool = False  # shown as a percentage, else as a decimal number

    @property
    def name(self) -> str:
        """Its key in the summary's `intervals`: `recall_female`."""
        return "_".join(self.path)

    def value(self, summary: dict) -> float | None:
        """The metric in a summary; None where the set or the baseline does not define it."""
        value: Any = summary
        for key in self.path:
            value = value.get(key)
        return value

    def text(self, number: float | None) -> str:
        """A value of the metric as text."""
        return phrases.percentage(number) if self.is_fraction else phrases.decimal(number)

    def interval_text(self, summary: dict, missing: str = phrases.UNDEFINED) -> str:
        """Its 95 % interval in a summary as text, or `missing` if there is none."""
        bounds = summary.get("intervals", {}).get(self.name)
        if bounds is None:
            return missing
        if self.is_fraction:
            return phrases.percentage_interval(bounds)
        return f"{bounds[0]:.3f} to {bounds[1]:.3f}"


METRICS = (
    Metric(("accuracy",), "accuracy", is_fraction=True),
    Metric(("balanced_accuracy",), "balanced accuracy", is_fraction=True),
    Metric(("recall", "female"), "recall of female", is_fraction=True),
    Metric(("recall", "male"), "recall of male", is_fraction=True),
    Metric(("precision", "female"), "precision of female", is_fraction=True),
    Metric(("precision", "male"), "precision of male", is_fraction=True),
    Metric(("mcc",), "Matthews correlation (MCC)"),
    Metric(("roc_auc",), "ROC AUC"),
    Metric(("pr_auc", "female"), "average precision of female"),
    Metric(("pr_auc", "male"), "average precision of male"),
    Metric(("loss",), "log loss"),
    Metric(("brier",), "Brier score"),
    Metric(("ece",), "calibration error (ECE)"),
)
BY_NAME = {metric.name: metric for metric in METRICS}


@dataclass(frozen=True)
class Cell:
    """A metric on a page."""

    label: str
    value: float | None  # to sort by
    text: str
    interval: str = ""
    note: str = ""


def cell(metric: Metric, summary: dict) -> Cell:
    """A metric of a summary with its interval.

    The note says if an accuracy is not significantly above that of the majority class.
    """
    number = metric.value(summary)
    is_compared = metric.name == "accuracy" and "differences" in summary
    note = phrases.against_baseline(summary) if is_compared else ""
    return Cell(metric.label, number, metric.text(number), metric.interval_text(summary, ""), note)


def mean_cell(metric: Metric, summaries: list[dict]) -> Cell:
    """Mean and sample standard deviation of a metric over two or more runs."""
    values: list[Any] = [metric.value(summary) for summary in summaries]
    if None in values:
        return Cell(metric.label, None, phrases.UNDEFINED)
    mean, deviation = statistics.fmean(values), statistics.stdev(values)
    return Cell(metric.label, mean, f"{metric.text(mean)} ± {metric.text(deviation)}")


def metrics_table(metrics: dict, name: str = "test") -> PageTable:
    """Every metric: test set with its interval, validation set and majority baseline.

    Args:
        name: of the set, for the heading of its column.
    """
    test = metrics["test"]
    others = {
        phrases.validation_set(metrics).removesuffix(" set"): metrics["validation"],
        f"always {test['majority_baseline']['class']}": test["majority_baseline"],
    }
    if name.endswith(phrases.OUT_OF_FOLD_SET):  # it is its own validation set
        del others["out-of-fold"]
    rows = [
        [
            metric.label,
            metric.text(metric.value(test)),
            metric.interval_text(test),
            *(metric.text(metric.value(other)) for other in others.values()),
        ]
        for metric in METRICS
    ]
    return PageTable("Metrics", ["metric", name, "95 % interval", *others], rows)


def citation(run: RunResults, data: dict) -> str:
    """A line to cite the run's accuracy: value, interval, method, set, seed and commit."""
    accuracy = cell(BY_NAME["accuracy"], run.stated.metrics["test"])
    return templates.sentences("citation", run, accuracy, data)


def abstention_table(metrics: dict, name: str = "test") -> PageTable | None:
    """Coverage and error of a set of faces and of its groups; None without a threshold."""
    abstention = metrics["abstention"]
    if abstention["threshold"] is None:
        return None
    whole = {"slice": "all", "value": f"{name} faces", **abstention["test"]}
    rows = [
        [
            f"{group['slice']}: {group['value']}",
            f"{group['n']:,}",
            f"{group['accepted']:,}",
            phrases.percentage(group["coverage"]),
            phrases.percentage(group["error"]),
            phrases.percentage_interval(group["error_interval"]),
            phrases.percentage(group["error_of_all"]),
        ]
        for group in [whole, *abstention["groups"]]
        if not is_small(group["n"], group["effective_people"])
    ]
    headings = [
        "group", "faces", "accepted", "coverage", "error of accepted", "95 % interval",
        "error without abstaining",
    ]  # fmt: skip
    return PageTable("Coverage and error by group", headings, rows, collapsed=True)


def slices_table(results: SetResults) -> PageTable:
    """The slices of enough faces for a statement: accuracy, confidence, recalls, differences."""
    test, slices = results.metrics["test"], results.slices
    rows = [
        [
            f"{row.slice}: {row.value}",
            f"{row.n:,}",
            f"{row.subjects:,}",
            phrases.percentage(row.accuracy),
            phrases.percentage_interval([row.low, row.high]),
            phrases.percentage(row.confidence),
            phrases.percentage(row.majority_baseline),
            _difference(row),
            phrases.percentage(row.recall_female),
            phrases.percentage(row.recall_male),
            _gap(row, test["n"]),
        ]
        for row in slices[~is_small(slices.n, slices.effective_people)].itertuples()
    ]
    headings = [
        "slice", "faces", subjects.unit(test), "accuracy", "95 % interval", "mean confidence",
        "always its majority class", "points above the others (corrected p)", "recall of female",
        "recall of male", "difference in points (95 % interval, corrected p)",
    ]  # fmt: skip
    return PageTable("Slices", headings, rows, collapsed=True)


def _difference(row: Any) -> str:
    """`−3.6 (p = 0.012)`, where a slice is compared with the others."""
    tested = "" if pd.isna(row.p_holm) else f" (p {phrases.p_value(row.p_holm)})"
    return f"{phrases.points(row.difference)}{tested}"


def _gap(row: Any, faces: int) -> str:
    """`−3.6 (−9.1 to 1.2, p = 0.012)`, where the genders are compared in a slice."""
    if row.slice in NOT_COMPARED or row.n == faces or pd.isna(row.gap):
        return phrases.UNDEFINED
    tested = "" if pd.isna(row.gap_p_holm) else f", p {phrases.p_value(row.gap_p_holm)}"
    interval = f"{phrases.points(row.gap_low)} to {phrases.points(row.gap_high)}"
    return f"{phrases.points(row.gap)} ({interval}{tested})"
