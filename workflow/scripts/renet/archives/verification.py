"""Verification of files: by a digest of the config, else by their first bytes."""

import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    promised, agrees = promised_kind(path, name)
    way_out = "; unpack the zip, and name the folder" * first_bytes(path).startswith(b"PK")
    return digest, None if agrees else f"it is not {promised}{way_out}"


def compute_digest(path: Path, algorithm: str) -> str:
    """`<algorithm>:<hex>` of a whole file."""
    state = hashlib.new(algorithm, usedforsecurity=False)
    with Progress.open_file(path, f"{algorithm} of {path.name}") as handle:
        while block := handle.read(BLOCK_BYTES):
            state.update(block)
    return f"{algorithm}:{state.hexdigest()}"


def first_bytes(path: Path) -> bytes:
    """The first bytes of a file, which show in an error what it is."""
    with path.open("rb") as handle:
        return handle.read(HEAD_BYTES)


def promised_kind(path: Path, name: str) -> tuple[str, bool]:
    """The format that a file of this name should have, and whether its first bytes agree."""
    if tar_name(name):
        return "a gzipped tar file", _begins_as_tar(path, gzip.open)
    return "a tar file", _begins_as_tar(path, open)


def _begins_as_tar(path: Path, open_file: Callable[..., Any]) -> bool:
    """Whether the first block's checksum fits: old (v7) tars have no magic number."""
    try:
        with open_file(path, "rb") as stream:
            tarfile.TarInfo.frombuf(stream.read(tarfile.BLOCKSIZE), "utf-8", "surrogateescape")
    except (tarfile.HeaderError, EOFError, gzip.BadGzipFile, zlib.error):
        return False
    return True
