"""Photos that a user names: files, folders and tars."""

import contextlib
import functools
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from renet.archives import receipts, tar_index
from renet.common import files
from renet.common.drop_reasons import CropReason
from renet.common.errors import InputError
from renet.common.photo_formats import CONVERT, CONVERTIBLE, SUFFIXES, is_hidden
from renet.common.table import printable
from renet.faces import crop, jpeg
from renet.faces.crop import RejectedImage

COMPRESSED = (".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz", ".zip")


class Photo(NamedTuple):
    """Name of a photo, and a function that reads its bytes."""

    name: str
    read: Callable[[], bytes]


def find(places: Sequence[str]) -> list[Photo]:
    """List the photos at some places: a folder's by name, a tar's in the order of the tar.

    Places are files, folders with their subfolders (links to folders are not followed), or
    uncompressed tars. In folders and tars, a photo is a file with a photo's suffix, or with the
    first bytes of a JPEG. Hidden files are skipped.
    """
    found: list[Photo] = []
    for place in places:
        photos = list(_place_photos(Path(place)))
        if not photos:
            raise InputError(
                f"{place} holds no photo: no file is a JPEG or has one of the suffixes "
                f"{', '.join(SUFFIXES)}; name another place."
            )
        found += photos
    return found


def _place_photos(path: Path) -> Iterator[Photo]:
    if not (path.is_file() or path.is_dir()):  # reading a pipe or a device might never end
        raise InputError(f"{path} is neither a file nor a folder; name a folder, files or a tar.")
    if path.is_dir():
        yield from _folder_photos(path)
    elif path.name.lower().endswith(COMPRESSED):
        raise InputError(f"{path} is compressed; unpack it, and name the unpacked folder.")
    elif path.name.lower().endswith(".tar") or (
        not path.name.lower().endswith(SUFFIXES) and receipts.begins_as_tar(path, "")
    ):
        yield from _tar_photos(path)
    else:
        yield _file(path)


def _folder_photos(folder: Path) -> Iterator[Photo]:
    skipped = []
    for path in files.below(folder):
        if path.is_file() and _is_photo(path.relative_to(folder).as_posix(), path):
            yield _file(path)
        elif path.is_symlink() or not path.is_dir():
            skipped.append((path.name, _fault(path)))
    _log_skipped(folder, skipped)


def _is_photo(name: str, path: Path, offset: int = 0) -> bool:
    """Whether file `name` is a photo, by its suffix or its first bytes (at `offset` of `path`)."""
    if is_hidden(name):
        return False
    if name.lower().endswith(SUFFIXES):
        return True
    with contextlib.suppress(OSError), path.open("rb") as handle:
        handle.seek(offset)
        return handle.read(len(jpeg.START)) == jpeg.START
    return False


def _fault(path: Path) -> str:
    if not path.exists():
        return ": a link to nowhere"
    if path.is_dir():
        return ": a link to a folder"
    return "" if path.is_file() else ": a pipe or device"


def _log_skipped(place: Path, skipped: list[tuple[str, str]]) -> None:
    if skipped:
        kinds: Counter[str] = Counter()
        for name, fault in skipped:
            suffix = PurePath(name).suffix.lower()
            if not fault and suffix[1:] in CONVERTIBLE:
                fault = f": {CONVERT.format(suffix[1:])}"
            kinds[(printable(suffix) or "no ending") + fault] += 1
        parts = ", ".join(f"{count:,} ({kind})" for kind, count in kinds.items())
        logging.warning("%s: files that are not predicted: %s", place, parts)


def _file(path: Path) -> Photo:
    def read() -> bytes:
        try:
            crop.require_bytes(path.stat().st_size)
            return path.read_bytes()
        except OSError as error:
            fault = f"it cannot be read ({error.strerror})"
            raise RejectedImage(CropReason.UNREADABLE, fault) from error

    return Photo(str(path), read)


def _tar_photos(tar: Path) -> Iterator[Photo]:
    def read(offset: int, size: int) -> bytes:
        crop.require_bytes(size)
        with tar.open("rb") as handle:  # photos are read after `find` has found the last photo
            return tar_index.read_member(handle, offset, size)

    skipped = []
    for member in tar_index.tar_members(tar):
        if _is_photo(member.name, tar, member.offset):
            yield Photo(f"{tar}/{member.name}", functools.partial(read, member.offset, member.size))
        else:
            skipped.append((member.name, ""))
    _log_skipped(tar, skipped)
