"""Verification of files: by a digest of the config, else by what their first bytes look like."""

import gzip
import hashlib
import html
import re
import tarfile
import zlib
from pathlib import Path

from renet.common.errors import InputError
from renet.common.progress import Progress
from renet.config.urls import tar_name

BLOCK_BYTES = 1 << 20
HEX_DIGITS = {"md5": 32, "sha256": 64}
HEAD_BYTES = 4096
HTML_PAGE = re.compile(rb"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
HTML_TITLE = re.compile(rb"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
GZIP_MAGIC = b"\x1f\x8b"
MATLAB_MAGIC = b"MATLAB "
MAGICS = {
    GZIP_MAGIC: "a gzip file",
    MATLAB_MAGIC: "a MATLAB file",
    b"\xff\xd8\xff": "a JPEG",
    b"\x89PNG\r\n\x1a\n": "a PNG",
    b"PK\x03\x04": "a zip file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ\x00": "an xz file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file",
    b"%PDF-": "a PDF",
}


def parse_digest(digest: str | None) -> str | None:
    """A digest of the config in lower case; None if the config gives none.

    Raises:
        InputError: it is neither `md5:` with 32 nor `sha256:` with 64 hexadecimal digits.
    """
    if digest is None:
        return None
    algorithm, _, digits = digest.lower().partition(":")
    if len(digits) != HEX_DIGITS.get(algorithm) or not re.fullmatch("[0-9a-f]+", digits):
        raise InputError(
            f"The digest {digest!r} must be md5: and 32 hexadecimal digits, or sha256: and 64."
        )
    return f"{algorithm}:{digits}"


def examine(path: Path, name: str, expected: str | None) -> tuple[str, str | None]:
    """The digest of a file, and what is wrong with the file as a phrase, or None.

    With an expected digest, the digest alone decides. Without one, the digest is a SHA-256, and the
    file must be of the kind that its `name` in the URL promises.
    """
    digest = compute_digest(path, expected.partition(":")[0] if expected else "sha256")
    if expected:
        return digest, None if digest == expected else f"its digest is {digest}, not {expected}"
    promised, agrees = _promised_kind(path, name)
    return digest, None if agrees else f"it is not {promised}"


def compute_digest(path: Path, algorithm: str) -> str:
    """`<algorithm>:<hex>` of a whole file."""
    state = hashlib.new(algorithm, usedforsecurity=False)
    with Progress.of_file(path, f"{algorithm} of {path.name}") as handle:
        while block := handle.read(BLOCK_BYTES):
            state.update(block)
    return f"{algorithm}:{state.hexdigest()}"


def describe_bytes(path: str | Path) -> str:
    """What a file looks like from its first bytes, as a noun phrase for error messages."""
    with Path(path).open("rb") as handle:
        head = handle.read(HEAD_BYTES)
    if not head:
        return "an empty file"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and HTML_PAGE.search(head):
        title = HTML_TITLE.search(head)
        return f'an HTML page titled "{_shorten(title[1])}"' if title else "an HTML page"
    for magic, phrase in MAGICS.items():
        if head.startswith(magic):
            return phrase
    if _is_tar_header(head[: tarfile.BLOCKSIZE]):
        return "a tar file"
    if all(byte >= 32 or byte in b"\t\n\f\r" for byte in head):
        return f'text that begins "{_shorten(head)}"'
    return f"unknown bytes that begin {head[:8].hex(' ')}"


def _promised_kind(path: Path, name: str) -> tuple[str, bool]:
    """What a file of this name should be, and whether its first bytes agree."""
    with path.open("rb") as handle:
        head = handle.read(tarfile.BLOCKSIZE)
    if tar_name(name):
        return "a gzipped tar file", head.startswith(GZIP_MAGIC) and _holds_tar(path)
    if name.lower().endswith(".mat"):
        return "a MATLAB file", head.startswith(MATLAB_MAGIC)
    return "a tar file", _is_tar_header(head)


def _holds_tar(gzip_file: Path) -> bool:
    try:
        with gzip.open(gzip_file) as stream:
            return _is_tar_header(stream.read(tarfile.BLOCKSIZE))
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return False


def _is_tar_header(block: bytes) -> bool:
    """Whether a block's checksum makes it a tar header: old (v7) tars have no magic number."""
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _shorten(text: bytes, length: int = 80) -> str:
    """Readable text in one line of at most `length` characters."""
    line = " ".join(html.unescape(text.decode("utf-8", "replace")).split())
    return line if len(line) <= length else line[: length - 1] + "…"
