"""Index the members of a source's archives, so that they are read without unpacking.

Reads: the receipts of all files of one source, and of the tars that they name the headers only.
Writes: members.csv, one row for each regular file: `file` (number of the receipt, from 0, in the
order given), `member` (name in the archive), `offset` and `size` (bytes).
Decides: links, devices and names that lead out of the archive are skipped and counted in the log;
if a name occurs twice, the last member counts, as it would after unpacking.
"""

import logging
from pathlib import Path

from renet.archives import receipts, tar_index
from renet.archives.tar_index import MEMBERS
from renet.common import script


def index_archive(receipt_files: list[Path], *, members: script.Output) -> None:
    """List the files in the tars of a source, with their positions.

    Args:
        receipt_files: receipts of the source's files, written by download.py.
        members: members.csv to write, with a row for each regular file.
    """
    archives = [receipts.read(receipt_file) for receipt_file in receipt_files]
    verified = {archive.path for archive in archives if archive.verified}
    found = tar_index.index([archive.path for archive in archives], verified)
    MEMBERS.write(members, found)
    logging.info("%d members in the archive", len(found))


if __name__ == "__main__":
    script.run(index_archive)
