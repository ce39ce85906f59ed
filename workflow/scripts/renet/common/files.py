"""Write files that are either whole or absent: first under a temporary name, then renamed.

Content and name are on the disk (fsync) when a function returns: a power loss destroys neither.
"""

import contextlib
import errno
import hashlib
import json
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from renet.common import disk, locks
from renet.common.errors import InputError

STANDARD_OUTPUT = Path("/dev/stdout")


@contextlib.contextmanager
def replacing(path: str | Path, size: int = 0) -> Iterator[Path]:
    """Yield the path `<path>.renet-tmp`; rename this file to `path` on success, else delete it.

    The temporary file is locked; h5py has to open it with `locking=False`. If `path` is a link, its
    target is replaced. If `path` is standard output, the whole file is copied there at the end. If
    `path` is a special file, such as a pipe, `path` itself is yielded.

    Raises:
        InputError: another process, perhaps of a killed Snakemake, is writing the same file; or
            `size` bytes (0: unknown) do not fit on the disk.
    """
    path = Path(path)
    if path == STANDARD_OUTPUT:  # its name is not opened: that would empty a file after `>>`
        with tempfile.NamedTemporaryFile() as whole:
            yield Path(whole.name)
            try:
                shutil.copyfileobj(whole, sys.stdout.buffer)
                sys.stdout.flush()
            except BrokenPipeError:  # such as by `| head`
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    if path.exists() and not path.is_file() and not path.is_dir():
        yield path
        return
    path = path.resolve() if path.is_symlink() else path
    temporary = path.with_name(path.name + ".renet-tmp")  # no file of a user's has this suffix
    _make_parent(path)
    if size:
        disk.require_space(path, size)
    with locks.sole_writer(temporary):
        try:
            yield temporary
            move(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def below(folder: Path) -> list[Path]:
    """Return all files and folders below a folder, sorted; links to folders are not followed.

    Unlike in `Path.rglob`, an unreadable folder raises a PermissionError. But unreadable hidden
    folders and lost+found, which often belong to root, are not searched.
    """

    def refuse(error: OSError) -> None:
        if not Path(error.filename).name.startswith((".", "lost+found")):
            raise error

    walk = os.walk(folder, onerror=refuse)
    return sorted(Path(top, name) for top, dirs, names in walk for name in (*dirs, *names))


def check_writable(path: Path) -> None:
    """Create the folder of a file that a script writes later; check that it can be written."""
    _make_parent(path)
    if path.is_file() or not path.exists():  # not a pipe or a device
        # A name that is too long fails here: this one is as long as the name with `.renet-tmp`.
        with tempfile.NamedTemporaryFile(prefix=path.name + ".t", dir=path.resolve().parent):
            pass


def check_distinct(outputs: Iterable[Path | None], inputs: Iterable[Path | None]) -> None:
    """Raise an InputError if an output would replace an input or another output."""
    known = {path.resolve() for path in inputs if path}
    for path in filter(None, outputs):
        if path.resolve() in known:
            raise InputError(f"{path} would replace an input, or another output; name a new file.")
        known.add(path.resolve())


def check_replaceable(path: Path | None, first_line: str) -> None:
    """Raise an InputError if `path` has content that does not begin with `first_line`."""
    if path and path.is_file() and path != STANDARD_OUTPUT:
        with path.open("rb") as handle:
            if handle.read(len(first_line)) not in (b"", first_line.encode()):
                fault = "is no earlier output of this version"
                raise InputError(f"{path} {fault}; name a new file, or delete it.")


def _make_parent(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        fault = f"{path.parent} is not a folder"
        raise InputError(f"{path} cannot be written: {fault}; name another folder.") from error
    if path.is_dir():
        raise InputError(f"{path} cannot be written, because it is a folder; name a file.")


def move(source: Path, target: Path) -> None:
    """Rename a file within its folder; content and name are then on the disk (fsync)."""
    _sync(source)
    source.replace(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems cannot sync folders
            raise
    finally:
        os.close(descriptor)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8; the file is either whole or absent."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: object) -> None:
    """Write `value` as indented JSON (see `write_text`); NaN or infinity raise a ValueError."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _finite(number: str) -> float:
    """Convert a number in JSON to a finite float; json.loads alone accepts NaN and infinities."""
    if math.isfinite(value := float(number)):
        return value
    raise ValueError(f"{number} is not a finite number")


def read_json(path: str | Path) -> dict:
    """Read a JSON file; an InputError if it is not valid, or has a NaN or infinity."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        return json.loads(text, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path} is not valid JSON ({error}); delete it and start again."
        ) from error


def file_digest(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal digits."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def json_digest(settings: dict) -> str:
    """Return the SHA-256 of settings in hexadecimal digits; the order of keys has no effect."""
    text = json.dumps(settings, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def face_digest(pixels: Any) -> str:
    """Return the first 32 hexadecimal digits of the SHA-256 of a face's pixels or photo's bytes."""
    return hashlib.sha256(pixels).hexdigest()[:32]
