"""Metrics as the cells and tables of pages and cards."""

from dataclasses import dataclass

from renet.evaluation.metric_definitions import BRIER, ECE, LOSS, METRICS, Metric
from renet.pages import formats, run_comparison
from renet.pages.templates import PageTable


@dataclass(frozen=True)
class Cell:
    """A metric on a page: its label, the number to sort by, and the text of value and interval."""

    label: str
    value: float | None
    text: str
    interval: str = ""


def cell(metric: Metric, summary: dict) -> Cell:
    """A metric of a summary with the wider of its intervals."""
    number, bounds = metric.value(summary), formats.wider(metric.intervals(summary).values())
    text, interval = formats.value(metric, number), formats.interval(metric, bounds)
    return Cell(metric.label, number, text, interval)


def mean_cell(metric: Metric, summaries: list[dict]) -> Cell:
    """Mean and standard deviation of a metric over several runs."""
    numbers = [metric.value(summary) for summary in summaries]
    if None in numbers:
        return Cell(metric.label, None, formats.UNDEFINED)
    mean, deviation = run_comparison.mean_and_deviation(numbers)
    text = f"{formats.value(metric, mean)} ± {formats.value(metric, deviation)}"
    return Cell(metric.label, mean, text)


def metrics_table(metrics: dict) -> PageTable:
    """Every metric: test set with both intervals, validation set and majority baseline."""
    test, rows = metrics["test"], []
    for metric in METRICS:
        intervals = metric.intervals(test)
        rows.append(
            [
                metric.label,
                formats.value(metric, metric.value(test)),
                formats.interval(metric, intervals.get("subjects"), formats.UNDEFINED),
                formats.interval(metric, intervals.get("wilson"), formats.UNDEFINED),
                formats.value(metric, metric.value(metrics["validation"])),
                formats.value(metric, metric.value(test["majority_baseline"])),
            ]
        )
    baseline = f"always {test['majority_baseline']['class']}"
    headings = ["metric", "test", "bootstrap over people", "Wilson", "validation", baseline]
    return PageTable("Metrics", headings, rows)


def calibration_table(metrics: dict) -> PageTable:
    """Log loss, Brier score and ECE of the test set, without and with temperature scaling."""
    rows = [
        [
            metric.label,
            formats.decimal(metric.value(metrics["test"])),
            formats.decimal(metric.value(metrics["calibration"])),
        ]
        for metric in (LOSS, BRIER, ECE)
    ]
    headings = ["metric of the test set", "uncalibrated", "temperature scaling"]
    return PageTable("Calibration", headings, rows)
