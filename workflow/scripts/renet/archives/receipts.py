"""Receipts: the path of an archive file, and whether a digest in the config verified the file.

The rule download outputs only the receipt, because Snakemake deletes outputs before it repeats a
job. `<file>.checked` beside the receipt has the archive's digest and URL, and the size and time
stamp that the archive had when the digest was computed.
"""

import dataclasses
import gzip
import hashlib
import logging
import tarfile
import zlib
from pathlib import Path

from renet.common import files, logs, urls
from renet.common.errors import InputError
from renet.common.progress import Progress

BLOCK_BYTES = 1 << 20
HEAD_BYTES = 80  # first bytes of a file, in an error
FACTS = ("url", "size", "digest", "verified")  # all but the path: the same on every machine


class ArchiveIsGone(InputError):
    """A receipt's archive does not exist; a user may have deleted the archive to save space."""


@dataclasses.dataclass(frozen=True)
class Receipt:
    """Record of an archive file that was downloaded, read in place or packed from a folder."""

    url: str  # without user info
    path: str  # of the file; for a .tar.gz, of the decompressed tar
    size: int  # bytes of the file at the URL
    digest: str  # `md5:…` or `sha256:…` of the file at the URL, in lower-case hexadecimals
    verified: bool  # whether that digest was compared with one from the config

    def write(self, receipt_file: str | Path) -> None:
        files.write_json(receipt_file, dataclasses.asdict(self))
        note_checked(self, receipt_file)

    def indexed(self) -> dict:
        """Return the archive's entry in archives.json: the receipt's digest and the tar's size."""
        return {"digest": self.digest, "size": Path(self.path).stat().st_size}

    def is_checked(self, receipt_file: str | Path) -> bool:
        """Whether the file at `path` exists and is unchanged since `<file>.checked` was written."""
        return Path(self.path).is_file() and _noted(receipt_file) == _state(self)


def facts(receipt_file: str | Path) -> dict:
    """Read the fields `FACTS` of a receipt for pages and provenance; the URL is without secrets."""
    receipt = files.read_json(receipt_file)
    return {name: receipt[name] for name in FACTS} | {"url": logs.public(receipt["url"])}


def known_digest(url: str, receipt_file: str | Path) -> str | None:
    """Return the digest in `<file>.checked`, or None if that file does not name this URL."""
    noted = _noted(receipt_file)
    return noted[2] if noted[3:] == [url] else None


def read(receipt_file: str | Path) -> Receipt:
    """Read a receipt, and check that its archive exists and is unchanged.

    The digest is computed again only if `<file>.checked` records another size or time stamp.

    Raises:
        ArchiveIsGone: the archive does not exist.
        InputError: the receipt does not exist or is invalid, or the archive has changed.
    """
    way_out = "delete the receipt and start again to get the archive"
    try:
        content = files.read_json(receipt_file)
        receipt = Receipt(**{name: content[name] for name in (*FACTS, "path")})
    except FileNotFoundError as error:
        raise InputError(
            f"The receipt {receipt_file} does not exist: it was deleted, or another Snakemake is "
            "writing it; start again."
        ) from error
    except (KeyError, TypeError) as error:
        raise InputError(f"{receipt_file} is not a valid receipt ({error}); {way_out}.") from error
    archive = Path(receipt.path)
    if not archive.is_file():
        raise ArchiveIsGone(f"The archive {receipt.path} of {receipt_file} is gone; {way_out}.")
    if not (is_decompressed(receipt.url, archive) or receipt.is_checked(receipt_file)):
        digest = compute_digest(archive, receipt.digest.partition(":")[0])
        if digest != receipt.digest:
            raise InputError(
                f"{archive} has changed since its receipt {receipt_file} was written: its digest "
                f"was {receipt.digest} and is {digest}. Restore the file. Or delete the "
                "receipt and start again: this repeats a download, and accepts a local file unless "
                "the config has another digest."
            )
        note_checked(receipt, receipt_file)
    return receipt


def read_indexed(receipt_file: str | Path, indexed: dict) -> Path:
    """Return the path of a receipt's archive; InputError if a different archive was indexed."""
    receipt = read(receipt_file)
    if receipt.indexed() != indexed:
        raise InputError(
            f"{receipt.path} is not the archive that was indexed: its digest or size is different. "
            f"Delete {receipt_file}, and start again to index this archive."
        )
    return Path(receipt.path)


def note_checked(receipt: Receipt, receipt_file: str | Path) -> None:
    """Write `<file>.checked`, so that other jobs need not compute the digest again."""
    try:
        checked = Path(receipt_file).with_suffix(".checked")
        files.write_text(checked, " ".join(_state(receipt)) + "\n")
    except (InputError, OSError) as error:  # another job writes it, or the folder is another user's
        logging.info("The check of the archive of %s was not recorded: %s", receipt_file, error)


def is_decompressed(url: str, archive: Path) -> bool:
    """Whether `archive` is a decompressed tar; the receipt then has the digest of the .tar.gz."""
    return archive.name == urls.tar_name(urls.file_name(url))


def _state(receipt: Receipt) -> list[str]:
    """Return the fields of `<file>.checked`: size in bytes, time stamp in ns, digest and URL."""
    status = Path(receipt.path).stat()
    return [str(status.st_size), str(status.st_mtime_ns), receipt.digest, receipt.url]


def _noted(receipt_file: str | Path) -> list[str]:
    checked = Path(receipt_file).with_suffix(".checked")
    return checked.read_text(encoding="utf-8").strip().split(" ", 3) if checked.is_file() else []


def examine(path: Path, name: str, expected: str | None) -> tuple[str, str | None]:
    """Return a file's digest (like `expected`, or SHA-256), and a phrase on its fault or None."""
    digest = compute_digest(path, expected.partition(":")[0] if expected else "sha256")
    if expected and digest != expected:
        return digest, f"its digest is {digest}, not {expected}"
    if begins_as_tar(path, name):
        return digest, None
    if first_bytes(path).startswith(b"PK"):
        raise InputError(f"{path} is a zip file; unpack it, and set `url` to the folder: file://….")
    return digest, f"it is not a {'gzipped ' if urls.tar_name(name) else ''}tar file"


def compute_digest(path: Path, algorithm: str) -> str:
    """Return the digest of a file as `<algorithm>:<hex>`."""
    state = hashlib.new(algorithm, usedforsecurity=False)
    with Progress.open_file(path, f"{algorithm} of {path.name}") as handle:
        while block := handle.read(BLOCK_BYTES):
            state.update(block)
    return f"{algorithm}:{state.hexdigest()}"


def first_bytes(path: Path) -> bytes:
    """Return the first bytes of a file; error messages show them to tell the kind of file."""
    with path.open("rb") as handle:
        return handle.read(HEAD_BYTES)


def begins_as_tar(path: Path, name: str) -> bool:
    """Whether a file begins with a tar header, gzipped if `name` ends in .tar.gz or .tgz."""
    try:  # by the header's checksum, because old (v7) tars have no magic number
        with (gzip.open if urls.tar_name(name) else open)(path, "rb") as stream:
            tarfile.TarInfo.frombuf(stream.read(tarfile.BLOCKSIZE), "utf-8", "surrogateescape")
    except (tarfile.HeaderError, EOFError, gzip.BadGzipFile, zlib.error):
        return False
    return True
