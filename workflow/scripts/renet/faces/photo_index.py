"""Find a source's photos in its archives, and divide the photos into shards."""

import itertools
import logging
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from renet.common import drop_reasons
from renet.common.errors import InputError
from renet.common.imdb_wiki import BOX_COLUMNS
from renet.common.photo_formats import HIDDEN, SUFFIXES
from renet.common.table import Table

NAMED = 9  # missing photos that are compared with the members
# photos.csv: the photos of a source's kept rows, in their order in the archives.
PHOTOS = Table(
    {
        "row": int, "path": str, "file": int, "offset": int, "size": int,
        **dict.fromkeys(BOX_COLUMNS, float),
    }
)  # fmt: skip


def positions(paths: pd.Series, members: pd.DataFrame, folder: PurePosixPath) -> np.ndarray:
    """Return each photo's row in `members`, -1 if missing; `paths` are relative to `folder`."""
    names = [str(folder / path) for path in paths]
    found = pd.Index(members.member).get_indexer(names)
    if (found < 0).any():  # macOS stores accents in names as separate characters
        found = np.where(found < 0, _composed_positions(names, members.member), found)
    if not (found >= 0).any():
        raise InputError(
            f"None of the {len(names)} photos is in the archives. The first is {names[0]}, and the "
            f"archives have {_nearest(names[0], members.member)}; {_way_out(names, members.member)}"
        )
    return found


def photos(members: pd.DataFrame) -> pd.Series:
    """Return the paths of the photos in an index of archives, without hidden files."""
    is_photo = members.member.str.lower().str.endswith(SUFFIXES)
    return members.member[is_photo & ~members.member.str.contains(HIDDEN)]


def log_differences(
    rows: pd.DataFrame, members: pd.DataFrame, positions: np.ndarray, source: str
) -> None:
    """Warn of photos that only the table or the archives have, and of a table without names."""
    if (rows["name"] == "").all():
        logging.warning(
            "The archive %s names no subject: each photo counts as a person of its own, and a "
            "person can be in both the training and the test set. Add a column `subject`, unless "
            "each person has one photo.",
            source,
        )
    if len(missing := rows.path[positions < 0].unique()):
        logging.warning(
            "The table of %s lists photos that the folder or tar lacks, dropped as missing_file: "
            "%d. The first is %s; the folder or tar has %s.",
            source, len(missing), missing[0], _nearest(missing[0], members.member),
        )  # fmt: skip
    others = photos(members.drop(positions[positions >= 0]))
    if len(others):
        logging.warning(
            "Photos of the folder or tar that the table of %s does not list, which are not used: "
            "%d. The first is %s.",
            source, len(others), others.iloc[0],
        )  # fmt: skip


def _nearest(path: str, members: pd.Series) -> str:
    """Return the member whose path ends most like a missing photo's path, or the first member."""
    return max(members, key=lambda member: _shared_end(path, member), default="no file")


def _shared_end(path: str, other: str) -> int:
    """Return the number of parts at the end of two paths that are equal, ignoring case."""
    pairs = zip(path.lower().split("/")[::-1], other.lower().split("/")[::-1], strict=False)
    return len([*itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)])


def _way_out(names: list[str], members: pd.Series) -> str:
    """Return the end of the error message: how to turn the missing paths into paths of members."""
    pairs = [(name, _nearest(name, members)) for name in names[:NAMED]]
    name, member = max(pairs, key=lambda pair: _shared_end(*pair))
    if not (end := _shared_end(name, member)):
        return "check the paths, and `url` and `database` of this source."
    leading = (path.split("/")[:-end] for path in (name, member))
    wrong, right = ("".join(f"{part}/" for part in parts) for parts in leading)
    known = {member.lower(): member for member in members}
    changed = (right + name.removeprefix(wrong) for name in names)
    found = [name for name in changed if name.lower() in known]
    steps = [f"remove {wrong}"] * bool(wrong) + [f"write {right} before each"] * bool(right)
    if any(known[name.lower()] != name for name in found):
        steps.append("write upper and lower case as in the archives")
    return f"{len(found)} of the paths fit if you {' and '.join(steps)}."


def _composed_positions(names: list[str], members: pd.Series) -> np.ndarray:
    """Return each photo's row in `members` by its name in Unicode's NFC, -1 unless found once."""
    composed, wanted = (pd.Series(paths).str.normalize("NFC") for paths in (members, names))
    once = np.flatnonzero(~composed.duplicated(keep=False))
    places = pd.Index(composed.iloc[once]).get_indexer(wanted)
    return np.where(places < 0, -1, once[places]) if len(once) else places


def locate(metadata: pd.DataFrame, members: pd.DataFrame, positions: np.ndarray) -> pd.DataFrame:
    """Return the table `PHOTOS` of the kept rows; `positions` has each row's place in `members`."""
    is_kept = metadata.status == drop_reasons.KEPT
    found = members.iloc[positions[is_kept]]
    places = {name: found[name].to_numpy() for name in ("file", "offset", "size")}
    return metadata[is_kept].assign(**places).sort_values(["file", "offset", "row"])


def read_shard(photos_file: str | Path, shards: int, shard: int) -> pd.DataFrame:
    """Return the rows of photos.csv in a shard (numbered from 1)."""
    photos = PHOTOS.read(photos_file)
    chosen = shard_photos(photos["size"].to_numpy(np.float64), shards, shard)
    return photos[chosen].reset_index(drop=True)


def shard_photos(sizes: np.ndarray, shards: int, shard: int) -> slice:
    """Return the slice of a shard's photos, so that shards have about equal sums of `sizes`."""
    middles = sizes.cumsum() - sizes / 2
    bounds = np.array([shard - 1, shard]) * sizes.sum() / shards
    start, stop = np.searchsorted(middles, bounds)
    return slice(int(start), len(sizes) if shard == shards else int(stop))
