"""Get an archive from a server or from the disk: download once, resume, verify, decompress.

Files beside the receipt, named after the end of the URL:

    <file>             the archive, complete and verified
    <file>.part        an incomplete download
    <file>.lock        locked (flock) by the process that gets the archive; deleted at the end
    <file>.rejected    a complete download that the config does not expect
    <file>.source.json, <file>.part.json, <file>.rejected.json
                       the origin of these bytes; it stays if the receipt is deleted
    <tar>, <tar>.source.json
                       the tar in a .tar.gz or .tgz, and the digest of the compressed file
    <folder>.tar       the files of a folder that a file URL names
    <file>.checked     size and time of the archive when its digest was computed; see `receipts`
"""

import dataclasses
import logging
import os
from pathlib import Path

from renet.archives import http_transfer, local_tars, origins, verification
from renet.archives.origins import Origin
from renet.archives.receipts import Receipt
from renet.archives.verification import describe_bytes
from renet.common import locks
from renet.common.errors import InputError
from renet.config import urls


def obtain(url: str, digest: str | None, receipt_file: str | Path) -> Receipt:
    """Get the archive at `url`, verify it, make it readable by offset and write its receipt.

    The script download.py has the rules. If another process gets the same archive at the moment,
    this one waits, and then uses its result.

    Args:
        digest: `md5:<hex>`, `sha256:<hex>`, or None if it is not known.
        receipt_file: JSON file to write; all other files go to its folder.

    Raises:
        InputError: the URL or the digest cannot be used, the server does not send the file, the
            bytes are not the expected ones, or the disk is full.
    """
    receipt_file = Path(receipt_file)
    archive = receipt_file.with_name(urls.file_name(url))
    tar = archive.with_name(urls.tar_name(archive.name) or archive.name)
    wanted = verification.parse_digest(digest)
    if receipt_file.name in (archive.name, tar.name):
        raise InputError(
            f"The receipt cannot be called {receipt_file}, because that is the name of the "
            "archive; add .json to it."
        )
    receipt_file.parent.mkdir(parents=True, exist_ok=True)
    with locks.alone_with(archive):
        receipt = _obtain_alone(url, archive, tar, wanted)
        receipt.write(receipt_file)
    return receipt


def _obtain_alone(url: str, archive: Path, tar: Path, wanted: str | None) -> Receipt:
    """The receipt of an archive that no other process works on."""
    in_place = urls.local_path(url)
    if in_place and in_place.is_dir():
        return _from_folder(url, in_place, archive.with_name(f"{archive.name}.tar"), wanted)
    receipt = _from_disk(url, in_place, wanted) if in_place else _from_server(url, archive, wanted)
    if wanted:
        logging.info("%s is verified: its digest is %s.", receipt.path, receipt.digest)
    else:
        fault = "%s is not verified, because the config gives no digest for it; its digest is %s."
        logging.warning(fault, receipt.path, receipt.digest)
    if tar != archive:
        local_tars.decompress(receipt, tar)
        receipt = dataclasses.replace(receipt, path=str(tar))
    return receipt


def _offer_to_accept(wanted: str | None, digest: str) -> str:
    return f", or put {digest} in the config to accept this file" if wanted else ""


def _from_disk(url: str, path: Path, wanted: str | None) -> Receipt:
    if not path.is_file():
        raise InputError(f"The file {path} of the URL {url} does not exist; check the path.")
    digest, fault = verification.examine(path, path.name, wanted)
    size = path.stat().st_size
    if fault:
        raise InputError(
            f"{path} is not what the config expects: {fault}. Its {size:,} bytes look like "
            f"{describe_bytes(path)}. Put the right file there{_offer_to_accept(wanted, digest)}."
        )
    return Receipt(url, str(path), size, digest, verified=wanted is not None)


def _from_folder(url: str, folder: Path, tar: Path, wanted: str | None) -> Receipt:
    if wanted:
        raise InputError(f"{url} is a folder, which has no digest; remove `md5` or `sha256`.")
    local_tars.pack(folder, tar)
    digest = verification.compute_digest(tar, "sha256")
    return Receipt(url, str(tar), tar.stat().st_size, digest, verified=False)


def _from_server(url: str, archive: Path, wanted: str | None) -> Receipt:
    """The receipt of an archive that is already there, was rejected before or is downloaded."""
    part = archive.with_name(archive.name + ".part")
    part.touch()
    try:
        origin = _reuse(url, archive, wanted)
        if origin:
            os.truncate(part, 0)
        else:
            origin = _accept_rejected(url, archive, wanted)
        if not origin:
            http_transfer.fetch(url, part)
            origin = _accept(url, part, archive, wanted)
        origins.write(archive, origin)
    finally:
        if part.exists() and not part.stat().st_size:
            part.unlink()
            origins.delete(part)
    return Receipt(**dataclasses.asdict(origin), path=str(archive), verified=wanted is not None)


def _reuse(url: str, archive: Path, wanted: str | None) -> Origin | None:
    """The origin of the archive that is already there; None if it has to be downloaded."""
    if not archive.is_file():
        return None
    size, known = archive.stat().st_size, origins.read_for(url, archive)
    fault = None if wanted else _size_fault(url, archive)
    if not fault:
        digest, fault = verification.examine(archive, archive.name, wanted)
    if not fault and not wanted and known.digest:
        algorithm = known.digest.partition(":")[
            0
        ]  # an earlier config may have had another algorithm
        now = verification.compute_digest(archive, algorithm) if algorithm != "sha256" else digest
        if now != known.digest:
            fault = f"its digest was {known.digest} and is {now} now"
    if fault:
        logging.warning("%s exists, but must be downloaded again: %s.", archive, fault)
        return None
    logging.info("%s exists; nothing is downloaded.", archive)
    return dataclasses.replace(known, size=size, digest=digest)


def _size_fault(url: str, archive: Path) -> str | None:
    """What is wrong with the archive's size, if the server can be reached."""
    announced, size = http_transfer.remote_size(url), archive.stat().st_size
    if announced is not None:
        return None if size == announced else f"it has {size:,} bytes, but {url} has {announced:,}"
    logging.warning("The server does not give the size of %s.", url)
    known = origins.read(archive)
    return f"it came from {known.url}" if known and known.url != url else None


def _accept_rejected(url: str, archive: Path, wanted: str | None) -> Origin | None:
    """The origin of a rejected download that the config accepts now; None if there is none."""
    rejected = archive.with_name(archive.name + ".rejected")
    if not rejected.is_file():
        return None
    known = origins.read(rejected)
    if (
        known
        and known.url != url
        and (wanted is None or verification.examine(rejected, archive.name, wanted)[1])
    ):
        logging.info("%s is not used, because it came from another URL, %s.", rejected, known.url)
        return None
    return _accept(url, rejected, archive, wanted)


def _accept(url: str, candidate: Path, archive: Path, wanted: str | None) -> Origin:
    """Rename a complete download to the archive's name, or to `<file>.rejected` and raise."""
    digest, fault = verification.examine(candidate, archive.name, wanted)
    known = origins.read_for(url, candidate)
    if fault:
        rejected = archive.with_name(archive.name + ".rejected")
        if candidate != rejected:
            origins.move(candidate, rejected)
        raise InputError(
            f"{url} did not send what the config expects: {fault}. The {rejected.stat().st_size:,} "
            f"bytes received look like {describe_bytes(rejected)}; they are kept as {rejected}. "
            f"Delete that file to download it again{_offer_to_accept(wanted, digest)}."
        )
    origins.move(candidate, archive)
    return dataclasses.replace(known, size=archive.stat().st_size, digest=digest)
