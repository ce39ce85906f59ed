"""Draw the built-in sample, in the layout of IMDB-WIKI's wiki_crop.tar, with a receipt.

Reads: nothing.
Writes: the receipt `wiki_crop.tar.json`, with path, size and SHA-256 of the archive, as download.py
writes it for a real one. The archive is written beside the receipt, undeclared as all archives are:
`wiki_crop.tar`, with drawn portraits of invented people and the quirks of the real archive.
Decides: what is drawn depends on `photos` and `seed` alone.
"""

import logging
from pathlib import Path

from renet.archives.receipts import Receipt
from renet.common import files, script
from renet.sample.archive import write_sample


def make_sample(photos: int, seed: int, receipt: Path) -> None:
    """Draw the built-in sample: portraits of invented people, in the layout of wiki_crop.tar."""
    archive = receipt.with_suffix("")
    write_sample(archive, photos, seed)
    size = archive.stat().st_size
    digest = f"sha256:{files.file_digest(archive)}"
    Receipt("made:sample", str(archive), size, digest, verified=True).write(receipt)
    logging.info("%s holds %d rows of drawn portraits (%d bytes).", archive, photos, size)


if __name__ == "__main__":
    script.run(make_sample)
