"""Receipts: where an archive file lies, and whether its digest was verified.

The receipt (`resources/<archive>/<file>.json`) is the declared output for Snakemake, not the
archive: Snakemake deletes the declared outputs of a job before it repeats it.
"""

import dataclasses
from pathlib import Path

from renet.common import files
from renet.common.errors import InputError

FACTS = ("url", "size", "digest", "verified")  # the same on every machine


@dataclasses.dataclass(frozen=True)
class Receipt:
    """One archive file that was downloaded, found in place or made.

    Attributes:
        path: path of the file, or of the decompressed tar for a .tar.gz.
        size: bytes of the file at the URL.
        digest: `md5:…` or `sha256:…` of the file at the URL, in lower-case hexadecimals.
        verified: whether that digest was compared with one from the config.
        etag, last_modified: the server's headers; None if it did not send them.
    """

    url: str
    path: str
    size: int
    digest: str
    verified: bool
    etag: str | None = None
    last_modified: str | None = None

    def write(self, receipt_file: str | Path) -> None:
        files.write_json(receipt_file, dataclasses.asdict(self))


def facts(receipt_file: str | Path) -> dict:
    """The fields `FACTS` of a receipt, for pages and the provenance."""
    receipt = files.read_json(receipt_file)
    return {name: receipt[name] for name in FACTS}


def read(receipt_file: str | Path) -> Receipt:
    """Read a receipt, and check that its archive is still there.

    Raises:
        InputError: the file is not a receipt, or its archive is gone.
    """
    try:
        receipt = Receipt(**files.read_json(receipt_file))
    except TypeError as error:
        raise InputError(
            f"{receipt_file} is not the receipt of an archive ({error}); delete it to get the "
            "archive again."
        ) from error
    if not Path(receipt.path).is_file():
        raise InputError(
            f"The archive {receipt.path} of the receipt {receipt_file} is gone; delete the receipt "
            "to get the archive again."
        )
    return receipt
