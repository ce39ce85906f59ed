"""Download or find one archive, check it, and write a receipt.

Reads: the file behind an http://, https:// or file:// URL, and its digest if the config has one.
Writes: the receipt (`renet.archives.receipts`). The archive beside it is no declared output.
Decides: an existing archive is reused if it has the config's digest or, if the config has none, the
digest computed when it was downloaded from this URL. A partial download is continued if a digest
will verify the whole file; any other response is written beside the part until it is verified.
Without a digest, the log says "not verified", and the file must be a tar or a gzipped tar, as the
URL's suffix says. A file:// archive is checked and used in place; a folder is packed into a tar.
"""

from pathlib import Path

from renet.archives import downloads
from renet.common import script


def download(url: str, digest: str | None, receipt: Path) -> None:
    downloads.obtain(url, digest, receipt)


if __name__ == "__main__":
    script.run(download)
