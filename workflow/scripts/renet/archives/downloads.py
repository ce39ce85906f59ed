"""Archives from a server, or where they lie: fetched once, resumed, checked, ready to be read.

Beside the receipt lie, named after the end of the URL:

    <file>             the archive, only ever whole and checked
    <file>.part        bytes on their way, locked (flock) by the process that fetches them
    <file>.rejected    a whole download that is not what the config expects
    <file>.source.json, <file>.part.json, <file>.rejected.json
                       what the server said of these bytes; they outlive the receipt
    <tar>, <tar>.source.json
                       the tar that was in a .tar.gz or .tgz, and the digest of what it came from
    <folder>.tar       the files of a folder that a file URL names
"""

import contextlib
import dataclasses
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from renet.archives import http_client, http_transfer, origins, verification
from renet.archives.decompression import decompress
from renet.archives.file_kinds import describe_bytes
from renet.archives.folders import pack
from renet.archives.origins import Origin
from renet.archives.receipts import Receipt
from renet.common import files
from renet.common.errors import InputError
from renet.config import urls


def obtain(url: str, digest: str | None, receipt_file: str | Path) -> Receipt:
    """Get the archive behind `url`, check it, make it readable by offset and write its receipt.

    An http or https archive is put beside the receipt, unless it lies there already; a file URL
    is used where it lies; a folder is packed into a tar beside the receipt. A .tar.gz or .tgz is
    decompressed beside the receipt in either case, and the receipt names that tar. The same archive
    gives the same receipt, byte for byte.

    Args:
        url: http://, https:// or file:// with an absolute path.
        digest: `md5:<hex>`, `sha256:<hex>`, or None if none is known.
        receipt_file: where the receipt is written; names the folder of everything else.

    Raises:
        InputError: the URL or the digest cannot be used, the server does not give the file, the
            bytes are not the expected ones, the disk is full, or another process is fetching.
    """
    receipt_file = Path(receipt_file)
    archive = receipt_file.with_name(urls.file_name(url))
    tar = archive.with_name(urls.tar_name(archive.name) or archive.name)
    in_place, wanted = urls.local_path(url), verification.parse_digest(digest)
    if receipt_file.name in (archive.name, tar.name):
        raise InputError(
            f"The receipt cannot be called {receipt_file}, because the archive goes there; add "
            ".json to its name."
        )
    receipt_file.parent.mkdir(parents=True, exist_ok=True)
    if in_place and in_place.is_dir():
        receipt = _from_folder(url, in_place, archive.with_name(f"{archive.name}.tar"), wanted)
    elif in_place:
        receipt = _from_disk(url, in_place, wanted)
    else:
        receipt = _from_server(url, archive, wanted)
    _log_verdict(receipt)
    if tar != archive:
        decompress(receipt, tar)
        receipt = dataclasses.replace(receipt, path=str(tar))
    receipt.write(receipt_file)
    return receipt


def _log_verdict(receipt: Receipt) -> None:
    if receipt.verified:
        logging.info("%s: verified, %s.", receipt.path, receipt.digest)
    else:
        logging.warning(
            "%s: not verified, because the config gives no digest for it; it has %s.",
            receipt.path,
            receipt.digest,
        )


def _offer_to_accept(wanted: str | None, digest: str) -> str:
    return f", or put {digest} in the config to accept this one" if wanted else ""


# Archives that are on this machine.


def _from_disk(url: str, path: Path, wanted: str | None) -> Receipt:
    """Check a file in place; it is never copied, moved or marked."""
    if not path.is_file():
        raise InputError(f"There is no file {path}, which the URL {url} speaks of.")
    digest, fault = verification.examine(path, path.name, wanted)
    size = path.stat().st_size
    if fault:
        raise InputError(
            f"{path} is not what the config expects: {fault}. Its {size:,} bytes look like "
            f"{describe_bytes(path)}. Put the right file there{_offer_to_accept(wanted, digest)}."
        )
    return Receipt(url, str(path), size, digest, verified=wanted is not None)


def _from_folder(url: str, folder: Path, tar: Path, wanted: str | None) -> Receipt:
    """Pack a folder of photos beside the receipt."""
    if wanted:
        raise InputError(f"{folder} is a folder, which has no digest; give none for {url}.")
    pack(folder, tar)
    digest = verification.compute_digest(tar, "sha256")
    return Receipt(url, str(tar), tar.stat().st_size, digest, verified=False)


# Archives from a server.


def _from_server(url: str, archive: Path, wanted: str | None) -> Receipt:
    """The receipt of an archive that lies there already, was rejected before or is fetched."""
    part = archive.with_name(archive.name + ".part")
    with _locked(part):
        origin = _keep(url, archive, wanted)
        if origin:
            os.truncate(part, 0)  # nobody needs the rest of it any more
        else:
            origin = _accept_rejected(url, archive, wanted)
        if not origin:
            http_transfer.fetch(url, part)
            origin = _accept(url, part, archive, wanted)
        origins.write(archive, origin)
    return Receipt(**dataclasses.asdict(origin), path=str(archive), verified=wanted is not None)


@contextlib.contextmanager
def _locked(part: Path) -> Iterator[None]:
    """Hold the lock on `<file>.part`, which the kernel lets go when the process ends."""
    with part.open("ab") as handle:
        try:
            files.lock(handle)
            # It may have been renamed by another process before this one got the lock.
            mine = os.path.samestat(os.fstat(handle.fileno()), part.stat())
        except (BlockingIOError, FileNotFoundError):
            mine = False
        if not mine:
            raise InputError(
                f"{part} is being written by another process; wait for it to end, or stop it, "
                "and start again."
            )
        try:
            yield
        finally:
            if part.exists() and not part.stat().st_size:
                part.unlink()
                origins.forget(part)


def _keep(url: str, archive: Path, wanted: str | None) -> Origin | None:
    """What is known of the archive that lies there; None if it is absent or has to be fetched."""
    if not archive.is_file():
        return None
    size, known = archive.stat().st_size, origins.read_for(url, archive)
    fault = None if wanted else _size_fault(url, archive)
    if not fault:
        digest, fault = verification.examine(archive, archive.name, wanted)
    if not fault and not wanted and known.digest:
        fault = _damage(archive, digest, known.digest)
    if fault:
        logging.warning("%s lies there already, but has to be fetched again: %s.", archive, fault)
        return None
    logging.info("%s lies there already; nothing is fetched.", archive)
    return dataclasses.replace(known, size=size, digest=digest)


def _damage(archive: Path, digest: str, noted: str) -> str | None:
    """Whether bytes that have `digest` differ from those that had the `noted` one."""
    algorithm = noted.partition(":")[0]
    if not digest.startswith(algorithm):
        digest = verification.compute_digest(archive, algorithm)
    return None if digest == noted else f"it came with {noted} and has {digest} now"


def _size_fault(url: str, archive: Path) -> str | None:
    """Whether the server's size speaks against the bytes here; an absent server does not."""
    announced, size = http_client.ask_size(url), archive.stat().st_size
    if announced is not None:
        return None if size == announced else f"it has {size:,} bytes, {url} has {announced:,}"
    logging.warning("The size of %s could not be asked for.", url)
    known = origins.read(archive)
    return f"it came from {known.url}" if known and known.url != url else None


def _accept_rejected(url: str, archive: Path, wanted: str | None) -> Origin | None:
    """Take a rejected download that the config accepts now; None if there is none to judge."""
    rejected = _rejected(archive)
    if not rejected.is_file():
        return None
    known = origins.read(rejected)
    elsewhere = known is not None and known.url != url
    if elsewhere and (wanted is None or verification.examine(rejected, archive.name, wanted)[1]):
        logging.info("%s came from another URL, %s; it is left alone.", rejected, known.url)
        return None
    return _accept(url, rejected, archive, wanted)


def _accept(url: str, candidate: Path, archive: Path, wanted: str | None) -> Origin:
    """Give a whole download the archive's name, or leave it as `<file>.rejected` and raise."""
    digest, fault = verification.examine(candidate, archive.name, wanted)
    known = origins.read_for(url, candidate)
    if fault:
        rejected = _rejected(archive)
        if candidate != rejected:
            origins.move(candidate, rejected)
        raise InputError(
            f"{url} did not give what the config expects: {fault}. The "
            f"{rejected.stat().st_size:,} bytes that came look like {describe_bytes(rejected)}; "
            f"they are left as {rejected}. Delete that file to fetch it again"
            f"{_offer_to_accept(wanted, digest)}."
        )
    origins.move(candidate, archive)
    return dataclasses.replace(known, size=archive.stat().st_size, digest=digest)


def _rejected(archive: Path) -> Path:
    return archive.with_name(archive.name + ".rejected")
