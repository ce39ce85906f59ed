"""The choice of the best run on the validation set."""

from collections.abc import Mapping


def metric_of(compared: str) -> str:
    """The metric of the choice: never a recall, which is highest for a constant prediction."""
    return "accuracy" if compared == "accuracy" else "balanced_accuracy"


def best(validation: Mapping[str, Mapping[str, float]], metric: str) -> str:
    """The run of the highest metric on the validation set; of equal ones the lowest `loss`."""
    digits = 9  # ignores the rounding errors of two ways to compute it

    def rank(run: str) -> tuple[float, float]:
        return round(validation[run][metric], digits), -validation[run]["loss"]

    return max(validation, key=rank)
