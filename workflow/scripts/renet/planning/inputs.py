"""Input paths of rules by the settings, with Snakemake's path variables such as <results>."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from renet.common import files
from renet.common.photo_formats import is_hidden
from renet.config.runs import Run
from renet.config.schema import Config
from renet.planning import run_settings

DATA = "<results>/data"
SHARD = f"{DATA}/{{source}}/faces/{{shard}}-of-{{shards}}"  # without the suffix


def face_file(run: Run) -> str:
    """Return the HDF5 file of the faces that a run is trained on."""
    return f"{DATA}/{'development' if len(run_settings.trained_on(run)) > 1 else 'train'}.h5"


def training_faces(run: Run) -> dict[str, str]:
    """Return the inputs of a training: `faces` and, if needed, `validation` faces and a `table`."""
    found = {"faces": face_file(run)}
    if len(run_settings.trained_on(run)) == 1:
        found["validation"] = f"{DATA}/validation.h5"
    # An SVM needs the people, age groups the ages.
    if not run.model.has_layers or run.train.age_weight > 0:
        found["table"] = found["faces"].replace(".h5", ".csv")
    return found


def validating(runs: Mapping[str, Run], wildcards: Any) -> dict[str, str | list[str]]:
    """Return what validates a job's run: the validation set, or the predictions of the folds."""
    if count := runs[wildcards.run].folds:
        folder = f"<results>/runs/{wildcards.run}/folds"
        folds = [f"{folder}/{fold}-of-{count}.csv" for fold in range(1, count + 1)]
        return {"validation_table": f"{DATA}/development.csv", "folds": folds}
    path = f"{DATA}/validation"
    return {"validation_faces": f"{path}.h5", "validation_table": f"{path}.csv"}


def initial_hashes(run: Run) -> str | None:
    """Return the hash file of the faces that initial weights were trained on, if it exists."""
    weights = Path(next(iter(run.train.start_files), "none"))
    hashes = weights.with_name("training_hashes.npy")
    return str(hashes) if weights.stem == "model" and hashes.is_file() else None


def subset_files(settings: Config, wildcards: Any) -> dict[str, str | list[str]]:
    """Return the inputs of a subset's HDF5 file; `train`, if needed, is train.h5 with the mean."""
    subset = wildcards.subset
    external = subset in settings.external
    found: dict[str, str | list[str]] = {
        "split": f"{DATA}/{subset}/split.csv" if external else f"{DATA}/split.csv",
        "faces": shards(settings, [subset] if external else settings.sources, ".npy"),
    }
    if external or subset == "train" or settings.hdf5.mean == "none":
        return found
    return found | {"train": f"{DATA}/train.h5"}


def receipts(settings: Config, names: Iterable[str]) -> list[str]:
    """Return the receipts of the sources' archive files, in the order of the config."""
    used = settings.used_archives
    return [f"<resources>/{name}/{file}.json" for name in names for file in used[name].files]


def places_state(places: Iterable[str]) -> str:
    """Return a digest of path, size and time stamp of files, and of all files below folders.

    Snakemake ignores a change to an earlier time stamp, and a changed photo does not change the
    time stamp of its folder. Hidden files in folders are left out.
    """
    state = hashlib.sha256()
    for place in map(Path, places):
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file() and not is_hidden(path.relative_to(place).as_posix()):
                status = path.stat()
                state.update(os.fsencode(path))
                state.update(f"\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return state.hexdigest()


def file_states(paths: Iterable[str | None]) -> list[str]:
    """Return digests ("" for no file), because Snakemake ignores a new file with an older time."""
    named = [Path(path or "").expanduser() for path in paths]
    return [files.file_digest(path) if path.is_file() else "" for path in named]


def shards(settings: Config, names: Iterable[str], *suffixes: str) -> list[str]:
    """Return the files with these suffixes of all shards of the named sources."""
    count_of = {name: settings.used_archives[name].shards for name in names}
    return [
        SHARD.format(source=name, shard=number, shards=count) + suffix
        for name, count in count_of.items()
        for number in range(1, count + 1)
        for suffix in suffixes
    ]
