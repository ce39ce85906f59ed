"""Names and paths of the config that Snakemake or the layout of the results cannot take."""

import os
import re
from collections.abc import Iterator

from renet.common.errors import InputError
from renet.config import patterns, runs, sources, urls
from renet.config.grids import MAX_RUNS

MAX_CHARACTERS = 100  # of a name, which becomes that of folders and logs
# Snakemake takes such a value of a wildcard for an endless recursion.
PERIODIC = re.compile(r"(.+)\1{19}$")
# What else lies beside the folders of the sources in results/data.
OTHER_FOLDERS = ("thumbnails",)
FILE_SUFFIXES = (".csv", ".h5", ".md", ".html", ".svg")


def check(config: dict) -> None:
    """Check the names of runs and sources, and the paths that are given to Snakemake.

    Raises:
        InputError: naming the key, and what its value may be.
    """
    complete = runs.runs(config)
    if len(complete) > MAX_RUNS:
        raise InputError(f"runs names {len(complete):,} runs; give at most {MAX_RUNS:,} at a time.")
    for name in complete:
        _check_name(f"runs.{name}", name)
    for name in sources.with_external(config):
        _check_name(f"archives.{name}", name)
        if name in OTHER_FOLDERS or name.endswith(FILE_SUFFIXES):
            raise InputError(
                f"archives.{name} has the name of another file of the results; rename it, without "
                f"{' or '.join(FILE_SUFFIXES)} at its end."
            )
    for key, path in _paths(config):
        patterns.refuse(f"{key} is {path}", path)
    for key, path in config["pathvars"].items():
        # One may be written with the other one, as in <results>/archives.
        patterns.refuse(f"pathvars.{key} is {path}", patterns.PATH_VARIABLE.sub("", path))
        if path != os.path.normpath(path):
            raise InputError(
                f"pathvars.{key} is {path}; write {os.path.normpath(path)}, as Snakemake compares "
                "the names of files letter by letter."
            )


def _check_name(key: str, name: str) -> None:
    shown = key if len(key) <= MAX_CHARACTERS else f"{key[:60]}…"
    if len(name) > MAX_CHARACTERS:
        raise InputError(
            f"{shown} has a name of {len(name)} characters; give it at most {MAX_CHARACTERS}."
        )
    if PERIODIC.search(name):
        raise InputError(
            f"{shown} has a name that repeats itself 20 times, which Snakemake refuses; shorten it."
        )


def _paths(config: dict) -> Iterator[tuple[str, str]]:
    """The keys and values of the paths that are no path variables."""
    yield from ((key, config[key] or "") for key in ("corrections", "datasheet"))
    yield from (("predict.photos", path) for path in sources.places_to_predict(config))
    for source in set(sources.with_external(config)) & set(config["archives"]):
        given = config["archives"][source]
        yield f"archives.{source}.table", given.get("table") or ""
        for url in given["url"] if isinstance(given["url"], list) else [given["url"]]:
            yield f"archives.{source}.url", str(urls.local_path(url) or urls.file_name(url))
