"""Download or find one archive, check it, and write a receipt.

Reads: the file behind an http://, https:// or file:// URL. The config may give its digest,
`md5:HEX` or `sha256:HEX`.
Writes: the receipt: URL, path, size, digest, whether it was verified. The same archive gives the
same receipt. Beside it are the archive, its `.part` during the download, and the tar in a .tar.gz
or .tgz, whose members can be read by offset. They are no declared outputs, which Snakemake would
delete before it repeats a job.
Decides: an archive that is there and has the right digest is not downloaded again; without one in
the config, that is the digest computed when it came from this URL. A part is continued if a digest
will prove the whole; without one, each attempt begins anew. Any other body is written beside the
part until it is proved. Without a digest the log says "not verified", and only a tar, a gzipped tar
or a .mat file, as the URL's ending promises, is accepted. A file:// archive is checked and used in
place; a folder that a file:// URL names is packed into a tar. If another process gets the same
archive, such as a job of a second project with this folder, the script stops.
"""

from pathlib import Path

from renet.archives import downloads
from renet.common import script


def download(url: str, digest: str | None, receipt: Path) -> None:
    """Download or find one archive, check it, and write its receipt."""
    downloads.obtain(url, digest, receipt)


if __name__ == "__main__":
    script.run(download)
