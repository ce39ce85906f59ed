"""The params and resources of a run's jobs: each has the settings that it depends on."""

from types import SimpleNamespace

from renet.config import grids
from renet.config.model import KINDS


def grid_keys(config: dict) -> dict[str, dict[str, list]]:
    """For each entry of `runs` with a grid, its `keys` and the names of its `runs`."""
    return {
        name: {"keys": list(entry["grid"]), "runs": [run for run, _ in grids.expand(name, entry)]}
        for name, entry in config["runs"].items()
        if entry and "grid" in entry
    }


def training_settings(run: dict) -> dict:
    """The settings that a run's training depends on: its sections `model` and `train`.

    Of a kind without layers, it depends on `train.seed` alone. The number of threads, which is one,
    is for its record.
    """
    settings = {section: run[section] for section in ("model", "train")}
    if KINDS[run["model"]["kind"]].has_layers:
        return settings
    return settings | {"train": {name: run["train"][name] for name in ("seed", "threads")}}


def with_folds(run: dict) -> dict:
    """The settings that a run's results depend on."""
    return training_settings(run) | {"folds": run.get("folds", 0)}


def trained_on(run: dict) -> list[str]:
    """The subsets that a run is trained on.

    With folds, the validation set too, unless the training selects its epoch on it.
    """
    selects = run["train"]["select_epoch"] == "best"
    return ["train", "validation"] if run["folds"] and not selects else ["train"]


def compute_settings(run: dict) -> dict:
    """The settings of `renet.network.devices.Compute` for a run."""
    return {name: run["train"][name] for name in ("device", "precision", "threads")}


def resources(run: dict) -> SimpleNamespace:
    """The threads, GPUs, memory and machines of a run's jobs, by name; no result depends on them.

    With the prefix `train_`, they are those of its training on each of its machines, and without
    it, those of one process. SLURM would distribute the resource `gpu` over several machines
    itself, so that a training asks there by `gres`; the plugin refuses both.
    """
    train, nodes = run["train"], run["resources"]["nodes"]
    processes = train["processes"] // nodes
    gpus = int(train["device"] != "cpu")  # for each process
    return SimpleNamespace(
        **run["resources"],
        threads=train["threads"],
        train_threads=train["threads"] * processes,
        gpus=gpus,
        train_gpus=gpus * processes if nodes == 1 else None,
        train_gres=f"gpu:{gpus * processes}" if nodes > 1 and gpus else None,
        # By this name of a launcher, the plugin leaves it to the job to start tasks.
        mpi="srun" if nodes > 1 else None,
        checkpoint_seconds=round(60 * run["checkpoints"]["minutes"]),
    )


def fold_settings(run: dict) -> dict:
    """The settings that the training of a fold depends on: model and recipe of its run."""
    settings = training_settings(run)
    unused = {"processes"}  # a fold trains in one process
    if settings["train"].get("select_epoch") == "last":
        unused.add("validate_every")  # nothing is validated
    train = {key: value for key, value in settings["train"].items() if key not in unused}
    return settings | {"train": train}


def folds(settings: dict) -> dict[str, object]:
    """The values of the wildcards `fold` and `folds` for a run, or for the section `audit`."""
    return {"fold": range(1, settings["folds"] + 1), "folds": settings["folds"]}
