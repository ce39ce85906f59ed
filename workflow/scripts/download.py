"""Download or find one archive, check it, and write a receipt.

Reads: the file behind an http://, https:// or file:// URL, whose digest the config may give.
Writes: the receipt (`renet.archives.receipts`). The archive beside it is no declared output.
Decides: an archive that is there and has the right digest is not downloaded again; without one in
the config, that is the digest computed when it came from this URL. A part is continued if a digest
will prove the whole; any other body is written beside it until it is proved. Without a digest the
log says "not verified", and only a tar, or a gzipped one, as the URL's ending promises, is
accepted. A file:// archive is checked and used in place, a folder is packed into a tar.
"""

from pathlib import Path

from renet.archives import downloads
from renet.common import script


def download(url: str, digest: str | None, receipt: Path) -> None:
    """Compute the rule's outputs, as the module says."""
    downloads.obtain(url, digest, receipt)


if __name__ == "__main__":
    script.run(download)
