"""Kinds of files: what the first bytes of a file look like, and what its name promises."""

import gzip
import html
import re
import tarfile
import zlib
from pathlib import Path

from renet.config.urls import tar_name

HEAD_BYTES = 4096
TAR_BLOCK_BYTES = 512
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


def describe_bytes(path: str | Path) -> str:
    """What a file looks like from its first bytes, as a noun phrase for error messages."""
    with Path(path).open("rb") as handle:
        head = handle.read(HEAD_BYTES)
    if not head:
        return "an empty file"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and HTML_PAGE.search(head):
        return _describe_page(head)
    for magic, phrase in MAGICS.items():
        if head.startswith(magic):
            return phrase
    if _is_tar_header(head[:TAR_BLOCK_BYTES]):
        return "a tar file"
    if all(byte >= 32 or byte in b"\t\n\f\r" for byte in head):
        return f'text that begins "{_shorten(head)}"'
    return f"unknown bytes that begin {head[:8].hex(' ')}"


def promised_kind(path: Path, name: str) -> tuple[str, bool]:
    """What a file of this name should be, and whether the first bytes in `path` agree.

    Args:
        path: the file, under whatever name it has at the moment.
        name: the name in the URL; any name but .tar.gz, .tgz and .mat promises a tar.

    Returns:
        The kind, as a noun phrase for error messages, and whether the bytes agree.
    """
    with path.open("rb") as handle:
        head = handle.read(TAR_BLOCK_BYTES)
    if tar_name(name):
        return "a gzipped tar file", head.startswith(GZIP_MAGIC) and _holds_tar(path)
    if name.lower().endswith(".mat"):
        return "a MATLAB file", head.startswith(MATLAB_MAGIC)
    return "a tar file", _is_tar_header(head)


def _holds_tar(path: Path) -> bool:
    """Whether a gzip file begins with a tar header."""
    try:
        with gzip.open(path) as stream:
            return _is_tar_header(stream.read(TAR_BLOCK_BYTES))
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return False


def _is_tar_header(block: bytes) -> bool:
    """Whether a block's checksum makes it a tar header: old (v7) tars have no magic number."""
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _describe_page(head: bytes) -> str:
    title = HTML_TITLE.search(head)
    return f'an HTML page titled "{_shorten(title[1])}"' if title else "an HTML page"


def _shorten(text: bytes, length: int = 80) -> str:
    """Readable text in one line of at most `length` characters."""
    line = " ".join(html.unescape(text.decode("utf-8", "replace")).split())
    return line if len(line) <= length else line[: length - 1] + "…"
