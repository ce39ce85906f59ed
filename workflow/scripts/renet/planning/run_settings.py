"""Params of a run's jobs, each with the settings that its result depends on, and resources."""

from renet.config.runs import Run, expand, plain
from renet.config.schema import Config


def grid_keys(settings: Config) -> dict[str, dict[str, list]]:
    """For each entry of `runs` with a grid, return the grid's `keys` and the entry's `runs`."""
    return {
        name: {"keys": list(run.grid), "runs": [made for made, _ in expand(name, run)]}
        for name, run in settings.entries.items()
        if run and run.grid
    }


def entries(settings: Config) -> dict[str, str]:
    """Return for each run the name of its entry in `runs`; with a grid, an entry has many runs."""
    made = {entry: expand(entry, run) for entry, run in settings.entries.items()}
    return {name: entry for entry, runs in made.items() for name, _ in runs}


def training_settings(run: Run) -> dict:
    """Return the settings that a run's training depends on: its sections `model` and `train`.

    The fit of a kind without layers depends only on `train.seed`. `threads` is kept for the record
    in training.json.
    """
    values = plain(run)
    if run.model.has_layers:
        return {"model": values["model"], "train": values["train"]}
    return {"model": values["model"], "train": run.train.model_dump(include={"seed", "threads"})}


def with_folds(run: Run) -> dict:
    """Return the settings that a run's results depend on: those of its training, and `folds`."""
    return training_settings(run) | {"folds": run.folds}


def trained_on(run: Run) -> list[str]:
    """Return `train`; with folds, also `validation`, unless this subset selects the epoch."""
    selects = run.train.select_epoch == "best"
    return ["train", "validation"] if run.folds and not selects else ["train"]


def compute_settings(run: Run) -> dict:
    """Return the settings of `renet.network.devices.Compute` for a run."""
    return run.train.model_dump(include={"device", "precision", "threads"})


def resource(name: str, run: Run) -> int:
    """Return the resource `name` of a run's jobs; no result depends on resources.

    `train_threads` and `train_gpus` are for a whole training, `threads` and `gpus` for one process.
    """
    train, gpus = run.train, int(run.train.device != "cpu")
    found = run.resources.model_dump() | {
        "threads": train.threads, "train_threads": train.threads * train.processes,
        "gpus": gpus, "train_gpus": gpus * train.processes,
        "checkpoint_seconds": round(60 * run.checkpoints.minutes),
    }  # fmt: skip
    return found[name]


def fold_settings(run: Run) -> dict:
    """Return the settings that the training of a fold depends on: model and recipe of its run."""
    settings = training_settings(run)
    unused = {"processes"}  # a fold trains in one process
    if settings["train"].get("select_epoch") == "last":
        unused.add("validate_every")  # nothing is validated
    train = {key: value for key, value in settings["train"].items() if key not in unused}
    return settings | {"train": train}


def folds(count: int) -> dict[str, object]:
    """Return the values of the wildcards `fold` and `folds`."""
    return {"fold": range(1, count + 1), "folds": count}
