"""Rule download: get one archive, check it, and write a receipt that says where it lies.

Reads    an http://, https:// or file:// URL, and its digest where the config gives one.
Writes   the receipt, `resources/<archive>/<file>.json`: URL, path, size, digest, whether that
         was verified, and the server's ETag and Last-Modified. The same archive gives the same
         receipt.
Beside   the receipt, undeclared because Snakemake deletes what is declared before it repeats a
         job: the archive, and while it comes its `.part`. A .tar.gz or .tgz is decompressed
         there once, so that its members can be read by offset.
Decides
- An archive that lies there with the right digest is not fetched again; without a digest, its
  size is compared with the server's and its bytes with the digest noted when they came.
- An interrupted download goes on where it stopped, if the server's file is still the same.
- Bytes with the wrong digest stay as `<file>.rejected`. Deleting them fetches again; putting
  their digest in the config accepts them without fetching.
- Without a digest the log says "not verified", and nothing but a tar, a gzipped tar or a .mat
  file, as the URL's ending promises, is accepted.
- A file:// archive is checked and used where it lies.
"""

import argparse
from pathlib import Path

from renet import downloads, logs


def download(receipt: str, url: str, digest: str | None) -> None:
    """Get the archive at `url` and write `receipt`; see `renet.downloads.obtain`."""
    downloads.obtain(url, digest, Path(receipt))


def main() -> None:
    """Get an archive by hand."""
    parser = argparse.ArgumentParser(
        description="Get an archive, check it and write a receipt beside it; an interrupted "
        "download goes on where it stopped."
    )
    parser.add_argument("url", help="http://, https://, or file:// with an absolute path")
    digests = parser.add_mutually_exclusive_group()
    digests.add_argument("--md5", metavar="HEX", help="the MD5 that the file must have")
    digests.add_argument("--sha256", metavar="HEX", help="the SHA-256 that the file must have")
    parser.add_argument(
        "-o",
        "--output",
        metavar="RECEIPT",
        required=True,
        help="the receipt, as in resources/wiki/wiki_crop.tar.json; the archive goes beside it",
    )
    options = parser.parse_args()
    digest = None
    if options.md5 is not None:
        digest = f"md5:{options.md5}"
    elif options.sha256 is not None:
        digest = f"sha256:{options.sha256}"
    logs.start()
    download(receipt=options.output, url=options.url, digest=digest)


if __name__ == "__main__":
    if "snakemake" in globals():
        logs.start(snakemake.log[0])
        download(
            receipt=snakemake.output.receipt,
            url=snakemake.params.url,
            digest=snakemake.params.digest,
        )
    else:
        main()
