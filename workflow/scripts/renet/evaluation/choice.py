"""The choice of the best run, which the validation set makes."""

from collections.abc import Mapping


def metric_of(compared: str) -> str:
    """The metric of the choice: the config's `comparison.metric`, but no recall.

    A network that always predicts one class has the highest recall of it.
    """
    return "accuracy" if compared == "accuracy" else "balanced_accuracy"


def best(validation: Mapping[str, Mapping[str, float]], metric: str) -> str:
    """The run of the highest metric on the validation set, of those the lowest `loss`.

    Of equal ones, the first.
    """
    digits = 9  # without the rounding errors of two ways to compute it

    def rank(run: str) -> tuple[float, float]:
        return round(validation[run][metric], digits), -validation[run]["loss"]

    return max(validation, key=rank)
