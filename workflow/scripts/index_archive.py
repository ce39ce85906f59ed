"""Note where each member of a source's archives lies, so that they are read without unpacking.

Reads: the receipts of all files of one source, and from the tars they name the headers only.
Writes: members.csv with one line for each regular file: `file` (number of the receipt, from 0, in
the order given), `member` (name in the archive), `offset` and `size` (bytes).
Decides: links, devices and names that lead out of the archive are left out, and counted in the log;
of a name that stands twice the last one counts.
"""

from pathlib import Path

from renet.archives import receipts, tar_index
from renet.common import files, script


def index_archive(receipt_files: list[Path], *, members: script.Output) -> None:
    """Index the tars of a source, without unpacking them.

    Args:
        receipt_files: receipts of the source's files, as download.py writes them.
        members: table to write, one row for each regular file.
    """
    table = tar_index.index(receipts.read(receipt_file).path for receipt_file in receipt_files)
    with files.replacing(members) as temporary:
        table.to_csv(temporary, index=False)


if __name__ == "__main__":
    script.run(index_archive)
