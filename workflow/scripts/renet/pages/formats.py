"""Numbers as text, for pages and cards."""

from collections.abc import Iterable

from renet.evaluation.metric_definitions import Metric

UNDEFINED = "–"


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


def value(metric: Metric, number: float | None) -> str:
    """The value of a metric."""
    return percentage(number) if metric.is_fraction else decimal(number)


def interval(metric: Metric, bounds: list[float] | None, missing: str = "") -> str:
    """An interval of a metric, or `missing` if there is none."""
    if bounds is None:
        return missing
    if metric.is_fraction:
        return percentage_interval(bounds)
    return f"{bounds[0]:.3f} to {bounds[1]:.3f}"
