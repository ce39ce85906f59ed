"""The inputs of rules that follow from the settings, as paths with Snakemake's path variables."""

from pathlib import Path

from renet.config import runs, sources
from renet.config.recipe import Recipe

DATA = "<results>/data"


def training_faces(run: dict) -> dict[str, str]:
    """The faces that a run is trained on, and those that its training validates on, if any."""
    if len(runs.trained_on(run)) > 1:
        found = {"faces": f"{DATA}/development.h5"}
    else:
        found = {"faces": f"{DATA}/train.h5", "validation": f"{DATA}/validation.h5"}
    if runs.uses_table(run):
        found["table"] = found["faces"].replace(".h5", ".csv")
    return found


def validating(name: str, run: dict) -> dict[str, str | list[str]]:
    """What validates a run: the validation set, or the predictions of its folds."""
    if count := run["folds"]:
        folder = f"<results>/runs/{name}/folds"
        folds = [f"{folder}/{fold}-of-{count}.csv" for fold in range(1, count + 1)]
        return {"validation_table": f"{DATA}/development.csv", "folds": folds}
    path = f"{DATA}/validation"
    return {"validation_faces": f"{path}.h5", "validation_table": f"{path}.csv"}


def initial_hashes(run: dict) -> str | None:
    """The hashes of the faces that the initial weights were trained on, if they are of a run."""
    weights = Path(next(iter(Recipe(**run["train"]).start_files), "none"))
    hashes = weights.with_name("training_hashes.npy")
    return str(hashes) if weights.stem == "model" and hashes.is_file() else None


def of_subset(config: dict, subset: str) -> dict[str, str | list[str]]:
    """What the HDF5 file of a subset is written from.

    `train` is the file whose mean is stored: every other subset takes that of the training set.
    """
    external = subset in config["external"]
    shards = [one for name in ([subset] if external else config["sources"])
              for one in sources.shards(config, name)]  # fmt: skip
    found: dict[str, str | list[str]] = {
        "split": f"{DATA}/{subset}/split.csv" if external else f"{DATA}/split.csv",
        "faces": [f"{shard}.npy" for shard in shards],
    }
    if external or subset == "train" or config["hdf5"]["mean"] == "none":
        return found
    return found | {"train": f"{DATA}/train.h5"}
