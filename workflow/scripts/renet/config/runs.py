"""The runs that a config names: the complete settings of each."""

import copy
import dataclasses
import hashlib
import json

from renet.common.errors import InputError
from renet.config import grids
from renet.config.architecture import KINDS

SECTIONS = ("model", "train", "checkpoints", "resources")  # that a run may override
WITHOUT_LAYERS = {"device": "cpu", "processes": 1, "select_epoch": "last"}  # of `train`
UNUSED_BY_FOLDS = ("processes",)  # a fold trains in one process


def runs(config: dict) -> dict[str, dict]:
    """The settings of each run by its name, complete, with `SECTIONS`, `folds`, `learning_curve`.

    A run that is null is off; one with `seeds` or a `grid` becomes several (`grids.expand`).

    Raises:
        InputError: two runs would have the same name.
    """
    complete: dict[str, dict] = {}
    for name, entry in config["runs"].items():
        for run, changes in grids.expand(name, entry):
            if run in complete:
                raise InputError(
                    f"Two entries of `runs` make a run called {run}, and `runs.{name}` is one of "
                    "them; rename it."
                )
            complete[run] = {
                section: copy.deepcopy(config[section]) | changes.get(section, {})
                for section in SECTIONS
            }
            complete[run]["model"] = model_of(config, changes.get("model", {}))
            if not KINDS[complete[run]["model"]["kind"]].has_layers:
                complete[run]["train"] |= WITHOUT_LAYERS
                complete[run]["resources"]["nodes"] = 1
            complete[run]["folds"] = changes.get("folds", 0)
            complete[run]["learning_curve"] = changes.get("learning_curve", [])
    return complete


def grid_keys(config: dict) -> dict[str, dict[str, list]]:
    """For each entry of `runs` with a grid, its `keys` and the names of its `runs`."""
    return {
        name: {"keys": list(entry["grid"]), "runs": [run for run, _ in grids.expand(name, entry)]}
        for name, entry in config["runs"].items()
        if entry and "grid" in entry
    }


def model_of(config: dict, changes: dict) -> dict:
    """The section `model` of a run; that of another kind than the config's has other defaults."""
    kind = changes.get("kind", config["model"]["kind"])
    if kind == config["model"]["kind"]:
        return copy.deepcopy(config["model"]) | changes
    return {"kind": kind} | dataclasses.asdict(KINDS[kind]()) | changes


def scripts(*, folds: bool) -> list[str]:
    """The scripts that make a run, perhaps with folds, from the archives to its pages."""
    return [
        "index_archive.py", "parse_metadata.py", "crop_faces.py", "shuffle.py", "write_hdf5.py",
        "train.py", "infer.py", "evaluate.py", "predictor.py", "report.py",
    ] + ["fold.py"] * folds  # fmt: skip


def training_settings(run: dict) -> dict:
    """What the result of a run's training depends on: its sections `model` and `train`.

    Of a kind without layers, it depends on `train.seed` alone.
    """
    settings = {section: run[section] for section in ("model", "train")}
    if KINDS[run["model"]["kind"]].has_layers:
        return settings
    return settings | {"train": {"seed": run["train"]["seed"]}}


def with_folds(run: dict) -> dict:
    """What a run's results depend on beside the data: the settings of its training, and `folds`."""
    return training_settings(run) | {"folds": run.get("folds", 0)}


def trained_on(run: dict) -> list[str]:
    """The subsets that a run is trained on.

    With folds, the validation set too, unless the training selects its epoch on it.
    """
    selects = run["train"]["select_epoch"] == "best"
    return ["train", "validation"] if run["folds"] and not selects else ["train"]


def uses_table(run: dict) -> bool:
    """Whether a run's training reads the table of its faces: for people, or for ages."""
    return not KINDS[run["model"]["kind"]].has_layers or run["train"]["age_weight"] > 0


def digest(settings: dict) -> str:
    """SHA-256 of settings. The order of their keys does not change it."""
    text = json.dumps(settings, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def compute_settings(run: dict) -> dict:
    """The settings of `renet.network.devices.Compute` for a run.

    A network without layers is one product of a matrix and a vector: it computes in one thread, so
    that its predictions, like its fit, do not depend on `train.threads`.
    """
    settings = {name: run["train"][name] for name in ("device", "precision", "threads")}
    return settings if KINDS[run["model"]["kind"]].has_layers else settings | {"threads": 1}


def fold_settings(run: dict) -> dict:
    """What the training of a fold depends on: model and recipe of its run."""
    settings = training_settings(run)
    train = {key: value for key, value in settings["train"].items() if key not in UNUSED_BY_FOLDS}
    if train.get("select_epoch") == "last":  # nothing is validated
        del train["validate_every"]
    return settings | {"train": train}


def seed_groups(settings: dict[str, dict]) -> list[list[str]]:
    """Groups of runs that differ by `train.seed` alone: two seeds or more, one run of each."""
    groups: dict[str, dict[int, str]] = {}
    for name, of_run in settings.items():
        flat = flatten(of_run)
        seed = flat.pop("train.seed")
        groups.setdefault(repr(sorted(flat.items())), {}).setdefault(seed, name)
    return [list(names.values()) for names in groups.values() if len(names) > 1]


def flatten(settings: dict) -> dict:
    """A run's settings as one level, `train.seed`; what is in no section, `folds`, as it is."""
    flat: dict[str, object] = {}
    for name, of in settings.items():
        flat |= {f"{name}.{key}": of[key] for key in of} if isinstance(of, dict) else {name: of}
    return flat


def folds(settings: dict) -> dict[str, object]:
    """The values of the wildcards `fold` and `folds` for a run, or for the section `audit`."""
    return {"fold": range(1, settings["folds"] + 1), "folds": settings["folds"]}


def learning_curves(complete: dict[str, dict]) -> list[tuple[str, str]]:
    """The points of all learning curves: run and fraction, as in the names of their files."""
    return [(name, f"{one:g}") for name, run in complete.items() for one in run["learning_curve"]]


def reference(config: dict) -> str:
    """The run that the others are compared with: `comparison.reference`, or the first."""
    return named(config, "comparison", "reference") or next(iter(runs(config)))


def named(config: dict, section: str, key: str) -> str | None:
    """The run that a key names; of several seeds, or of a grid, the first.

    Raises:
        InputError: the key names no run that is switched on.
    """
    name, complete = config[section][key], runs(config)
    run, _ = next(grids.expand(name, config["runs"].get(name)), (name, {}))
    if name is not None and run not in complete:
        raise InputError(
            f"`{section}.{key}` is {name}, but no such run is switched on; name one of these: "
            f"{', '.join(complete)}."
        )
    return run
