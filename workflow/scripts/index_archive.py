"""Note where each member of a source's archives lies, so that they are read without unpacking.

Reads: the receipts of all files of one source, and from the tars they name the headers only.
Writes: members.csv with one line for each regular file: `file` (number of the receipt, from 0, in
the order given), `member` (name in the archive), `offset` and `size` (bytes).
Decides: links, devices and names that lead out of the archive are left out, and counted in the log;
of a name that stands twice the last one counts.
"""

import argparse

from renet import archives, files, logs, receipts


def index_archive(receipt_files: list[str], members: str) -> None:
    """Index the archives that `receipt_files` name into the table `members`."""
    tar_paths = [receipts.read(receipt_file).path for receipt_file in receipt_files]
    table = archives.index(tar_paths)
    with files.replacing(members) as temporary:
        table.to_csv(temporary, index=False)


def main() -> None:
    """Index archives from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("receipts", nargs="+", metavar="RECEIPT", help="receipts, one a file")
    parser.add_argument("-o", "--output", required=True, metavar="CSV", help="the index to write")
    arguments = parser.parse_args()
    logs.start()
    index_archive(arguments.receipts, arguments.output)


if __name__ == "__main__":
    if "snakemake" in globals():
        logs.start(snakemake.log[0])
        index_archive(list(snakemake.input), snakemake.output[0])
    else:
        main()
