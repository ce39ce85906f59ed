"""The tables of a cropped source, as the rules before the shuffle leave them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.project import call_script
from renet.common.files import face_digest
from renet.dataset.hdf5 import FaceFile
from renet.faces.shards import SHARD
from renet.metadata.row_filter import METADATA


def cropped_source(
    folder: Path,
    source: str,
    count: int,
    digests: Mapping[int, str] | None = None,
    hashes: Mapping[int, str] | None = None,
    first_shard: int | None = None,
) -> Path:
    """Write metadata.csv and the tables of shards: two photos a person, even rows female.

    Row 0 is dropped, because its photo is too small. Returns the folder.

    Args:
        digests: of the pixels of some rows; all others are different.
        hashes: perceptual hashes of some rows; all others are different.
        first_shard: rows of the first of two shards; None: there is one shard.
    """
    rows = [
        dict.fromkeys(METADATA.columns) | {
            "row": row, "id": f"{source}:{row}", "path": f"{row}.jpg", "source": source,
            "subset": "", "subject": f"0{row // 2}", "name": "", "gender": row % 2, "dob": "",
            "status": "kept", "reason": "",
        }
        for row in range(count)
    ]  # fmt: skip
    METADATA.write(folder / source / "metadata.csv", METADATA.frame(rows))
    cropped = [{"row": 0, "status": "dropped", "reason": "too_small"}] + [
        {
            "row": row, "status": "kept", "reason": "", "index": row - 1, "width": 9, "height": 9,
            "grey": 0, "digest": (digests or {}).get(row, f"{source}{row}"),
            "phash": (hashes or {}).get(row, random_hash(f"{source}{row}")),
            "photo_digest": f"{source} file {row}",
        }
        for row in range(1, count)
    ]  # fmt: skip
    parts = [cropped[:first_shard], cropped[first_shard:]] if first_shard else [cropped]
    for number, part in enumerate(parts, 1):
        path = folder / source / "faces" / f"{number}-of-{len(parts)}.csv"
        SHARD.write(path, SHARD.frame(part))
    return folder


def shuffle(folder: Path, **options: object) -> None:
    """Run shuffle.py on the tables of all shards, or on these `tables`."""
    metadata = sorted(folder.glob("*/metadata.csv"), reverse=True)
    given = {"tables": sorted(folder.glob("*/faces/*.csv")), "own": [], "earlier": None}
    given |= {name: folder / f"{name}.csv" for name in ("split", "funnel", "corrected")}
    call_script("shuffle", **{"metadata": metadata, "settings": {}} | given | options)


def random_hash(name: str) -> str:
    """A perceptual hash that is unlike those of other names."""
    return hashlib.sha256(name.encode()).hexdigest()


def samples_of(targets: np.ndarray, people: int = 20) -> pd.DataFrame:
    """A table of training samples, as the rule `shuffle` writes it."""
    count = len(targets)
    return pd.DataFrame(
        {
            "id": [f"wiki:{number}" for number in range(count)], "source": "wiki",
            "row": range(count), "age": 30, "year": 2000, "face_score": 3.5, "crop_width": 90,
            "crop_height": 91, "grey": 0, "shard": 1, "index": range(count),
            "path": [f"00/{number}.jpg" for number in range(count)],
            "subject": [f"person {number % people}" for number in range(count)],
            "digest": [f"{number:032x}" for number in range(count)],
            "phash": [random_hash(f"{number}") for number in range(count)], "subset": "train",
            "photo_digest": [f"file {number}" for number in range(count)],
            "target": targets,
        }
    )  # fmt: skip


def samples_of_faces(faces: FaceFile, people: int = 20) -> pd.DataFrame:
    digests = list(map(face_digest, faces.pixels))
    return samples_of(faces.targets, people).assign(digest=digests)


def exchanged(table: pd.DataFrame) -> pd.DataFrame:
    """A table with two rows of one class in each other's place."""
    first, second = np.flatnonzero(table.target == 1)[:2]
    order = np.arange(len(table))
    order[[first, second]] = second, first
    return table.iloc[order]
