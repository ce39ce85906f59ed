"""The runs that a config names: the complete settings of each."""

import copy

from renet.common.errors import InputError

SECTIONS = ("model", "train", "checkpoints", "resources")  # that a run may override
# A fold of the label audit trains in one process and validates nothing.
UNUSED_BY_AUDIT = ("processes", "sync_batchnorm", "validate_every", "select_epoch")


def runs(config: dict) -> dict[str, dict]:
    """The settings of each run by its name, complete, with the keys `SECTIONS`.

    A run that is null is off; one with `seeds` becomes one run for each of them.

    Raises:
        InputError: two runs would have the same name.
    """
    complete: dict[str, dict] = {}
    for name, changes in config["runs"].items():
        if changes is None:
            continue
        settings = {
            section: copy.deepcopy(config[section]) | changes.get(section, {})
            for section in SECTIONS
        }
        by_seed = {
            f"{name}-seed{seed}": settings | {"train": settings["train"] | {"seed": seed}}
            for seed in changes.get("seeds", [])
        }
        for run, run_settings in (by_seed or {name: settings}).items():
            if run in complete:
                raise InputError(f"Two runs would be called {run}; rename one of them in runs.")
            complete[run] = run_settings
    return complete


def training_settings(run: dict) -> dict:
    """What the result of a run's training depends on: its sections `model` and `train`."""
    return {section: run[section] for section in ("model", "train")}


def compute_settings(run: dict) -> dict:
    """The settings of `renet.network.devices.Compute` for a run."""
    return {name: run["train"][name] for name in ("device", "precision", "threads")}


def audit_run(config: dict) -> dict:
    """The settings of the run whose network and recipe the label audit uses."""
    complete = runs(config)
    return complete[config["audit"]["run"] if config["audit"]["folds"] else next(iter(complete))]


def audit_settings(config: dict) -> dict:
    """What the folds of the label audit depend on: model and recipe of its run."""
    settings = training_settings(audit_run(config))
    train = {key: settings["train"][key] for key in settings["train"] if key not in UNUSED_BY_AUDIT}
    return settings | {"train": train}
