"""Metrics of a run: their keys in metrics.json, and the tables of pages and cards."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from renet.evaluation.inference_table import OUT_OF_FOLD
from renet.evaluation.summary import Metrics, SetSummary
from renet.pages import filters
from renet.pages.results import RunResults, SetResults
from renet.pages.templates import PageTable, sentences


@dataclass(frozen=True)
class Metric:
    """One metric of a `SetSummary`."""

    path: tuple[str, ...]  # nested keys of the metric in the summary
    label: str
    is_fraction: bool = False  # shown as a percentage, else as a decimal number

    @property
    def name(self) -> str:
        """Key of the metric in the summary's `intervals`, such as `recall_female`."""
        return "_".join(self.path)

    def value(self, summary: Metrics) -> Any:
        """Return the metric's value in a summary; None if the summary has no such value."""
        value: Any = summary
        for key in self.path:
            value = getattr(value, key, None)  # the baseline has no loss
        return value

    def text(self, number: float | None) -> str:
        """Format a value of the metric."""
        return filters.percentage(number) if self.is_fraction else filters.decimal(number)

    def interval_text(self, summary: SetSummary) -> str:
        """Format the metric's 95 % interval in a summary."""
        bounds = summary.intervals.get(self.name)  # the loss has no interval
        if bounds is None or self.is_fraction:
            return filters.interval(bounds)
        return " to ".join(map(filters.decimal, bounds))


METRICS = (
    Metric(("accuracy",), "accuracy", is_fraction=True),
    Metric(("balanced_accuracy",), "balanced accuracy", is_fraction=True),
    Metric(("recall", "female"), "recall of female", is_fraction=True),
    Metric(("recall", "male"), "recall of male", is_fraction=True),
    Metric(("precision", "female"), "precision of female", is_fraction=True),
    Metric(("precision", "male"), "precision of male", is_fraction=True),
    Metric(("roc_auc",), "ROC AUC"),
    Metric(("loss",), "log loss"),
)
BY_NAME = {metric.name: metric for metric in METRICS}


def metrics_table(results: SetResults) -> PageTable:
    """Return a table of all metrics: value and interval on a set, and the baseline's value.

    A further column has the validation set, unless the set is its own validation set (out-of-fold).
    """
    test, baseline = results.test, results.test.majority_baseline
    validated = results.metrics.calibration.fitted_on
    others: dict[str, Metrics] = {}
    if validated != results.set:
        others[validated] = results.metrics.validation
    others[f"always {baseline.majority}"] = baseline
    headings = ["metric", results.set, "95 % interval", *others]
    rows = [
        [metric.label, metric.text(metric.value(test)), metric.interval_text(test),
         *(metric.text(metric.value(other)) for other in others.values())]
        for metric in METRICS
    ]  # fmt: skip
    headings = ["out-of-fold" if heading == OUT_OF_FOLD else heading for heading in headings]
    return PageTable("Metrics" + _suffix(results), headings, rows, collapsed=results.set != "test")


def slices_table(results: SetResults, metric: Metric) -> PageTable:
    """Return a table of the slices that are not `small`: recalls, and differences of the metric."""
    rows = [
        [
            filters.group_name(row),
            f"{row.n:,}",
            f"{row.subjects:,}",
            filters.percentage(row.recall_female),
            filters.interval([row.recall_female_low, row.recall_female_high]),
            filters.percentage(row.recall_male),
            filters.interval([row.recall_male_low, row.recall_male_high]),
            filters.points(row.difference),
            "–" if pd.isna(row.p_holm) else filters.p_value(row.p_holm).removeprefix("= "),
        ]
        for row in results.slices.itertuples()
        if not (row.small or results.test.small)
    ]
    headings = [
        "group", "faces", sentences("unit", results.test), "recall of female", "95 % interval",
        "recall of male", "95 % interval", f"{metric.label}: difference from the others, points",
        "corrected p",
    ]  # fmt: skip
    title = f"Groups of enough faces and people{_suffix(results)}"
    return PageTable(title, headings, rows, collapsed=True)


def _suffix(results: SetResults) -> str:
    """Return the end of a table's label, which names the set; "" for the test set."""
    return "" if results.set == "test" else f" of the {sentences('set_name', results.set)}"


def history_table(run: RunResults) -> PageTable:
    """Return a table of the metrics of each epoch."""
    rows = run.history.map(lambda value: filters.UNDEFINED if pd.isna(value) else f"{value:.4g}")
    headings = [name.replace("_", " ") for name in rows]
    return PageTable("Metrics by epoch", headings, rows.to_numpy().tolist(), collapsed=True)
