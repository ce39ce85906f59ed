"""Tars made on this machine, of a gzipped tar or of a folder of the user's own photos."""

import dataclasses
import gzip
import logging
import os
import re
import shutil
import tarfile
import zlib
from pathlib import Path

from renet.archives.receipts import Receipt
from renet.archives.verification import BLOCK_BYTES, first_bytes
from renet.common import disk, files
from renet.common.errors import InputError
from renet.common.photo_formats import HIDDEN
from renet.common.progress import Progress


def decompress(receipt: Receipt, tar: Path, receipt_file: Path) -> Receipt:
    """Decompress an archive to `tar`, whose members can be read by offset; returns its receipt."""
    archive, decompressed = Path(receipt.path), dataclasses.replace(receipt, path=str(tar))
    if decompressed.is_checked(receipt_file):
        logging.info("%s is decompressed already.", tar)
        return decompressed
    disk.require_space(tar, receipt.size)  # JPEGs hardly shrink: the tar is about as large
    with (
        files.replacing(tar) as temporary,
        Progress.open_file(archive, f"decompressing {archive.name}") as raw,
        gzip.open(raw) as stream,
        temporary.open("wb") as out,
    ):
        try:
            shutil.copyfileobj(stream, out, BLOCK_BYTES)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise InputError(
                f"{archive} is damaged and cannot be decompressed ({error}); its bytes "
                f"begin {first_bytes(archive)!r}. Put an intact copy in its place, or delete it to "
                "download it again."
            ) from error
    return decompressed


def pack(folder: Path, tar: Path) -> None:
    """Write the files of `folder` to `tar`, always the same bytes for the same paths and contents.

    Links to files are followed, links to folders are not. Hidden and special files are left out.
    """
    if tar.resolve().is_relative_to(folder.resolve()):
        raise InputError(
            f"The folder {folder} holds {tar}, into which it would be packed; move the photos to a "
            "folder beside it."
        )
    inner = [path.relative_to(folder) for path in files.below(folder)]
    found = [folder / path for path in inner if not re.search(HIDDEN, path.as_posix())]
    paths = [path for path in found if path.is_file()]
    skipped = [one for one in found if not one.is_file() and (one.is_symlink() or not one.is_dir())]
    if skipped:
        fact = "%s: %d links to folders, broken links, pipes or devices are skipped, such as %s."
        logging.warning(fact, folder, len(skipped), skipped[0].name)
    if not paths:
        raise InputError(f"The folder {folder} has no files; put the photos there.")
    disk.require_space(tar, sum(path.stat().st_size + 2 * tarfile.BLOCKSIZE for path in paths))
    with (
        files.replacing(tar) as temporary,
        tarfile.open(temporary, "w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for path in Progress(paths, desc=f"packing {folder.name}", unit=" files"):
            header = tarfile.TarInfo(path.relative_to(folder).as_posix())
            with path.open("rb") as handle:
                header.size = os.fstat(handle.fileno()).st_size
                archive.addfile(header, handle)
            archive.members = []  # type: ignore[attr-defined]  # tarfile would keep all headers
