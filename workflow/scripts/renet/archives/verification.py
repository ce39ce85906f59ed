"""Verification of files: by a digest of the config, else by their first bytes."""

import gzip
import hashlib
import tarfile
import zlib
from pathlib import Path

from renet.common.progress import Progress
from renet.common.urls import tar_name

BLOCK_BYTES = 1 << 20
HEAD_BYTES = 80  # first bytes of a file, in an error


def examine(path: Path, name: str, expected: str | None) -> tuple[str, str | None]:
    """The digest of a file, and what is wrong with the file as a phrase, or None.

    Without an expected digest, it is a SHA-256, and the name of the file tells its kind.
    """
    digest = compute_digest(path, expected.partition(":")[0] if expected else "sha256")
    if expected:
        return digest, None if digest == expected else f"its digest is {digest}, not {expected}"
    if begins_as_tar(path, name):
        return digest, None
    way_out = "; unpack the zip, and name the folder" * first_bytes(path).startswith(b"PK")
    return digest, f"it is not a {'gzipped ' if tar_name(name) else ''}tar file{way_out}"


def compute_digest(path: Path, algorithm: str) -> str:
    """`<algorithm>:<hex>` of a whole file."""
    state = hashlib.new(algorithm, usedforsecurity=False)
    with Progress.open_file(path, f"{algorithm} of {path.name}") as handle:
        while block := handle.read(BLOCK_BYTES):
            state.update(block)
    return f"{algorithm}:{state.hexdigest()}"


def first_bytes(path: Path) -> bytes:
    """First bytes of a file, which show in an error what it is."""
    with path.open("rb") as handle:
        return handle.read(HEAD_BYTES)


def begins_as_tar(path: Path, name: str) -> bool:
    """Whether a file begins as a tar, or as a gzipped one if its name tells so.

    The first block's checksum has to fit, because old (v7) tars have no magic number.
    """
    try:
        with (gzip.open if tar_name(name) else open)(path, "rb") as stream:
            tarfile.TarInfo.frombuf(stream.read(tarfile.BLOCKSIZE), "utf-8", "surrogateescape")
    except (tarfile.HeaderError, EOFError, gzip.BadGzipFile, zlib.error):
        return False
    return True
