"""Get an archive from a server or from the disk: download, resume, verify and decompress it.

Files beside the receipt, named after the end of the URL:

    <file>             the archive, complete and verified
    <file>.part        an incomplete download, locked (flock) by the process that downloads it
    <file>.part.new    a response that does not continue <file>.part, until it is verified
    <tar>              the decompressed tar of a .tar.gz or .tgz
    <folder>.tar       the files of a folder that a file URL names
    <file>.checked     size, time stamp, digest and URL of the archive; see `receipts`
"""

import dataclasses
import gzip
import logging
import os
import shutil
import tarfile
import zlib
from pathlib import Path

from renet.archives import http_transfer, receipts
from renet.archives.receipts import BLOCK_BYTES, Receipt, first_bytes
from renet.common import disk, files, locks, logs, urls
from renet.common.errors import InputError
from renet.common.photo_formats import is_hidden
from renet.common.progress import Progress


def obtain(url: str, digest: str | None, receipt_file: Path) -> Receipt:
    """Get the archive at a URL as the script download.py says; write and return its receipt.

    `digest`, from the config, is `md5:<hex>`, `sha256:<hex>`, or None if the config has no digest.
    """
    archive = receipt_file.with_name(urls.file_name(url))
    receipt_file.parent.mkdir(parents=True, exist_ok=True)
    receipt = _obtain(url, archive, digest.lower() if digest else None, receipt_file)
    receipt.write(receipt_file)
    return receipt


def _obtain(url: str, archive: Path, wanted: str | None, receipt_file: Path) -> Receipt:
    in_place = urls.local_path(url)
    if in_place and in_place.is_dir():
        return _from_folder(url, in_place, archive.with_name(f"{archive.name}.tar"), wanted)
    if in_place:
        receipt = _from_disk(url, in_place, wanted)
    else:
        receipt = _from_server(url, archive, wanted, receipt_file)
    if wanted:
        logging.info("%s is verified: its digest is %s.", receipt.path, receipt.digest)
    else:
        fault = "%s is not verified, because the config has no digest for it; its digest is %s."
        logging.warning(fault, receipt.path, receipt.digest)
    tar = urls.tar_name(archive.name)
    return _decompress(receipt, archive.with_name(tar), receipt_file) if tar else receipt


def _offer_to_accept(wanted: str | None, digest: str) -> str:
    is_other = wanted not in (None, digest)
    return f", or put {digest} in the config to accept this file" if is_other else ""


def _from_disk(url: str, path: Path, wanted: str | None) -> Receipt:
    if not path.is_file():
        raise InputError(f"The file {path} of the URL {url} does not exist; check the path.")
    digest, fault = receipts.examine(path, path.name, wanted)
    size = path.stat().st_size
    if fault:
        raise InputError(
            f"{path} is not what the config expects: {fault}. Its {size:,} bytes begin "
            f"with {first_bytes(path)!r}. Replace the file{_offer_to_accept(wanted, digest)}."
        )
    return Receipt(url, str(path), size, digest, verified=wanted is not None)


def _from_folder(url: str, folder: Path, tar: Path, wanted: str | None) -> Receipt:
    if wanted:
        raise InputError(f"{url} is a folder, which has no digest; remove `md5` or `sha256`.")
    _pack(folder, tar)
    digest = receipts.compute_digest(tar, "sha256")
    return Receipt(url, str(tar), tar.stat().st_size, digest, verified=False)


def _from_server(url: str, archive: Path, wanted: str | None, receipt_file: Path) -> Receipt:
    """Return the receipt of a server's archive; download the archive unless it exists already."""
    url = url.replace(" ", "%20")  # a space would end the URL in `logs`
    plain = logs.without_user_info(url)
    part, beside = (archive.with_name(f"{archive.name}.part{end}") for end in ("", ".new"))
    with locks.sole_writer(part):
        try:
            digest = _digest_in_place(plain, archive, wanted, receipt_file)
            if digest is None:
                download = http_transfer.Download(url, part, beside, has_digest=wanted is not None)
                digest = _prove(download.run(), url, archive, wanted)
            part.unlink(missing_ok=True)
        finally:
            beside.unlink(missing_ok=True)
            if part.exists() and not part.stat().st_size:
                part.unlink()
    receipt = Receipt(plain, str(archive), archive.stat().st_size, digest, wanted is not None)
    if receipts.known_digest(plain, receipt_file) != digest:  # kept if decompressing fails
        receipts.note_checked(receipt, receipt_file)
    return receipt


def _digest_in_place(url: str, archive: Path, wanted: str | None, receipt_file: Path) -> str | None:
    """Return the digest of an existing archive; None if the archive must be downloaded (again)."""
    if not archive.is_file():
        return None
    if expected := wanted or receipts.known_digest(url, receipt_file):
        digest, fault = receipts.examine(archive, archive.name, expected)
    else:
        digest, fault = "", f"it did not come from {url}"
    if fault:
        logging.warning("%s exists, but must be downloaded again: %s.", archive, fault)
        return None
    logging.info("%s exists; nothing is downloaded.", archive)
    return digest


def _prove(received: Path, url: str, archive: Path, wanted: str | None) -> str:
    """Rename a download to `archive` and return its digest; InputError if digest or kind is wrong.

    A tar with another digest than the config's is kept, because the config may be wrong.
    """
    digest, fault = receipts.examine(received, archive.name, wanted)
    if not fault:
        files.move(received, archive)
        return digest
    size, head, way_out = received.stat().st_size, first_bytes(received), "Check the URL and retry"
    if digest == wanted:
        way_out = f"Correct URL and digest in the config; the file stays as {received}"
    elif received.suffix == ".new" or not receipts.begins_as_tar(received, archive.name):
        received.unlink()
    else:
        way_out = f"Delete {received} to download it again"
    raise InputError(
        f"{url} did not send what the config expects: {fault}. The {size:,} bytes received begin "
        f"with {head!r}. {way_out}{_offer_to_accept(wanted, digest)}."
    )


def _decompress(receipt: Receipt, tar: Path, receipt_file: Path) -> Receipt:
    """Decompress a .tar.gz to `tar`, which can be read by offset; return the receipt of `tar`."""
    archive, decompressed = Path(receipt.path), dataclasses.replace(receipt, path=str(tar))
    if decompressed.is_checked(receipt_file):
        logging.info("%s is decompressed already.", tar)
        return decompressed
    disk.require_space(tar, receipt.size)  # JPEGs hardly shrink: the tar is about as large
    with (
        files.replacing(tar) as temporary,
        Progress.open_file(archive, f"decompressing {archive.name}") as raw,
        gzip.open(raw) as stream,
        temporary.open("wb") as out,
    ):
        try:
            shutil.copyfileobj(stream, out, BLOCK_BYTES)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise InputError(
                f"{archive} is damaged and cannot be decompressed ({error}); its bytes "
                f"begin with {first_bytes(archive)!r}. Put an intact copy in its place; if it was "
                "downloaded, delete it to download it again."
            ) from error
    return decompressed


def _pack(folder: Path, tar: Path) -> None:
    """Write the files of `folder` to `tar`; equal paths and contents result in equal bytes.

    Links to files are followed, links to folders are not. Hidden and special files are left out.
    """
    if tar.resolve().is_relative_to(folder.resolve()):
        raise InputError(
            f"The folder {folder} would be packed into {tar}, which is in this folder; move the "
            "photos to another folder."
        )
    found = [path for path in files.below(folder) if not is_hidden(str(path.relative_to(folder)))]
    paths = [path for path in found if path.is_file()]
    others = [path for path in found if not path.is_file()]
    if skipped := [path for path in others if path.is_symlink() or not path.is_dir()]:
        fact = "%s: %d links to folders, broken links, pipes or devices are skipped, such as %s."
        logging.warning(fact, folder, len(skipped), skipped[0].name)
    if not paths:
        raise InputError(f"The folder {folder} has no files; put the photos there.")
    disk.require_space(tar, sum(path.stat().st_size + 2 * tarfile.BLOCKSIZE for path in paths))
    with (
        files.replacing(tar) as temporary,
        tarfile.open(temporary, "w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for path in Progress(paths, desc=f"packing {folder.name}", unit=" files"):
            header = tarfile.TarInfo(path.relative_to(folder).as_posix())
            with path.open("rb") as handle:
                header.size = os.fstat(handle.fileno()).st_size
                archive.addfile(header, handle)
            archive.members = []  # type: ignore[attr-defined]  # tarfile would keep all headers
