"""Get one archive, check it, and write a receipt that says where it lies.

Reads: the file behind an http://, https:// or file:// URL, and its digest where the config gives
one.
Writes: the receipt (URL, path, size, digest, whether that was verified, the server's ETag and
Last-Modified; the same archive gives the same receipt). Beside it, undeclared because Snakemake
deletes what is declared before it repeats a job: the archive, and while it comes its `.part`; of a
.tar.gz or .tgz also the tar in it, so that its members can be read by offset.
Decides: an archive that lies there with the right digest is not fetched again; without a digest,
its size is compared with the server's, and its bytes with the digest noted when they came. An
interrupted download goes on where it stopped, if the server's file is still the same. Bytes with
the wrong digest stay as `<file>.rejected`: deleting them fetches again, putting their digest in the
config accepts them without fetching. Without a digest the log says "not verified", and nothing but
a tar, a gzipped tar or a .mat file, as the URL's ending promises, is accepted. A file:// archive is
checked and used where it lies; a folder that a file:// URL names is packed into a tar.
"""

import argparse

from renet.archives import downloads
from renet.common import logs


def download(receipt: str, url: str, digest: str | None) -> None:
    """Get the archive at `url` and write `receipt`; see `renet.archives.downloads.obtain`."""
    downloads.obtain(url, digest, receipt)


def main() -> None:
    """Get an archive from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
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
