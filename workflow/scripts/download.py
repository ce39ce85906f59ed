"""Download or find one archive, check it, and write a receipt.

Reads: the file behind an http://, https:// or file:// URL, and its digest if the config gives one.
Writes: the receipt: URL, path, size, digest, whether it was verified. The same archive gives the
same receipt. The archive lies beside the receipt, and so does its `.part` while it is being
downloaded; neither is a declared output, because Snakemake deletes declared outputs before it
repeats a job. For a .tar.gz or .tgz, the tar in it is written beside the receipt too, so that
members can be read by offset.
Decides: an archive that is there and has the right digest is not downloaded again; without one in
the config, that is the digest computed when it came from this URL. A part is continued if a digest
will prove the whole, else only in the process that began it. Any other body is written beside the
part until it is proved. Without a digest the log says "not verified", and only a tar, a gzipped tar
or a .mat file, as the URL's ending promises, is accepted. A file:// archive is checked and used in
place; a folder that a file:// URL names is packed into a tar. If another process gets the same
archive, such as a job of a second project with this folder, the script stops.
"""

from renet.archives import downloads
from renet.common import script


def download(
    url: str, *, digest: str | None = None, receipt: script.Output, contents: script.Code = ""
) -> None:
    """Download or find one archive, check it, and write its receipt.

    Args:
        digest: digest that the file must have, `md5:HEX` or `sha256:HEX`.
        contents: state of the files of a folder; the rule packs them again when it changes.
    """
    downloads.obtain(url, digest, receipt)


if __name__ == "__main__":
    script.run(download)
