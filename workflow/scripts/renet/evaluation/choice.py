"""The choice of the best run, which the validation set makes."""

from collections.abc import Mapping


def best(validation: Mapping[str, Mapping[str, float]]) -> str:
    """The run of the highest `accuracy` on the validation set, of those the lowest `loss`.

    Of equal ones, the first.
    """
    return max(validation, key=lambda run: (validation[run]["accuracy"], -validation[run]["loss"]))
