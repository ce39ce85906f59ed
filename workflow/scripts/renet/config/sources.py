"""The sources of faces that a config names: their archives, receipts, shards and crop settings."""

import os

from renet.common.errors import InputError
from renet.common.imdb_wiki import ARCHIVE_MARGIN, TABLE
from renet.config import urls

SAMPLE = "sample"
SAMPLE_FILE = "wiki_crop.tar"
SAMPLE_ARCHIVE = {"database": "wiki", "photos": "crop", "table": None}
DIGESTS = ("md5", "sha256")


def archive(config: dict, source: str) -> dict:
    """The archive of a source, complete: urls, digests, database, table, photos, shards.

    Raises:
        InputError: the source is not in `archives`, a URL cannot be used, or lists do not fit
            together.
    """
    if source == SAMPLE:
        return SAMPLE_ARCHIVE | {"urls": [], "digests": [], "shards": config["sample"]["shards"]}
    if source not in config["archives"]:
        known = ", ".join([SAMPLE, *config["archives"]])
        raise InputError(f"sources names {source}, which is not one of the archives: {known}.")
    given = config["archives"][source]
    addresses = _as_list(given["url"])
    found = [f"{kind}:{value}" for kind in DIGESTS for value in _as_list(given.get(kind) or [])]
    if found and len(found) != len(addresses):
        raise InputError(
            f"archives.{source} has {len(addresses)} URLs and {len(found)} digests; give one md5 "
            "or one sha256 for each URL, in the same order, or none."
        )
    _check_names(source, addresses)
    table = given.get("table")
    if (table is not None) != (given["database"] == TABLE):
        raise InputError(
            f"archives.{source} needs both `database: table` and a path under `table`, or neither."
        )
    return {
        "urls": addresses,
        "digests": found or [None] * len(addresses),
        "table": table,
        **{key: given[key] for key in ("database", "photos", "shards")},
    }


def _as_list(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def _check_names(source: str, addresses: list[str]) -> None:
    names = [urls.file_name(url) for url in addresses]
    tars = {urls.tar_name(name) or name for name in names}
    if len(tars) != len(names):
        raise InputError(
            f"archives.{source} has two URLs whose files, or the tars in them, have the same name."
        )


def receipts(config: dict, source: str) -> list[str]:
    """The receipts of a source's archive files, in the order of the config."""
    if source == SAMPLE:
        names = [SAMPLE_FILE]
    else:
        names = [urls.file_name(url) for url in archive(config, source)["urls"]]
    return [f"resources/{source}/{name}.json" for name in names]


def url_and_digest(config: dict, source: str, file: str) -> tuple[str, str | None]:
    """The URL of one archive file of a source, and the digest that the config gives for it."""
    given = archive(config, source)
    number = receipts(config, source).index(f"resources/{source}/{file}.json")
    return given["urls"][number], given["digests"][number]


def local_paths(url: str) -> list[str]:
    """The path of a file:// URL, to be an input of a rule; nothing for other URLs.

    A folder comes with all its subfolders: a new file changes the time stamp of its own folder
    only.
    """
    path = urls.local_path(url)
    if path is None:
        return []
    return [str(path), *sorted(folder for folder, _, _ in os.walk(path) if folder != str(path))]


def shards(config: dict, source: str) -> list[str]:
    """The paths of all shards of a source, without their suffixes."""
    count = archive(config, source)["shards"]
    return [f"results/data/{source}/faces/{number}-of-{count}" for number in range(1, count + 1)]


def image_size(config: dict) -> list[int]:
    """[height, width] of the faces."""
    size = config["crop"]["size"]
    return list(size) if isinstance(size, list) else [size, size]


def crop_settings(config: dict, source: str) -> dict:
    """The settings of `renet.faces.crop.CropSpec` for one source.

    The EXIF orientation applies to a user's own photos only: the boxes of the archives are in the
    stored frame. A margin of None leaves a user's own ready-made crops as they are, since nobody
    knows what margin they have.

    Raises:
        InputError: as `archive`, or the crops of an archive have a smaller margin.
    """
    given = archive(config, source)
    own, whole = given["table"] is not None, given["photos"] == "whole"
    margin = config["crop"]["margin"]
    if not own and not whole and margin > ARCHIVE_MARGIN:
        raise InputError(
            f"crop.margin is {margin:g}, and the crops of the source {source} have only "
            f"{ARCHIVE_MARGIN:g} around the face; lower it, or take the whole photos."
        )
    return {
        "size": image_size(config),
        "margin": None if own and not whole else margin,
        "whole": whole,
        "turn": own,
    }
