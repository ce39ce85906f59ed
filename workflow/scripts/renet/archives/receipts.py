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
    """One archive file that was downloaded, found in place or made."""

    url: str
    path: str  # of the file, or of the decompressed tar for a .tar.gz
    size: int  # bytes of the file at the URL
    digest: str  # `md5:…` or `sha256:…` of the file at the URL, in lower-case hexadecimals
    verified: bool  # whether that digest was compared with one from the config
    etag: str | None = None  # the server's headers; None if it did not send them
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
    way_out = "delete the receipt to get the archive again"
    try:
        receipt = Receipt(**files.read_json(receipt_file))
    except TypeError as error:
        raise InputError(f"{receipt_file} is not a receipt ({error}); {way_out}.") from error
    if not Path(receipt.path).is_file():
        raise InputError(f"{receipt.path} of the receipt {receipt_file} is gone; {way_out}.")
    return receipt
