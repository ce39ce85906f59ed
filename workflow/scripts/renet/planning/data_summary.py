"""The facts about the data for the pages and for the provenance of a run."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from renet.common.imdb_wiki import TABLE
from renet.common.logs import public
from renet.config.archives import SAMPLE, Archive
from renet.config.schema import Config
from renet.planning import run_settings

ROWS = {"filter", "split", "corrections"}  # keys of the rows and their subsets


def origin(files: Sequence[Path], command_line: dict, module: str | None = None) -> str:
    """The config, or module, of the results, for each page's foot: `a.yaml, --config train`."""
    if module:
        return f"module {module}"
    names = [file.name for file in files] or ["config.yaml"]
    return ", ".join(names + [f"--config {key}" for key in command_line])


def for_pages(settings: Config) -> dict:
    """The settings of the data that the pages name."""
    archives = settings.used_archives
    origins = {name: of.datasheet for name, of in archives.items() if of.datasheet}
    databases = {
        archives[name].database
        for name in settings.sources
        # A table with the data set's origin is published.
        if name != SAMPLE and not (name in origins and archives[name].database == TABLE)
    }
    licenses = {name: archives[name].terms or settings.license for name in settings.sources}
    return {
        "databases": sorted(databases),
        "size": settings.crop.shape,
        "margin": settings.crop.margin,
        "origins": origins,
        "licenses": {
            name: of or ("mit" if name == SAMPLE else "other") for name, of in licenses.items()
        },
        "detected": {name: of.detected for name, of in archives.items() if of.detected},
        "published_labels": [name for name in settings.sources if archives[name].labels],
        "published_split": [name for name in settings.sources if archives[name].split],
        "sources": settings.sources,
        **settings.model_dump(by_alias=True, include=ROWS),
        "audit": {"folds": settings.audit.folds, "run": settings.audit_run},
        "hdf5": {"mean": settings.hdf5.mean},
    }


def for_provenance(settings: Config) -> dict:
    """The settings that a run's result depends on, beside its own model and recipe."""
    sample = {"sample": settings.sample.model_dump(exclude={"shards"})}
    return {
        "sources": settings.sources,
        **(sample if SAMPLE in settings.sources else {}),
        "archives": {name: settings.used_archives[name].record for name in settings.sources},
        "crop": {"size": settings.crop.size, "margin": settings.crop.margin},
        **settings.model_dump(by_alias=True, include=ROWS),
        "hdf5": {"mean": settings.hdf5.mean},
    }


def to_repeat(settings: Config, run: str, of_defaults: Iterable[str]) -> dict:
    """The config of one run: all that its results depend on, and nothing of other runs.

    With config.yaml, whose runs are `of_defaults`, it trains only this run. Its URLs are public.
    """
    archives = {
        name: of.model_dump(by_alias=True, exclude_none=True, exclude={"shards"})
        for name, of in settings.used_archives.items()
        if name != SAMPLE
    }
    for archive in archives.values():
        url = archive["url"]
        archive["url"] = public(url) if isinstance(url, str) else list(map(public, url))
    others = {name: None for name in of_defaults if name != run}
    of_run = run_settings.with_folds(settings.runs[run])
    return {
        **for_provenance(settings),
        "sample": settings.sample.model_dump(exclude={"shards"}),
        "external": settings.external,
        "archives": archives,
        "audit": {"folds": 0},
        "predict": {"photos": None, "max_error": settings.predict.max_error},
        "export": [],
        "datasheet": None,
        "license": settings.license,
        "walkthrough": settings.walkthrough.model_dump(),
        "comparison": {"reference": None},
        "runs": others | {run: {key: value for key, value in of_run.items() if value}},
    }


def sliced(archives: Mapping[str, Archive]) -> dict[str, dict]:
    """Of the archives with columns whose values are slices: where to read these."""
    return {
        name: {
            "slices": of.slice_columns, "labels": of.label_settings, "tables": of.tables,
            "database": of.database,
        }
        for name, of in archives.items()
        if of.slices
    }  # fmt: skip
