"""Get an archive from a server or from the disk: download once, resume, verify, decompress.

Files beside the receipt, named after the end of the URL:

    <file>             the archive, complete and verified
    <file>.part        an incomplete download, locked (flock) by the process that gets it
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
from renet.archives.verification import first_bytes
from renet.common import locks
from renet.common.errors import InputError
from renet.config import urls


def obtain(url: str, digest: str | None, receipt_file: str | Path) -> Receipt:
    """Get the archive at `url`, verify it, make it readable by offset and write its receipt.

    The script download.py has the rules.

    Args:
        digest: `md5:<hex>`, `sha256:<hex>`, or None if it is not known.
        receipt_file: JSON file to write; all other files go to its folder.

    Raises:
        InputError: the URL cannot be used, the server does not send the file, the bytes are not the
            expected ones, another process gets the same archive, or the disk is full.
    """
    receipt_file = Path(receipt_file)
    archive = receipt_file.with_name(urls.file_name(url))
    tar = archive.with_name(urls.tar_name(archive.name) or archive.name)
    wanted = digest.lower() if digest else None
    if receipt_file.name in (archive.name, tar.name):
        raise InputError(
            f"The receipt cannot be called {receipt_file}, because that is the name of the "
            "archive; add .json to it."
        )
    receipt_file.parent.mkdir(parents=True, exist_ok=True)
    receipt = _obtain(url, archive, tar, wanted)
    receipt.write(receipt_file)
    return receipt


def _obtain(url: str, archive: Path, tar: Path, wanted: str | None) -> Receipt:
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
            f"{path} is not what the config expects: {fault}. Its {size:,} bytes begin "
            f"{first_bytes(path)!r}. Put the right file there{_offer_to_accept(wanted, digest)}."
        )
    return Receipt(url, str(path), size, digest, verified=wanted is not None)


def _from_folder(url: str, folder: Path, tar: Path, wanted: str | None) -> Receipt:
    if wanted:
        raise InputError(f"{url} is a folder, which has no digest; remove `md5` or `sha256`.")
    local_tars.pack(folder, tar)
    digest = verification.compute_digest(tar, "sha256")
    return Receipt(url, str(tar), tar.stat().st_size, digest, verified=False)


def _from_server(url: str, archive: Path, wanted: str | None) -> Receipt:
    """The receipt of an archive that is already there or is downloaded."""
    part = archive.with_name(archive.name + ".part")
    with locks.sole_writer(part):
        try:
            origin = _reuse(url, archive, wanted)
            if origin:
                os.truncate(part, 0)
            else:
                origin = _download(url, part, archive, wanted)
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
    known = origins.read_for(url, archive)
    if expected := wanted or known.digest:
        digest, fault = verification.examine(archive, archive.name, expected)
    else:
        digest, fault = None, f"it did not come from {url}"
    if fault:
        logging.warning("%s exists, but must be downloaded again: %s.", archive, fault)
        return None
    logging.info("%s exists; nothing is downloaded.", archive)
    return dataclasses.replace(known, size=archive.stat().st_size, digest=digest)


def _download(url: str, part: Path, archive: Path, wanted: str | None) -> Origin:
    """Download the archive, unless the digest of a rejected download is in the config now."""
    rejected = archive.with_name(archive.name + ".rejected")
    candidate = rejected if rejected.is_file() else part
    if candidate == part:
        http_transfer.fetch(url, part)
    digest, fault = verification.examine(candidate, archive.name, wanted)
    if candidate == rejected and not wanted:
        fault = fault or "a rejected file needs a digest"
    known = origins.read_for(url, candidate)
    if fault:
        if candidate == part:
            origins.move(part, rejected)
        raise InputError(
            f"{url} did not send what the config expects: {fault}. The {rejected.stat().st_size:,} "
            f"bytes received, which begin {first_bytes(rejected)!r}, are kept as {rejected}. "
            f"Delete that file to download it again{_offer_to_accept(wanted, digest)}."
        )
    origins.move(candidate, archive)
    return dataclasses.replace(known, size=archive.stat().st_size, digest=digest)
