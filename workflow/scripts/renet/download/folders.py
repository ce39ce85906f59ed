"""A folder of one's own photos as a tar, so that it is read, and noticed, like any archive."""

import tarfile
from pathlib import Path

from renet import files
from renet.download import disk
from renet.errors import InputError
from renet.progress import Progress


def pack(folder: Path, tar: Path) -> None:
    """Write the files of `folder` to `tar`, under their names in it; links are left out.

    The same files give the same bytes, whenever and by whomever they were put there.

    Raises:
        InputError: the folder holds no files, or the disk is full.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
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
            header.size = path.stat().st_size
            with path.open("rb") as handle:
                archive.addfile(header, handle)
            archive.members = []  # tarfile would keep every header
