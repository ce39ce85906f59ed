"""What the workflow makes of its config: sources, their archives, and the settings of each run."""

import copy
import os

from renet.common.errors import InputError
from renet.common.imdb_wiki import ARCHIVE_MARGIN, TABLE
from renet.config import urls
from renet.config.architecture import Architecture

SAMPLE = "sample"
SAMPLE_FILE = "wiki_crop.tar"
SAMPLE_ARCHIVE = {"database": "wiki", "photos": "crop", "table": None}
DIGESTS = ("md5", "sha256")


def check(config: dict) -> None:
    """Hold the config against the rules that its schema cannot say.

    Raises:
        InputError: naming the key, what is wrong with it and what it may be.
    """
    for source in config["sources"]:
        archive(config, source)
    held_out = config["split"]["validation"] + config["split"]["test"]
    if held_out >= 1:
        raise InputError(
            f"split.validation and split.test add up to {held_out:g}, which leaves nothing to "
            "train on; they must stay below 1 together."
        )
    if config["filter"]["min_age"] > config["filter"]["max_age"]:
        raise InputError("filter.min_age is above filter.max_age, which leaves nobody.")
    all_runs = runs(config)
    if not all_runs:
        raise InputError(
            "runs names no run that is switched on; `runs: {renet: {}}` is the seed's."
        )
    if config["audit"]["folds"] and config["audit"]["run"] not in all_runs:
        raise InputError(
            f"audit.run is {config['audit']['run']}, which is none of the runs that are switched "
            f"on: {', '.join(all_runs)}."
        )
    for name, settings in all_runs.items():
        if settings["train"]["nesterov"] and not settings["train"]["momentum"]:
            raise InputError(f"The run {name} has nesterov: true, which needs a momentum above 0.")
        _check_size(name, settings["model"], image_size(config))
        _check_nodes(name, settings["train"]["processes"], resources(config)[name]["nodes"])


def _check_size(run: str, model: dict, size: tuple[int, int]) -> None:
    divisors = Architecture(**model).size_divisors()
    if any(side % divisor for side, divisor in zip(size, divisors, strict=True)):
        raise InputError(
            f"crop.size is {list(size)}, and the network of the run {run} needs multiples of "
            f"{list(divisors)} (height, width)."
        )


def _check_nodes(run: str, processes: int, nodes: int) -> None:
    if processes % nodes:
        raise InputError(
            f"The run {run} has train.processes: {processes} and resources.nodes: {nodes}; each "
            "machine takes the same number of processes, so that the first must be a multiple of "
            "the second."
        )


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
    names = [urls.file_name(url) for url in addresses]
    tars = {urls.tar_name(name) or name for name in names}
    if len(tars) != len(names):
        raise InputError(
            f"archives.{source} has two URLs whose files, or the tars in them, have the same name."
        )
    table = given.get("table")
    if (table is not None) != (given["database"] == TABLE):
        raise InputError(
            f"archives.{source} needs both `database: table` and a path under `table`, or neither."
        )
    if given["photos"] == "crop" and table is None and config["crop"]["margin"] > ARCHIVE_MARGIN:
        raise InputError(
            f"crop.margin is {config['crop']['margin']:g}, and the crops of archives.{source} have "
            f"only {ARCHIVE_MARGIN:g} around the face; lower it, or take the whole photos."
        )
    return {
        "urls": addresses,
        "digests": found or [None] * len(addresses),
        "table": table,
        **{key: given[key] for key in ("database", "photos", "shards")},
    }


def _as_list(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def local_paths(url: str) -> list[str]:
    """What a file:// URL names, as Snakemake takes it; nothing for others.

    A folder comes with all folders in it: one that gets a file has a new time stamp, and not those
    around it.
    """
    path = urls.local_path(url)
    if path is None:
        return []
    return [str(path), *sorted(folder for folder, _, _ in os.walk(path) if folder != str(path))]


def receipts(config: dict, source: str) -> list[str]:
    """The receipts of a source's archive files, in the order of the config."""
    if source == SAMPLE:
        names = [SAMPLE_FILE]
    else:
        names = [urls.file_name(url) for url in archive(config, source)["urls"]]
    return [f"resources/{source}/{name}.json" for name in names]


def image_size(config: dict) -> tuple[int, int]:
    """(height, width) of the faces."""
    size = config["crop"]["size"]
    return tuple(size) if isinstance(size, list) else (size, size)


def runs(config: dict) -> dict[str, dict]:
    """The settings of each run, {name: {"model": …, "train": …}}, complete.

    A run that is null is off; one with `seeds` becomes one run for each of them.
    """
    return {
        name: {section: settings[section] for section in ("model", "train")}
        for name, settings in _runs_with_resources(config).items()
    }


def resources(config: dict) -> dict[str, dict]:
    """What the training of each run may take, which changes nothing of its result."""
    return {name: settings["resources"] for name, settings in _runs_with_resources(config).items()}


def _runs_with_resources(config: dict) -> dict[str, dict]:
    complete = {}
    for name, changes in config["runs"].items():
        if changes is None:
            continue
        settings = {
            section: copy.deepcopy(config[section]) | changes.get(section, {})
            for section in ("model", "train", "resources")
        }
        by_seed = {
            f"{name}-seed{seed}": settings | {"train": settings["train"] | {"seed": seed}}
            for seed in changes.get("seeds", [])
        }
        for run, run_settings in (by_seed or {name: settings}).items():
            if run in complete:
                raise InputError(f"Two runs would be called {run}; rename one of them in runs.")
            complete[run] = run_settings
    return complete
