"""Write every row of a source's .mat file, or table, as kept or dropped for one reason.

Reads: the index of the source's archives and, by offset, `<database>.mat` in one of them; for the
database `table` a CSV of one's own photos instead (see `renet.metadata.own_photos`); by hand, a
.mat file as it lies on the disk.
Writes: metadata.csv, in the .mat's order, with the columns of `renet.metadata.mat_file.COLUMNS`;
funnel.csv: how many rows each reason takes and how many remain; and photos.csv, with the columns of
`renet.faces.photo_index.COLUMNS`: where the photos of the kept rows lie, in the archives' order.
Decides: the reasons, of which the first that holds counts: missing_file (not in the archives; not
asked without them), gender_unknown, no_face (score not finite; in a table, no box where faces are
to be cut), second_face, age_out_of_range, low_face_score. Gender is 0 for female, 1 for male.
"""

import argparse
import logging
from pathlib import Path
from typing import BinaryIO

import pandas as pd

from renet.archives import receipts, tar_index
from renet.common import drop_reasons, files, logs
from renet.common.imdb_wiki import DATABASES, TABLE
from renet.faces import photo_index
from renet.metadata import mat_file, own_photos


def parse_metadata(
    receipt_files: list[str],
    members: str,
    output: str,
    funnel: str,
    photos_file: str,
    *,
    source: str,
    database: str,
    table_file: str | None,
    whole: bool,
    rules: dict,
) -> None:
    """Describe the rows of one source of the workflow."""
    index = tar_index.read_index(members)
    rows = table_file
    if database != TABLE:
        mat = tar_index.find_metadata(index, database)
        tar_path = receipts.read(receipt_files[mat.file]).path
        rows = tar_index.open_member(tar_path, mat.offset, mat["size"])
    described = describe(rows, database, source, rules, whole, index)
    write(described, output, funnel)
    write_photos(described, database, index, photos_file)


def describe(
    rows: BinaryIO | str | Path,
    database: str,
    source: str,
    rules: dict,
    whole: bool,
    index: pd.DataFrame | None,
) -> pd.DataFrame:
    """The table metadata.csv of the .mat file or table `rows`, with an index of photos or without.

    The other arguments are those of `mat_file.describe` and `own_photos.describe`.
    """
    own = database == TABLE
    table = own_photos.read(rows) if own else mat_file.read_mat(rows, database)
    held = None
    if index is not None:
        held = photo_index.are_held(table.path, index, tar_index.photo_folder(index, database))
    if own:
        return own_photos.describe(table, source, held, rules, whole)
    return mat_file.describe(table, source, database, held, rules)


def write(table: pd.DataFrame, output: str, funnel: str | None) -> None:
    """Write metadata.csv and, where asked for, funnel.csv; log the funnel and the classes."""
    with files.replacing(output) as temporary:
        table.to_csv(temporary, index=False)
    steps = mat_file.funnel(table.reason, drop_reasons.OF_METADATA)
    if funnel:
        files.write_text(funnel, steps.to_csv(index=False))
    kept = table[table.status == drop_reasons.KEPT]
    logging.info("Rows of the .mat, and what remains after each reason:\n%s", steps.to_string())
    logging.info(
        "%d kept = %d male + %d female",
        len(kept), (kept.gender == 1).sum(), (kept.gender == 0).sum(),
    )  # fmt: skip


def write_photos(described: pd.DataFrame, database: str, index: pd.DataFrame, output: str) -> None:
    """Write photos.csv."""
    located = photo_index.locate(described, index, tar_index.photo_folder(index, database))
    with files.replacing(output) as temporary:
        located.to_csv(temporary, index=False)


def main() -> None:
    """Describe a .mat file or a table from the command line, with an index of photos or without."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("rows", help="wiki.mat, imdb.mat or a CSV of your own photos")
    parser.add_argument("--database", choices=[*DATABASES, TABLE], required=True)
    parser.add_argument("--source", help="name for the column `source` (default: the database)")
    parser.add_argument("--members", metavar="CSV", help="by index_archive.py")
    parser.add_argument("--whole", action="store_true", help="faces are to be cut by their boxes")
    parser.add_argument("-o", "--output", required=True, metavar="CSV", help="table to write")
    parser.add_argument("--funnel", metavar="CSV", help="also write the funnel")
    parser.add_argument("--photos", metavar="CSV", help="also write where the photos lie")
    parser.add_argument("--min-face-score", type=float, default=1.0, help="default: 1.0")
    parser.add_argument("--allow-second-face", action="store_true")
    parser.add_argument("--min-age", type=float, default=0, help="default: 0")
    parser.add_argument("--max-age", type=float, default=100, help="default: 100")
    arguments = parser.parse_args()
    if arguments.photos and not arguments.members:
        parser.error("--photos needs --members")
    logs.start()
    rules = {
        name: getattr(arguments, name)
        for name in ("min_face_score", "allow_second_face", "min_age", "max_age")
    }
    index = tar_index.read_index(arguments.members) if arguments.members else None
    source = arguments.source or arguments.database
    described = describe(arguments.rows, arguments.database, source, rules, arguments.whole, index)
    write(described, arguments.output, arguments.funnel)
    if arguments.photos:
        write_photos(described, arguments.database, index, arguments.photos)


if __name__ == "__main__":
    if "snakemake" in globals():
        logs.start(snakemake.log[0])
        parse_metadata(
            snakemake.input.receipts,
            snakemake.input.members,
            snakemake.output.metadata,
            snakemake.output.funnel,
            snakemake.output.photos,
            source=snakemake.wildcards.source,
            table_file=snakemake.input.table or None,
            rules=snakemake.params.rules,
            **snakemake.params.archive,
        )
    else:
        main()
