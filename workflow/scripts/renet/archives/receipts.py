"""Receipts: what lies where an archive was put, and how sure that is.

Snakemake knows an archive by its receipt alone (`resources/<archive>/<file>.json`): it deletes the
declared outputs of a job that it repeats, and an archive must survive that.
"""

import dataclasses
from pathlib import Path

from renet.common import files
from renet.common.errors import InputError

FACTS = ("url", "size", "digest", "verified")  # what holds on any machine


@dataclasses.dataclass(frozen=True)
class Receipt:
    """One archive file that was downloaded, found in place or made.

    Attributes:
        url: where it came from.
        path: where its tar (decompressed, if it came as .tar.gz) or plain file lies.
        size: bytes of the file as it came.
        digest: `md5:…` or `sha256:…` of the file as it came, in lower-case hexadecimals.
        verified: whether that digest was compared with one from the config.
        etag, last_modified: the server's headers, where it sent them.
    """

    url: str
    path: str
    size: int
    digest: str
    verified: bool
    etag: str | None = None
    last_modified: str | None = None

    def write(self, receipt_file: str | Path) -> None:
        """Write the receipt as JSON; the same archive gives the same bytes."""
        files.write_json(receipt_file, dataclasses.asdict(self))


def facts(receipt_file: str | Path) -> dict:
    """What a page or a record says of an archive file: `FACTS`."""
    receipt = files.read_json(receipt_file)
    return {name: receipt[name] for name in FACTS}


def read(receipt_file: str | Path) -> Receipt:
    """Read a receipt, and check that the file it speaks of is still there.

    Raises:
        InputError: the receipt is not one, or its archive is gone.
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
            f"The archive {receipt.path} that {receipt_file} speaks of is gone; delete the receipt "
            "to get the archive again."
        )
    return receipt
