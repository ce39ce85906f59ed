"""Rule make_sample: draw the built-in sample, and write a receipt as a download would.

Reads    nothing: the portraits are drawn from two numbers.
Writes   the receipt, `resources/sample/wiki_crop.tar.json`: path, size and SHA-256 of the archive.
Beside   the receipt, undeclared like any archive: `wiki_crop.tar`, in the layout of the real one,
         with drawn portraits of invented people and with what is odd in the real one.
Decides  nothing but by the seed: the same `photos` and `seed` give the same bytes.
"""

import argparse
import logging
from pathlib import Path

from renet.archives.receipts import Receipt
from renet.common import files, logs
from renet.sample.archive import MAX_PHOTOS, MIN_PHOTOS, write_sample


def make_sample(receipt: str, photos: int, seed: int) -> None:
    """Draw the archive beside `receipt` (its name without .json), and write the receipt."""
    archive = Path(receipt).with_suffix("")
    write_sample(archive, photos, seed)
    size = archive.stat().st_size
    digest = f"sha256:{files.file_digest(archive)}"
    Receipt("made:sample", str(archive), size, digest, verified=True).write(receipt)
    logging.info("%s holds %d rows of drawn portraits (%d bytes).", archive, photos, size)


def main() -> None:
    """Draw a sample by hand."""
    parser = argparse.ArgumentParser(
        description="Draw the built-in sample: portraits of invented people, in the layout of "
        "IMDB-WIKI's wiki_crop.tar."
    )
    parser.add_argument(
        "--photos",
        type=int,
        default=600,
        help=f"rows of the .mat file, {MIN_PHOTOS} to {MAX_PHOTOS} (default: 600)",
    )
    parser.add_argument("--seed", type=int, default=1, help="another one draws others (default: 1)")
    parser.add_argument(
        "-o",
        "--output",
        metavar="RECEIPT",
        default="resources/sample/wiki_crop.tar.json",
        help="the receipt; the archive goes beside it, without .json (default: %(default)s)",
    )
    options = parser.parse_args()
    logs.start()
    make_sample(receipt=options.output, photos=options.photos, seed=options.seed)


if __name__ == "__main__":
    if "snakemake" in globals():
        logs.start(snakemake.log[0])
        make_sample(
            receipt=snakemake.output.receipt,
            photos=snakemake.params.photos,
            seed=snakemake.params.seed,
        )
    else:
        main()
