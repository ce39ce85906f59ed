"""Facts about the data for the pages and for the provenance of a run."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from renet.common.imdb_wiki import TABLE
from renet.common.logs import public
from renet.config.archives import SAMPLE, Archive
from renet.config.schema import Config
from renet.planning import run_settings

TERMS = "academic research only"  # IMDB-WIKI's licence
# Keys of the config that a run's result depends on, except archives, model and recipe.
ROWS: Any = {
    "sources": True, "filter": True, "split": True, "corrections": True, "hdf5": {"mean"},
}  # fmt: skip
FACES = ROWS | {"crop": {"size", "margin"}}
DRAWN = {"sample": {"photos"}}


def origin(files: Sequence[Path], command_line: dict, module: str | None = None) -> str:
    """Name the config or module of the results for each page's foot: `a.yaml, --config train`."""
    if module:
        return f"module {module}"
    names = [file.name for file in files] or ["config.yaml"]
    return ", ".join(names + [f"--config {key}" for key in command_line])


def for_pages(settings: Config) -> dict:
    """Return the settings of the data that the pages show."""
    archives, own = settings.used_archives, settings.license or "other"
    of_sources = {name: archives[name] for name in settings.sources}
    origins = {name: archive.datasheet for name, archive in archives.items() if archive.datasheet}
    published = {name for name in origins if archives[name].database == TABLE}
    databases = {of_sources[name].database for name in of_sources.keys() - published - {SAMPLE}}
    return settings.model_dump(by_alias=True, include=ROWS) | {
        "databases": sorted(databases),
        "size": settings.crop.shape,
        "margin": settings.crop.margin,
        "origins": origins,
        "licenses": {
            name: archive.license or (own if archive.database == TABLE else TERMS)
            for name, archive in of_sources.items()
        },
        "detected": {name: archives[name].detected for name in archives if archives[name].detected},
        "published_split": [name for name, archive in of_sources.items() if archive.split],
        "audit": {"folds": settings.audit.folds, "run": settings.named_run(settings.audit.run)},
    }


def for_provenance(settings: Config) -> dict:
    """Return the settings that a run's result depends on, except its own model and recipe."""
    kept = FACES | (DRAWN if SAMPLE in settings.sources else {})
    archives = {name: settings.used_archives[name].record for name in settings.sources}
    return settings.model_dump(by_alias=True, include=kept) | {"archives": archives}


def to_repeat(settings: Config, run: str, of_defaults: Iterable[str]) -> dict:
    """Return a config that repeats one run: all that its results depend on, without other runs.

    The config switches off `of_defaults`, the runs of config.yaml. Its URLs have no secrets.
    """
    archives = {
        name: archive.model_dump(by_alias=True, exclude_none=True, exclude={"shards"})
        | {"url": [*map(public, url)] if isinstance(url := archive.url, list) else public(url)}
        for name, archive in settings.used_archives.items()
        if name != SAMPLE
    }
    of_run = run_settings.with_folds(settings.runs[run])
    kept = FACES | DRAWN | {"external": True, "license": True, "walkthrough": True}
    return settings.model_dump(by_alias=True, include=kept) | {
        "archives": archives,
        "audit": {"folds": 0},
        "predict": {"photos": None, "max_error": settings.predict.max_error},
        "export": [],
        "datasheet": None,
        "comparison": {"reference": None},
        "runs": dict.fromkeys(of_defaults)
        | {run: {key: value for key, value in of_run.items() if value}},
    }


def sliced(archives: Mapping[str, Archive]) -> dict[str, dict]:
    """For each archive with `slices`, return the columns that `slices` names and their tables."""
    return {
        name: {
            "slices": archive.slice_columns, "labels": archive.label_settings,
            "tables": archive.tables, "database": archive.database,
        }
        for name, archive in archives.items()
        if archive.slices
    }  # fmt: skip
