"""Index the members of a source's archives, so that no archive has to be unpacked.

Reads: the receipts of all files of one source, and the headers of their tars.
Writes: members.csv, one row for each regular file (`renet.archives.tar_index`); and archives.json,
the digest and the size of each archive, by which later jobs check that it is the same.
Decides: which members count. Links, devices, and names with control characters or outside the
archive are skipped; the log has their number and the first names. If a name occurs twice, the last
member counts.
"""

import logging
from pathlib import Path

from renet.archives import receipts, tar_index
from renet.archives.tar_index import MEMBERS
from renet.common import files, script


def index_archive(receipt_files: list[Path], members: Path, archives: Path) -> None:
    """List the files in the tars of a source, with their positions."""
    read = [receipts.read(receipt_file) for receipt_file in receipt_files]
    index = tar_index.index([receipt.path for receipt in read])
    MEMBERS.write(members, index)
    files.write_json(archives, [receipt.indexed() for receipt in read])
    logging.info("%d members in the archive", len(index))


if __name__ == "__main__":
    script.run(index_archive)
