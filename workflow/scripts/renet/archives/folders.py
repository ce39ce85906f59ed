"""A folder of the user's own photos is packed into a tar, and is then read like any archive."""

import os
import tarfile
from pathlib import Path
from typing import BinaryIO

from renet.archives import disk
from renet.common import files
from renet.common.errors import InputError
from renet.common.progress import Progress


def pack(folder: Path, tar: Path) -> None:
    """Write the files of `folder` to `tar`, under their relative paths.

    Links and the hidden files of file browsers are left out. The bytes of the tar depend on names
    and contents alone, not on owners or time stamps.

    Raises:
        InputError: the folder holds no files, one cannot be read, or the disk is full.
    """
    paths = sorted(path for path in folder.rglob("*") if _is_packed(path))
    if not paths:
        raise InputError(f"The folder {folder} holds no files.")
    total = sum(path.stat().st_size + 2 * tarfile.BLOCKSIZE for path in paths)
    disk.require_space(tar, total)
    bar = Progress(paths, desc=f"packing {folder.name}", unit=" files")
    with (
        disk.writing(tar),
        files.replacing(tar) as temporary,
        tarfile.open(temporary, "w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for path in bar:
            header = tarfile.TarInfo(path.relative_to(folder).as_posix())
            with _opened(path) as handle:
                header.size = os.fstat(handle.fileno()).st_size
                archive.addfile(header, handle)
            archive.members = []  # tarfile would keep every header in memory


def _is_packed(path: Path) -> bool:
    hidden = path.name.startswith(".") or path.name in ("Thumbs.db", "desktop.ini")
    return path.is_file() and not path.is_symlink() and not hidden


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError(
            f"The photo {path} cannot be read ({error.strerror}); change its permissions or remove "
            "it."
        ) from error
