"""Receipts: where an archive file lies, and whether the config's digest verified it.

The output of the rule download is the receipt: Snakemake would delete an archive before it repeats
the job. `<file>.checked` beside the receipt has the digest and the URL of the archive, and its size
and time when the digest was computed; so the receipt is the same on every machine.
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
FACTS = ("url", "size", "digest", "verified")  # the same on every machine


class ArchiveIsGone(InputError):
    """The archive of a receipt is not there; it may have been deleted to save space."""


@dataclasses.dataclass(frozen=True)
class Receipt:
    """One archive file that was downloaded, found in place or made."""

    url: str  # without user info
    path: str  # of the file; for a .tar.gz, of the decompressed tar
    size: int  # bytes of the file at the URL
    digest: str  # `md5:…` or `sha256:…` of the file at the URL, in lower-case hexadecimals
    verified: bool  # whether that digest was compared with one from the config

    def write(self, receipt_file: str | Path) -> None:
        files.write_json(receipt_file, dataclasses.asdict(self))
        note_checked(self, receipt_file)

    def indexed(self) -> dict:
        """Record of the archive in archives.json: digest of the receipt, and size of the tar."""
        return {"digest": self.digest, "size": Path(self.path).stat().st_size}

    def is_checked(self, receipt_file: str | Path) -> bool:
        """Whether the file, or the tar of a .tar.gz, has not changed since its check."""
        return Path(self.path).is_file() and _noted(receipt_file) == _state(self)


def facts(receipt_file: str | Path) -> dict:
    """Fields `FACTS` of a receipt, for pages and the provenance, with the public URL."""
    receipt = files.read_json(receipt_file)
    return {name: receipt[name] for name in FACTS} | {"url": logs.public(receipt["url"])}


def known_digest(url: str, receipt_file: str | Path) -> str | None:
    """Digest of the archive that came from a URL, also if its receipt has been deleted."""
    noted = _noted(receipt_file)
    return noted[2] if noted[3:] == [url] else None


def read(receipt_file: str | Path) -> Receipt:
    """Read a receipt, and check that its archive is still there and the same.

    If the archive has another size or time than when it was checked, its digest is computed again.

    Raises:
        ArchiveIsGone: its archive is gone.
        InputError: the file is not a receipt, or its archive has changed.
    """
    way_out = "delete the receipt to get the archive again"
    try:
        content = files.read_json(receipt_file)
        receipt = Receipt(**{name: content[name] for name in (*FACTS, "path")})
    except FileNotFoundError as error:
        raise InputError(
            f"The receipt {receipt_file} is not there: it was deleted, or another Snakemake that "
            "uses this folder is writing it; start again."
        ) from error
    except (KeyError, TypeError) as error:
        raise InputError(f"{receipt_file} is not a receipt ({error}); {way_out}.") from error
    archive = Path(receipt.path)
    if not archive.is_file():
        raise ArchiveIsGone(f"The archive {receipt.path} of {receipt_file} is gone; {way_out}.")
    if not (is_decompressed(receipt.url, archive) or receipt.is_checked(receipt_file)):
        digest = compute_digest(archive, receipt.digest.partition(":")[0])
        if digest != receipt.digest:
            raise InputError(
                f"{archive} has changed since its receipt {receipt_file} was written: its digest "
                f"was {receipt.digest} and is {digest}. Put the right file there, or delete the "
                "receipt to download the archive again, or to accept it."
            )
        note_checked(receipt, receipt_file)
    return receipt


def read_indexed(receipt_file: str | Path, indexed: dict) -> Path:
    """Archive of a receipt (see `read`); an InputError if it is not the indexed archive."""
    receipt = read(receipt_file)
    if receipt.indexed() != indexed:
        raise InputError(
            f"{receipt.path} is not the archive that was indexed: it has another digest or size. "
            f"Delete {receipt_file}, and start again to index the archive."
        )
    return Path(receipt.path)


def note_checked(receipt: Receipt, receipt_file: str | Path) -> None:
    """Record the state of a checked archive: other jobs then skip the check."""
    try:
        checked = Path(receipt_file).with_suffix(".checked")
        files.write_text(checked, " ".join(_state(receipt)) + "\n")
    except (InputError, OSError) as error:  # another job writes it, or the folder is another user's
        logging.info("The check of the archive of %s was not recorded: %s", receipt_file, error)


def is_decompressed(url: str, archive: Path) -> bool:
    """Whether an archive was unpacked from a .tar.gz, whose digest the receipt has."""
    return archive.name == urls.tar_name(urls.file_name(url))


def _state(receipt: Receipt) -> list[str]:
    """Values that change if an archive is copied, written again or exchanged."""
    status = Path(receipt.path).stat()
    return [str(status.st_size), str(status.st_mtime_ns), receipt.digest, receipt.url]


def _noted(receipt_file: str | Path) -> list[str]:
    checked = Path(receipt_file).with_suffix(".checked")
    return checked.read_text(encoding="utf-8").strip().split(" ", 3) if checked.is_file() else []


def examine(path: Path, name: str, expected: str | None) -> tuple[str, str | None]:
    """Digest of a file, by default SHA-256, and a phrase on the fault of the file, or None."""
    digest = compute_digest(path, expected.partition(":")[0] if expected else "sha256")
    if expected and digest != expected:
        return digest, f"its digest is {digest}, not {expected}"
    if begins_as_tar(path, name):
        return digest, None
    if first_bytes(path).startswith(b"PK"):
        raise InputError(f"{path} is a zip file; unpack it, and give the folder as file://….")
    return digest, f"it is not a {'gzipped ' if urls.tar_name(name) else ''}tar file"


def compute_digest(path: Path, algorithm: str) -> str:
    """`<algorithm>:<hex>` of a whole file."""
    state = hashlib.new(algorithm, usedforsecurity=False)
    with Progress.open_file(path, f"{algorithm} of {path.name}") as handle:
        while block := handle.read(BLOCK_BYTES):
            state.update(block)
    return f"{algorithm}:{state.hexdigest()}"


def first_bytes(path: Path) -> bytes:
    """First bytes of a file: an error shows them, because they tell the kind of file."""
    with path.open("rb") as handle:
        return handle.read(HEAD_BYTES)


def begins_as_tar(path: Path, name: str) -> bool:
    """Whether a file begins with a tar header, which is gzipped if the name of the file says so."""
    try:  # by the header's checksum, because old (v7) tars have no magic number
        with (gzip.open if urls.tar_name(name) else open)(path, "rb") as stream:
            tarfile.TarInfo.frombuf(stream.read(tarfile.BLOCKSIZE), "utf-8", "surrogateescape")
    except (tarfile.HeaderError, EOFError, gzip.BadGzipFile, zlib.error):
        return False
    return True
