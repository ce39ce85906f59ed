"""Write every row of a source's .mat file to metadata.csv: kept, or dropped for one reason.

Reads: the index of the source's archives and, by offset, `<database>.mat` in one of them; by hand,
a .mat file as it lies on the disk.
Writes: metadata.csv, in the .mat's order, with the columns of `renet.metadata.COLUMNS`, and
funnel.csv: how many rows each reason takes and how many remain.
Decides: the reasons, of which the first that holds counts: missing_file (not in the archives; not
asked without them), gender_unknown, no_face (score not finite), second_face, age_out_of_range,
low_face_score. Gender is 0 for female, 1 for male.
"""

import argparse
import logging
from pathlib import Path

import pandas as pd

from renet import archives, files, logs, metadata, reasons, receipts
from renet.imdb_wiki import DATABASES


def parse_metadata(
    receipt_files: list[str],
    members: str,
    output: str,
    funnel: str,
    *,
    source: str,
    database: str,
    rules: dict,
) -> None:
    """Describe the rows of one source of the workflow."""
    index = archives.read_index(members)
    mat = archives.find_metadata(index, database)
    tar_path = receipts.read(receipt_files[mat.file]).path
    table = metadata.read_mat(archives.read_bytes(tar_path, mat.offset, mat["size"]), database)
    members_held = set(index.member)
    photos = {
        path for path in table.path if archives.photo_member(mat.member, path) in members_held
    }
    write(metadata.describe(table, source, database, photos, rules), output, funnel)


def write(table: pd.DataFrame, output: str, funnel: str | None) -> None:
    """Write metadata.csv and, where asked for, funnel.csv; log the funnel and the classes."""
    with files.replacing(output) as temporary:
        table.to_csv(temporary, index=False)
    steps = metadata.funnel(table.reason, reasons.OF_METADATA)
    if funnel:
        files.write_text(funnel, steps.to_csv(index=False))
    kept = table[table.status == reasons.KEPT]
    logging.info("Rows of the .mat, and what remains after each reason:\n%s", steps.to_string())
    logging.info(
        "%d kept = %d male + %d female",
        len(kept), (kept.gender == 1).sum(), (kept.gender == 0).sum(),
    )  # fmt: skip


def main() -> None:
    """Describe a .mat file from the command line, without an archive."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("mat", help="wiki.mat or imdb.mat")
    parser.add_argument("--database", choices=DATABASES, required=True)
    parser.add_argument("--source", help="name for the column `source` (default: the database)")
    parser.add_argument("-o", "--output", required=True, metavar="CSV", help="table to write")
    parser.add_argument("--funnel", metavar="CSV", help="also write the funnel")
    parser.add_argument("--min-face-score", type=float, default=1.0, help="default: 1.0")
    parser.add_argument("--allow-second-face", action="store_true")
    parser.add_argument("--min-age", type=float, default=0, help="default: 0")
    parser.add_argument("--max-age", type=float, default=100, help="default: 100")
    arguments = parser.parse_args()
    logs.start()
    rules = {
        name: getattr(arguments, name)
        for name in ("min_face_score", "allow_second_face", "min_age", "max_age")
    }
    table = metadata.describe(
        metadata.read_mat(Path(arguments.mat), arguments.database),
        arguments.source or arguments.database,
        arguments.database,
        None,
        rules,
    )
    write(table, arguments.output, arguments.funnel)


if __name__ == "__main__":
    if "snakemake" in globals():
        logs.start(snakemake.log[0])
        parse_metadata(
            snakemake.input.receipts,
            snakemake.input.members,
            snakemake.output.metadata,
            snakemake.output.funnel,
            source=snakemake.wildcards.source,
            database=snakemake.params.database,
            rules=snakemake.params.rules,
        )
    else:
        main()
