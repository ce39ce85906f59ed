"""Runs side by side: which settings differ, and which runs differ by their seed alone."""

import statistics


def differences(runs: dict[str, dict]) -> dict[str, list]:
    """The settings in which the runs differ, `section.key` to the value of each run."""
    flat = {name: flatten(run["settings"]) for name, run in runs.items()}
    keys = {key: None for settings in flat.values() for key in settings}
    values = {key: [settings.get(key) for settings in flat.values()] for key in keys}
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


def seed_groups(runs: dict[str, dict]) -> list[list[str]]:
    """The names of runs that differ by `train.seed` alone: two seeds or more, one run of each."""
    groups: dict[str, dict[int, str]] = {}
    for name, run in runs.items():
        settings = flatten(run["settings"])
        seed = settings.pop("train.seed")
        groups.setdefault(repr(sorted(settings.items())), {}).setdefault(seed, name)
    return [list(names.values()) for names in groups.values() if len(names) > 1]


def mean_and_deviation(values: list[float]) -> tuple[float, float]:
    """Mean and sample standard deviation of two or more values."""
    return statistics.fmean(values), statistics.stdev(values)
