"""The metrics of a run: where metrics.json holds them, and their tables on pages and cards."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from renet.evaluation.tables import NOT_COMPARED, OUT_OF_FOLD, is_small
from renet.pages import filters
from renet.pages.results import SetResults


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

    def value(self, summary: dict) -> Any:
        """The metric in a summary; None where the set or the baseline does not define it."""
        value: Any = summary
        for key in self.path:
            value = value.get(key)
        return value

    def text(self, number: float | None) -> str:
        """A value of the metric as text."""
        return filters.percentage(number) if self.is_fraction else filters.decimal(number)

    def bounds(self, summary: dict) -> list[float] | None:
        """Its 95 % interval in a summary; None if there is none."""
        return summary.get("intervals", {}).get(self.name)

    def interval_text(self, summary: dict) -> str:
        """Its 95 % interval in a summary as text."""
        bounds = self.bounds(summary)
        if bounds is None or self.is_fraction:
            return filters.interval(bounds)
        return " to ".join(map(filters.decimal, bounds))

    def lead(self, summary: dict) -> tuple[float, list[float]]:
        """How much it is above the baseline, with the interval of that."""
        if self.name == "accuracy":
            difference = summary["differences"]["over_baseline"]
            return difference["value"], difference["interval"]
        value, guess = self.value(summary), self.value(summary["majority_baseline"])
        return value - guess, [one - guess for one in self.bounds(summary) or ()]


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


def metric_rows(results: SetResults) -> list[list[str]]:
    """Every metric of a set: its value, its interval, validation set and majority baseline.

    The out-of-fold set is its own validation set, and has no column of it.
    """
    test, others = results.test, [results.metrics["validation"], results.test["majority_baseline"]]
    if results.set == OUT_OF_FOLD:
        del others[0]
    return [
        [metric.label, *(metric.text(metric.value(test)), metric.interval_text(test)),
         *(metric.text(metric.value(other)) for other in others)]
        for metric in METRICS
    ]  # fmt: skip


def abstention_rows(results: SetResults) -> list[list[str]]:
    """Coverage and error of a set and of its groups; nothing without a threshold."""
    abstention = results.metrics["abstention"]
    if abstention["threshold"] is None:
        return []
    whole = {"slice": "all", "value": f"{results.set} faces", **abstention["test"]}
    return [
        [
            f"{group['slice']}: {group['value']}",
            f"{group['n']:,}",
            f"{group['accepted']:,}",
            filters.percentage(group["coverage"]),
            filters.percentage(group["error"]),
            filters.interval(group["error_interval"]),
            filters.percentage(group["error_of_all"]),
        ]
        for group in [whole, *abstention["groups"]]
        if not is_small(group["n"], group["effective_people"])
    ]


def slice_rows(results: SetResults) -> list[list[str]]:
    """The slices of enough faces for a statement: accuracy, confidence, recalls, differences."""
    return [
        [
            f"{row.slice}: {row.value}",
            f"{row.n:,}",
            f"{row.subjects:,}",
            filters.percentage(row.accuracy),
            filters.interval([row.low, row.high]),
            filters.percentage(row.confidence),
            filters.percentage(row.majority_baseline),
            f"{filters.points(row.difference)}{_tested(' (p {})', row.p_holm)}",
            filters.percentage(row.recall_female),
            filters.percentage(row.recall_male),
            _gap(row, results.test["n"]),
        ]
        for row in results.shown_slices.itertuples()
    ]


def _gap(row: Any, faces: int) -> str:
    """`−3.6 (−9.1 to 1.2, p = 0.012)`, where the genders are compared in a slice."""
    if row.slice in NOT_COMPARED or row.n == faces or pd.isna(row.gap):
        return filters.UNDEFINED
    interval = filters.points_interval([row.gap_low, row.gap_high])
    return f"{filters.points(row.gap)} ({interval}{_tested(', p {}', row.gap_p_holm)})"


def _tested(text: str, p_value: float) -> str:
    return "" if pd.isna(p_value) else text.format(filters.p_value(p_value))
