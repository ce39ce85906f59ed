"""manifest.json: digests of a run's outputs, code and archives, and what differs from these."""

import contextlib
from collections.abc import Iterable, Iterator
from os.path import normpath, relpath
from pathlib import Path

from renet.archives import receipts
from renet.common import files
from renet.common.errors import InputError
from renet.common.progress import Progress
from renet.config.model import KINDS
from renet.dataset import hdf5
from renet.planning import code_digest

FORMAT = "renet-manifest-2"
FILE, PROVENANCE = "manifest.json", "provenance.json"
MODEL = "model.pt"
SCRIPTS = Path(__file__).resolve().parents[2]
IN_CHECKOUT = (SCRIPTS.parent / "Snakefile").is_file()  # the package can be installed elsewhere


def describe_run(outputs: Iterable[Path], receipt_files: Iterable[Path]) -> dict:
    """Return the manifest of a run; `outputs` include its provenance.json."""
    written = set(outputs)
    (provenance,) = (path for path in written if path.name == PROVENANCE)
    recorded, folder = files.read_json(provenance), provenance.parent
    # The files in page/ are added one by one, because a rule can declare only their folder.
    paths = sorted(written.union(filter(Path.is_file, folder.glob("page/**/*"))))
    return {
        "format": FORMAT,
        "outputs": {relpath(path, folder): files.file_digest(path) for path in paths},
        # The training recorded its own digest; `snakemake --touch` accepts results of other code.
        "code": _code(recorded["config"]) | {"train.py": recorded["code"]["train"]},
        "archives": {str(path): receipts.facts(path) for path in receipt_files},
    }


def _code(config: dict) -> dict[str, str]:
    modules = KINDS[config["model"]["kind"]].modules()
    scripts = code_digest.run_scripts(folds=bool(config["folds"]))
    return {name: code_digest.digest(SCRIPTS / name, *modules) for name in scripts}


def read(folder: Path) -> dict:
    """Read the manifest of the run in a folder; InputError if it is missing or incomplete."""
    if not (folder / FILE).is_file():
        raise InputError(f"{folder} has no {FILE}; run the workflow to write it.")
    manifest = files.read_json(folder / FILE)
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise InputError(f"{folder / FILE} is not of the format {FORMAT}; run the workflow again.")
    for part in ("outputs", "code", "archives"):
        if not (isinstance(manifest.get(part), dict) and manifest[part]):
            raise InputError(f"{folder / FILE} has no {part}; delete it and run the workflow.")
    return manifest


def differences(folder: Path, manifest: dict, *, quick: bool) -> list[str]:
    """Return phrases on the differences between a run's folder and its manifest.

    The receipts' paths are relative to the working directory. If `quick`, no archive is read.
    """
    try:
        return [*_changes(folder, manifest), *_changed_archives(manifest["archives"], quick=quick)]
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"A record in {folder} lacks {error}; run the workflow again.") from error


def damaged_faces(results: Path) -> Iterator[str]:
    """Yield a phrase for each HDF5 file whose faces do not match the file's digest or table."""
    for path in sorted(results.glob("data/*.h5")):
        try:
            hdf5.check_digest(stored := hdf5.read(path))
            hdf5.check_table(stored, path.with_suffix(".csv"))
        except InputError as error:
            yield str(error).rstrip(".")


def not_covered(folder: Path, covered: set[Path]) -> Iterator[Path]:
    """Yield files that are not `covered`; a subfolder without covered files is yielded itself."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and any(file.is_relative_to(path) for file in covered):
            yield from not_covered(path, covered)
        elif path not in covered:
            yield path


def _changes(folder: Path, manifest: dict) -> Iterator[str]:
    """Yield phrases on the differences in outputs, code and data set."""
    outputs, code = manifest["outputs"], manifest["code"]
    for name, digest in Progress(outputs.items(), desc=folder.name, unit=" files"):
        if not (path := Path(normpath(folder / name))).is_file():  # also ../../data/test.csv
            yield f"{name} is missing"
        elif files.file_digest(path) != digest:
            yield f"{name} has other bytes"
    if not (folder / PROVENANCE).is_file():
        return
    recorded = files.read_json(folder / PROVENANCE)
    now = _code(recorded["config"]) if IN_CHECKOUT else code
    if changed := [name for name in now | code if now.get(name) != code.get(name)]:
        yield f"the code of {', '.join(changed)} has changed"
    for subset, digest in recorded["inputs"]["faces"].items():
        path = folder.parents[1] / "data" / f"{subset}.h5"
        # Snakemake may have deleted a temporary file; `damaged_faces` reports an unreadable one.
        with contextlib.suppress(InputError):
            if path.is_file() and hdf5.read(path).digest != digest:
                yield f"{path} has different faces"


def has_any(receipt_files: Iterable[str]) -> bool:
    """Whether any receipt's folder has a file; a user may have copied the results alone."""
    return any(any(Path(name).parent.glob("*")) for name in receipt_files)


def _changed_archives(archives: dict[str, dict], *, quick: bool) -> Iterator[str]:
    for name, facts in archives.items() if has_any(archives) else ():
        if not Path(name).is_file():
            yield f"the receipt {name} is missing"
        elif receipts.facts(name) != facts:
            yield f"the receipt {name} is for a different archive"
        elif not quick:
            path, digest = Path(files.read_json(name)["path"]), facts["digest"]
            if not path.is_file():
                yield f"the archive {path} is gone"
            elif receipts.is_decompressed(facts["url"], path):
                continue
            elif receipts.compute_digest(path, digest.partition(":")[0]) != digest:
                yield f"{path} has other bytes than its receipt says"
