"""The sources of faces that a config names: their archives and crop settings."""

import contextlib
import csv
import functools
from pathlib import Path

from renet.common import urls
from renet.common.delimiters import find_delimiter
from renet.common.errors import InputError
from renet.common.imdb_wiki import ARCHIVE_MARGIN, BOX_COLUMNS, TABLE
from renet.config import labels

SAMPLE = "sample"
SAMPLE_FILE = "wiki_crop.tar"
SAMPLE_ARCHIVE: dict = {
    "url": [], "license": None, "database": "wiki", "photos": "crop", "subjects": "shared",
}  # fmt: skip
DIGESTS = ("md5", "sha256")
TERMS = "academic research only"  # IMDB-WIKI's licence


def archive(config: dict, source: str) -> dict:
    """The archive of a source, complete: its settings, files, urls and digests."""
    sample = SAMPLE_ARCHIVE | {"shards": config["sample"]["shards"]}
    archives = {SAMPLE: sample} | config["archives"]
    if source not in archives:
        section = "external" if source in config["external"] else "sources"
        known = ", ".join(archives)
        raise InputError(f"`{section}` names {source}, which is not one of the archives: {known}.")
    settings = archives[source]
    addresses = labels.as_list(settings["url"])
    digests = [
        f"{kind}:{value}" for kind in DIGESTS for value in labels.as_list(settings.get(kind, []))
    ]
    if digests and len(digests) != len(addresses):
        raise InputError(
            f"`archives.{source}` has {len(addresses)} URLs and {len(digests)} digests; give one "
            "md5 or one sha256 for each URL, in the same order, or none."
        )
    names = [SAMPLE_FILE] if source == SAMPLE else [urls.file_name(url) for url in addresses]
    if len({(urls.tar_name(name) or name).removesuffix(".tar") for name in names}) < len(names):
        raise InputError(
            f"`archives.{source}` has two URLs whose files or tars have the same name; rename one."
        )
    labelled = labels.read(f"archives.{source}", settings)
    slices = settings.get("slices", [])
    if slices and not labelled["labels"]:
        raise InputError(
            f"`archives.{source}.slices` names columns of a table, but the archive has neither "
            "`table` nor `labels`; add one of them, or remove `slices`."
        )
    return {
        **labelled,
        "files": names,
        "urls": addresses,
        "digests": digests or [None] * len(addresses),
        "table": settings.get("table"),
        "license": settings.get("license", None if settings["database"] == TABLE else TERMS),
        "datasheet": settings.get("datasheet", ""),
        "slices": list(dict.fromkeys(map(str.lower, slices))),
        "detected": _detected(source, settings, labelled["labels"]),
        **{key: settings[key] for key in ("database", "photos", "shards", "subjects")},
    }


@functools.cache  # a start asks dozens of times
def examine_table(table: str, *required: str) -> tuple[list[str], bool]:
    """The header of a user's CSV, in lower case, and whether a row before any error has a box."""
    header: list[str] = []
    with (
        contextlib.suppress(OSError, csv.Error),  # reported where the table is used
        Path(table).expanduser().open(encoding="utf-8-sig", errors="replace", newline="") as lines,
    ):
        delimiter = find_delimiter(lines.readline(), required)
        lines.seek(0)
        rows = csv.reader(lines, delimiter=delimiter)
        header += [field.strip().lower() for field in next(rows, [])]
        sides = [place for place, name in enumerate(header) if name in BOX_COLUMNS]
        fields = (row[place : place + 1] for row in rows for place in sides) if sides else ()
        return header, any("".join(field).strip() for field in fields)
    return header, False


def _detected(source: str, settings: dict, labelled: dict) -> str | None:
    """The face of a photo that the detector takes; None if this archive does not use it."""
    is_detected = settings["database"] == TABLE and settings["photos"] == "whole"
    is_detected &= "box" not in settings.get("labels", {})
    if is_detected and settings.get("table"):
        is_detected = not examine_table(settings["table"], *labelled["required"])[1]
    if "faces" in settings and not is_detected:
        raise InputError(
            f"`archives.{source}.faces` is for the face detector, which is used only for own "
            "photos with `photos: whole` and without boxes in the table; remove `faces`."
        )
    return settings.get("faces", "one") if is_detected else None


def with_external(config: dict) -> list[str]:
    """The sources, and those of the external test sets."""
    return [*config["sources"], *config["external"]]


def detected(config: dict) -> dict[str, str]:
    """The sources that need the detector, with the face to take: one or largest."""
    found = {name: archive(config, name)["detected"] for name in with_external(config)}
    return {name: faces for name, faces in found.items() if faces}


def sliced(config: dict, names: list[str]) -> dict[str, dict]:
    """The sources among `names` with columns whose values are slices, and where to read these."""
    keys = ("slices", "labels", "tables", "database")
    found = {name: archive(config, name) for name in names}
    return {name: {key: of[key] for key in keys} for name, of in found.items() if of["slices"]}


def places_to_predict(config: dict) -> list[str]:
    """The files and folders of photos in `predict.photos`."""
    return labels.as_paths(config["predict"]["photos"] or [])


def image_size(config: dict) -> list[int]:
    """[height, width] of the faces."""
    size = config["crop"]["size"]
    return list(size) if isinstance(size, list) else [size, size]


def crop_settings(config: dict, source: str) -> dict:
    """The settings of `renet.faces.crop.CropSpec` for one source of the config."""
    given = archive(config, source)
    margin = config["crop"]["margin"]
    is_crop = given["database"] != TABLE and given["photos"] != "whole"
    if is_crop and margin > ARCHIVE_MARGIN:
        raise InputError(
            f"`crop.margin` is {margin:g}, but the crops of the source {source} have only "
            f"{ARCHIVE_MARGIN:g} around the face; lower it, or use the whole photos."
        )
    return crop_spec(config, given)


def crop_spec(config: dict, given: dict) -> dict:
    """The settings of `renet.faces.crop.CropSpec`, from an archive or a record of its settings.

    The EXIF orientation applies to a user's own photos only: the boxes of the archives are in the
    stored frame. Nobody knows the margin of a user's own crops, which are left as they are.
    """
    own, whole = given["database"] == TABLE, given["photos"] == "whole"
    return {
        "size": image_size(config),
        "margin": None if own and not whole else config["crop"]["margin"],
        "whole": whole,
        "turn": own,
        "detected": given["detected"],
    }


def ready_made_margin(settings: dict) -> float | None:
    """The margin that a training, by its settings in provenance.json, trimmed crops to, if any."""
    specs = [crop_spec(settings, archive) for archive in settings["archives"].values()]
    margins = {spec["margin"] for spec in specs if not spec["whole"]}
    return None if margins == {None} else settings["crop"]["margin"]
