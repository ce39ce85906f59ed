"""The facts about the data for the pages and for the provenance of a run."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from renet.common.imdb_wiki import TABLE
from renet.common.logs import public
from renet.config import runs, sources
from renet.planning import run_settings


def origin(files: Sequence[Path], command_line: dict, module: str | None = None) -> str:
    """The config, or module, of the results, for each page's foot: `a.yaml, --config train`."""
    if module:
        return f"module {module}"
    names = [file.name for file in files] or ["config.yaml"]
    return ", ".join(names + [f"--config {key}" for key in command_line])


def for_pages(config: dict) -> dict:
    """The settings of the data that the pages name."""
    archives = {name: sources.archive(config, name) for name in sources.with_external(config)}
    origins = {name: of["datasheet"] for name, of in archives.items() if of["datasheet"]}
    databases = {
        archives[name]["database"]
        for name in config["sources"]
        # A table with the data set's origin is published.
        if name != sources.SAMPLE and not (name in origins and archives[name]["database"] == TABLE)
    }
    given = {name: config["archives"].get(name, {}) for name in config["sources"]}
    return {
        "databases": sorted(databases),
        "size": sources.image_size(config),
        "margin": config["crop"]["margin"],
        "origins": origins,
        "licenses": {
            name: archives[name]["license"]
            or config["license"]
            or ("mit" if name == sources.SAMPLE else "other")
            for name in config["sources"]
        },
        "detected": sources.detected(config),
        "published_labels": [name for name, keys in given.items() if "labels" in keys],
        "published_split": [name for name, keys in given.items() if "split" in keys],
        **{name: config[name] for name in ("sources", "filter", "split", "corrections", "audit")},
        "hdf5": {"mean": config["hdf5"]["mean"]},
    }


def for_provenance(config: dict) -> dict:
    """The settings that a run's result depends on, beside its own model and recipe."""
    keys = ("database", "photos", "subjects", "detected")
    archives = {name: sources.archive(config, name) for name in config["sources"]}
    sample = {"sample": {key: config["sample"][key] for key in ("photos", "seed")}}
    return {
        "sources": config["sources"],
        **(sample if sources.SAMPLE in config["sources"] else {}),
        "archives": {name: {key: of[key] for key in keys} for name, of in archives.items()},
        "crop": {key: config["crop"][key] for key in ("size", "margin")},
        **{section: config[section] for section in ("filter", "split", "corrections")},
        "hdf5": {"mean": config["hdf5"]["mean"]},
    }


def to_repeat(config: dict, run: str, of_defaults: Iterable[str]) -> dict:
    """The config of one run: all that its results depend on, and nothing of other runs.

    With config.yaml, whose runs are `of_defaults`, it trains only this run. Its URLs are public.
    """
    archives = {
        source: {key: value for key, value in config["archives"][source].items() if key != "shards"}
        for source in sources.with_external(config)
        if source != sources.SAMPLE
    }
    for settings in archives.values():
        url = settings["url"]
        settings["url"] = public(url) if isinstance(url, str) else list(map(public, url))
    others = {name: None for name in of_defaults if name != run}
    of_run = run_settings.with_folds(runs.runs(config)[run])
    return {
        **for_provenance(config),
        "sample": {key: config["sample"][key] for key in ("photos", "seed")},
        "external": config["external"],
        "archives": archives,
        "audit": {"folds": 0},
        "predict": {"photos": None, "max_error": config["predict"]["max_error"]},
        "export": [],
        "datasheet": None,
        "license": config["license"],
        "walkthrough": config["walkthrough"],
        "comparison": {"reference": None},
        "runs": others | {run: {key: value for key, value in of_run.items() if value}},
    }
