"""The rules of the config that its schema cannot express."""

from pathlib import Path

from renet.common.errors import InputError
from renet.config import runs, sources, urls
from renet.config.architecture import Architecture


def check(config: dict) -> None:
    """Check a config that fits the schema and is complete.

    Raises:
        InputError: naming the key, what is wrong with it and what it may be.
    """
    for source in config["sources"]:
        sources.crop_settings(config, source)  # raises if archive or margin cannot be used
    _check_data(config)
    complete = runs.runs(config)
    if not complete:
        raise InputError(
            "runs names no run that is switched on; `runs: {renet: {}}` is the course's."
        )
    audit = config["audit"]
    if audit["folds"] and audit["run"] not in complete:
        raise InputError(
            f"audit.run is {audit['run']}, which is none of the runs that are switched on: "
            f"{', '.join(complete)}."
        )
    for name, run in complete.items():
        _check_run(name, run, sources.image_size(config))


def check_paths(config: dict) -> None:
    """Check that the files and folders that the config names are there.

    A missing input alone would not tell: Snakemake says "Nothing to be done" where the results of
    an earlier run stand.

    Raises:
        InputError: naming the key and the path.
    """
    for source in config["sources"]:
        archive = sources.archive(config, source)
        for url in archive["urls"]:
            path = urls.local_path(url)
            if path and not path.exists():
                raise InputError(f"archives.{source}.url names {path}, which does not exist.")
        table = archive["table"]
        if table and not Path(table).is_file():
            raise InputError(f"archives.{source}.table names {table}, which is not a file.")


def _check_data(config: dict) -> None:
    held_out = config["split"]["validation"] + config["split"]["test"]
    if held_out >= 1:
        raise InputError(
            f"split.validation and split.test add up to {held_out:g}, which leaves nothing to "
            "train on; they must stay below 1 together."
        )
    if config["filter"]["min_age"] > config["filter"]["max_age"]:
        raise InputError("filter.min_age is above filter.max_age, which leaves nobody.")


def _check_run(name: str, run: dict, size: list[int]) -> None:
    if run["train"]["nesterov"] and not run["train"]["momentum"]:
        raise InputError(f"The run {name} has nesterov: true, which needs a momentum above 0.")
    divisors = Architecture(**run["model"]).size_divisors()
    if any(side % divisor for side, divisor in zip(size, divisors, strict=True)):
        raise InputError(
            f"crop.size is {size}, and the network of the run {name} needs multiples of "
            f"{list(divisors)} (height, width)."
        )
    processes, nodes = run["train"]["processes"], run["resources"]["nodes"]
    if processes % nodes:
        raise InputError(
            f"The run {name} has train.processes: {processes} and resources.nodes: {nodes}; each "
            "machine takes the same number of processes, so that the first must be a multiple of "
            "the second."
        )
