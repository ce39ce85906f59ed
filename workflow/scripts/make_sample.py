"""Copy the built-in sample, in the layout of IMDB-WIKI's wiki_crop.tar, and write its receipt.

Reads: `workflow/sample/<photos>.tar`. The file is no input of the rule, because its path differs
between checkouts. Its digest is in this script, so that a changed digest repeats the rule.
Writes: the receipt `wiki_crop.tar.json`, as download.py writes it for a real archive; and beside
it `wiki_crop.tar`, which is no declared output, like all archives.
"""

import logging
import shutil
from pathlib import Path

from renet.archives.receipts import Receipt, compute_digest
from renet.common import files, script
from renet.common.errors import InputError

FOLDER = Path(__file__).parents[1] / "sample"
DIGESTS = {
    60: "sha256:d4c5350258d332608501971c19983d87a323a33ac1b8c68197639594757975e3",
    600: "sha256:120e4acdf4d51dca656b16d56c9cfe94416c9a7851fd0e2d0762badc641eb3ee",
}


def make_sample(photos: int, receipt: Path) -> None:
    tar, archive, digest = FOLDER / f"{photos}.tar", receipt.with_suffix(""), DIGESTS[photos]
    if not tar.is_file() or compute_digest(tar, "sha256") != digest:
        raise InputError(
            f"{tar} is missing or damaged: its digest must be {digest}. Get the file again, in "
            f"a clone by `git checkout -- {tar}`."
        )
    size = tar.stat().st_size
    with files.replacing(archive, size) as temporary:
        shutil.copyfile(tar, temporary)
    Receipt("made:sample", str(archive), size, digest, verified=True).write(receipt)
    logging.info("%s has %d rows of drawn portraits (%d bytes).", archive, photos, size)


if __name__ == "__main__":
    script.run(make_sample)
