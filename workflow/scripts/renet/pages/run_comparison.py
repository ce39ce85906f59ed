"""Comparison of runs: the settings that differ, and the runs that differ by their seed alone."""

import statistics


def differences(settings: dict[str, dict]) -> dict[str, list]:
    """The settings that differ, as `section.key` and the value of each run.

    Args:
        settings: of each run, by its name.
    """
    flat = [flatten(of_run) for of_run in settings.values()]
    keys = dict.fromkeys(key for of_run in flat for key in of_run)
    values = {key: [of_run.get(key) for of_run in flat] for key in keys}
    return {key: found for key, found in values.items() if any(v != found[0] for v in found)}


def flatten(settings: dict, prefix: str = "") -> dict:
    """Nested settings as one level, `train.seed`; lists stay as they are."""
    flat = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def seed_groups(settings: dict[str, dict]) -> list[list[str]]:
    """Groups of runs that differ by `train.seed` alone: two seeds or more, one run of each."""
    groups: dict[str, dict[int, str]] = {}
    for name, of_run in settings.items():
        flat = flatten(of_run)
        seed = flat.pop("train.seed")
        groups.setdefault(repr(sorted(flat.items())), {}).setdefault(seed, name)
    return [list(names.values()) for names in groups.values() if len(names) > 1]


def mean_and_deviation(values: list[float]) -> tuple[float, float]:
    """Mean and sample standard deviation of two or more values."""
    return statistics.fmean(values), statistics.stdev(values)
