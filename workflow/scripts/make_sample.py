"""Draw the built-in sample, in the layout of IMDB-WIKI's wiki_crop.tar, with a receipt.

Writes: the receipt `wiki_crop.tar.json`, as download.py writes it for a real archive, and beside it
`wiki_crop.tar`, undeclared as all archives are.
Decides: what is drawn depends on `photos` and `seed` alone.
"""

import logging
from pathlib import Path

from renet.archives.receipts import Receipt
from renet.common import files, script
from renet.sample.archive import write_sample


def make_sample(photos: int, seed: int, receipt: Path) -> None:
    """Compute the rule's outputs, as the module says."""
    archive = receipt.with_suffix("")
    write_sample(archive, photos, seed)
    size = archive.stat().st_size
    digest = f"sha256:{files.file_digest(archive)}"
    Receipt("made:sample", str(archive), size, digest, verified=True).write(receipt)
    logging.info("%s holds %d rows of drawn portraits (%d bytes).", archive, photos, size)


if __name__ == "__main__":
    script.run(make_sample)
