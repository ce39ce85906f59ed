"""The tar in a gzipped tar, written to disk once: members cannot be read by offset in a gzip."""

import gzip
import logging
import shutil
import zlib
from pathlib import Path

from renet.archives import disk, origins
from renet.archives.file_kinds import describe_bytes
from renet.archives.origins import Origin
from renet.archives.receipts import Receipt
from renet.common import files
from renet.common.errors import InputError
from renet.common.progress import Progress

BLOCK_BYTES = 1 << 20


def decompress(receipt: Receipt, tar: Path) -> None:
    """Decompress the archive of `receipt` to `tar`, unless that was done before.

    Raises:
        InputError: the archive is damaged, the disk is full, or another process writes that tar.
    """
    archive, known = Path(receipt.path), origins.read(tar)
    found = (tar.stat().st_size, receipt.digest) if tar.is_file() else None
    if known and found == (known.size, known.digest):
        logging.info("%s is decompressed already.", tar)
        return
    disk.require_space(tar, receipt.size)  # JPEGs hardly shrink: the tar is about as large
    with disk.writing(tar), files.replacing(tar) as temporary:
        _gunzip(archive, temporary)
    origins.write(tar, Origin(receipt.url, size=tar.stat().st_size, digest=receipt.digest))


def _gunzip(source: Path, target: Path) -> None:
    with (
        Progress.of_file(source, f"decompressing {source.name}") as raw,
        gzip.open(raw) as stream,
        target.open("wb") as out,
    ):
        try:
            shutil.copyfileobj(stream, out, BLOCK_BYTES)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise InputError(
                f"{source} is damaged and cannot be decompressed ({error}); it looks like "
                f"{describe_bytes(source)}. Put a whole copy in its place, or delete it to "
                "download it again."
            ) from error
