"""Params and resources of a run's jobs: each has the settings that it depends on."""

from renet.config.runs import Run, expand, plain
from renet.config.schema import Config


def grid_keys(settings: Config) -> dict[str, dict[str, list]]:
    """For each entry of `runs` with a grid, its `keys` and the names of its `runs`."""
    return {
        name: {"keys": list(run.grid), "runs": [made for made, _ in expand(name, run)]}
        for name, run in settings.entries.items()
        if run and run.grid
    }


def entries(settings: Config) -> dict[str, str]:
    """The entry of `runs` that makes each run."""
    made = {entry: expand(entry, run) for entry, run in settings.entries.items()}
    return {name: entry for entry, runs in made.items() for name, _ in runs}


def training_settings(run: Run) -> dict:
    """Settings that a run's training depends on: its sections `model` and `train`.

    The fit of a kind without layers depends on `train.seed` alone. Its record also has the number
    of threads.
    """
    values = plain(run)
    if run.model.has_layers:
        return {"model": values["model"], "train": values["train"]}
    return {"model": values["model"], "train": run.train.model_dump(include={"seed", "threads"})}


def with_folds(run: Run) -> dict:
    """Settings that a run's results depend on."""
    return training_settings(run) | {"folds": run.folds}


def trained_on(run: Run) -> list[str]:
    """Subsets that a run is trained on: with folds, also the validation set, unless it selects the
    epoch."""
    selects = run.train.select_epoch == "best"
    return ["train", "validation"] if run.folds and not selects else ["train"]


def compute_settings(run: Run) -> dict:
    """Settings of `renet.network.devices.Compute` for a run."""
    return run.train.model_dump(include={"device", "precision", "threads"})


def resource(name: str, run: Run) -> int:
    """Threads, GPUs, memory or time of a run's jobs; no result depends on it.

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
    """Settings that the training of a fold depends on: model and recipe of its run."""
    settings = training_settings(run)
    unused = {"processes"}  # a fold trains in one process
    if settings["train"].get("select_epoch") == "last":
        unused.add("validate_every")  # nothing is validated
    train = {key: value for key, value in settings["train"].items() if key not in unused}
    return settings | {"train": train}


def folds(count: int) -> dict[str, object]:
    """Values of the wildcards `fold` and `folds`."""
    return {"fold": range(1, count + 1), "folds": count}
