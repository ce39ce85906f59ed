"""photos.csv: the kept rows of a source, and where their photos lie in its archives."""

from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from renet.common import drop_reasons
from renet.common.errors import InputError
from renet.common.imdb_wiki import BOX_COLUMNS
from renet.faces import shards

COLUMNS = ["row", "path", "file", "offset", "size", *BOX_COLUMNS]


def are_held(paths: pd.Series, members: pd.DataFrame, folder: str) -> np.ndarray:
    """Whether the archives hold the photos of these paths, which are relative to `folder`.

    Raises:
        InputError: they hold none of them, so that the two cannot belong together.
    """
    held = _places(paths, members, folder) >= 0
    if not held.any():
        raise InputError(
            f"None of the {len(held)} photos is in the archives, where the first would be called "
            f"{PurePosixPath(folder, paths.iloc[0])}; check url and database of this source."
        )
    return held


def _places(paths: pd.Series, members: pd.DataFrame, folder: str) -> np.ndarray:
    """The position of each photo in the index, -1 where it is absent."""
    names = [str(PurePosixPath(folder, path)) for path in paths]
    return pd.Index(members.member).get_indexer(names)


def locate(described: pd.DataFrame, members: pd.DataFrame, folder: str) -> pd.DataFrame:
    """The photos of the kept rows (`COLUMNS`), in the order in which they lie in the archives.

    Args:
        described: as from `metadata.describe`.
        members: as from `archives.index`.
        folder: of the archives, to which paths are relative.
    """
    kept = described.loc[described.status == drop_reasons.KEPT, ["row", "path", *BOX_COLUMNS]]
    found = members.iloc[_places(kept.path, members, folder)]
    kept = kept.assign(**{name: found[name].to_numpy() for name in ("file", "offset", "size")})
    return kept.sort_values(["file", "offset", "row"])[COLUMNS]


def read_share(photos_file: str | Path, shards_count: int, shard: int) -> pd.DataFrame:
    """The lines of photos.csv that a shard (1-based) cuts; the others are not kept in memory."""
    sizes = pd.read_csv(photos_file, usecols=["size"], dtype=np.int64)["size"].to_numpy()
    mine = shards.share(sizes, shards_count, shard)
    return pd.read_csv(
        photos_file,
        skiprows=range(1, 1 + mine.start),
        nrows=mine.stop - mine.start,
        keep_default_na=False,
        na_values={name: ["", "nan"] for name in BOX_COLUMNS},
        dtype={"path": str},
    )
