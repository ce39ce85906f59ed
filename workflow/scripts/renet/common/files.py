"""Files that are either whole or absent: written under a temporary name, then renamed.

File and new name are on the disk (fsync) when a function returns: a power loss destroys neither.
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
FACE_DIGEST_CHARACTERS = 32


@contextlib.contextmanager
def replacing(path: str | Path, size: int = 0) -> Iterator[Path]:
    """Yield the path `<path>.renet-tmp`; rename it to `path` on success, delete it otherwise.

    The temporary file is locked; h5py has to open it with `locking=False`. If `path` is a link, its
    target is replaced. Standard output gets the whole file at the end. The path of a special file,
    such as a pipe, is yielded itself.

    Raises:
        InputError: another process, perhaps of a killed Snakemake, is writing the same file; or
            `size` bytes, if that is known, do not fit on the disk.
    """
    path = Path(path)
    if path == STANDARD_OUTPUT:  # its name is not opened: that would empty a file after `>>`
        with tempfile.NamedTemporaryFile() as whole:
            yield Path(whole.name)
            shutil.copyfileobj(whole, sys.stdout.buffer)
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
    """All files and folders in a folder, sorted; links to folders are not followed.

    An unreadable folder is a PermissionError, unlike with `Path.rglob`. But hidden folders and
    lost+found, which often are root's, are left out if they cannot be read.
    """

    def refuse(error: OSError) -> None:
        if not Path(error.filename).name.startswith((".", "lost+found")):
            raise error

    walk = os.walk(folder, onerror=refuse)
    return sorted(Path(top, name) for top, dirs, names in walk for name in (*dirs, *names))


def check_writable(path: Path) -> None:
    """Make the folder of a file that is written later, and check that the file can be written."""
    _make_parent(path)
    if path.is_file() or not path.exists():  # not a pipe or a device
        # A name that is too long fails here: this one is as long as the name with `.renet-tmp`.
        with tempfile.NamedTemporaryFile(prefix=path.name + ".t", dir=path.resolve().parent):
            pass


def check_distinct(outputs: Iterable[Path | None], inputs: Iterable[Path | None]) -> None:
    """Refuse outputs that would replace an input, or one another."""
    known = {path.resolve() for path in inputs if path}
    for path in filter(None, outputs):
        if path.resolve() in known:
            raise InputError(f"{path} would replace an input, or another output; name a new file.")
        known.add(path.resolve())


def check_replaceable(path: Path | None, first_line: str) -> None:
    """Refuse to replace a file that is not empty and does not begin with this line."""
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
        raise InputError(f"{path} cannot be written, because {fault}; name another.") from error
    if path.is_dir():
        raise InputError(f"{path} cannot be written, because it is a folder; name a file.")


def move(source: Path, target: Path) -> None:
    """Rename a file within its folder; file and name are on the disk afterwards."""
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
    """Write `value`, which may have no NaN or infinity, as indented JSON to a whole file."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _finite(number: str) -> float:
    """A float of JSON, in which Python also accepts NaN and infinities."""
    if math.isfinite(value := float(number)):
        return value
    raise ValueError(f"{number} is not a finite number")


def read_json(path: str | Path) -> dict:
    """Read a JSON file, which may have no NaN or infinity."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        return json.loads(text, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path} is not valid JSON ({error}); delete it to make it again."
        ) from error


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal digits."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def json_digest(settings: dict) -> str:
    """SHA-256 of settings. The order of their keys does not change it."""
    text = json.dumps(settings, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def face_digest(pixels: Any) -> str:
    """Digest of a face's pixels, or of a photo's bytes: copies have the same digest."""
    return hashlib.sha256(pixels).hexdigest()[:FACE_DIGEST_CHARACTERS]
