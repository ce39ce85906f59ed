"""Cut the faces of one shard of a source out of its archives.

Reads: the receipts, members.csv and metadata.csv of the source, and the bytes of this shard's
photos where they lie in the archives.
Writes: the faces as a NumPy file (faces, 3, height, width), uint8, RGB; and a table with the
columns of `renet.shards.TABLE_COLUMNS`, one line for each kept row of metadata.csv that falls to
this shard: kept with its place in the NumPy file, or dropped for a reason.
Decides: a photo that cannot be used is dropped as unreadable, too_small or box_invalid, and the
rest goes on. Shards are cut where the archives' bytes, not the numbers of photos, are equal.
"""

import argparse
import logging

import pandas as pd

from renet import archives, faces, files, logs, metadata, reasons, receipts, shards
from renet.errors import InputError
from renet.imdb_wiki import ARCHIVE_MARGIN, DATABASES
from renet.progress import Progress

BOX_COLUMNS = ["x1", "y1", "x2", "y2"]


def crop_faces(
    receipt_files: list[str],
    members: str,
    metadata_file: str,
    output: str,
    table: str,
    *,
    database: str,
    photos: str,
    shard: int,
    shards_count: int,
    size: tuple[int, int],
    margin: float,
) -> None:
    """Cut the faces of shard number `shard` (1-based) of `shards_count`."""
    tar_paths = [receipts.read(receipt_file).path for receipt_file in receipt_files]
    todo = locate_photos(members, metadata_file, database)
    todo = todo[shards.assign(todo, shards_count) == shard - 1]
    lines = []
    with files.replacing(output) as temporary, temporary.open("wb") as handle:
        writer = shards.FaceWriter(handle, (3, *size))
        for photo in Progress(todo.itertuples(), total=len(todo), desc="crop", unit=" photos"):
            data = archives.read_bytes(tar_paths[photo.file], photo.offset, photo.size)
            box = faces.Box(photo.x1, photo.y1, photo.x2, photo.y2) if photos == "whole" else None
            try:
                face = faces.extract_face(data, size, margin, box)
            except faces.RejectedImage as rejection:
                logging.info("%s dropped as %s: %s", photo.path, rejection.reason, rejection)
                lines.append(rejected(photo.row, rejection.reason))
            else:
                lines.append(accepted(photo.row, writer.append(face.pixels), face))
        writer.finish()
    result = pd.DataFrame(lines, columns=shards.TABLE_COLUMNS).astype(
        dict.fromkeys(("index", "width", "height", "grey"), "Int64")
    )
    files.write_text(table, result.to_csv(index=False))
    logging.info("%d photos read, %d faces cut", len(todo), writer.count)


def locate_photos(members: str, metadata_file: str, database: str) -> pd.DataFrame:
    """The kept rows of metadata.csv with their place in the archives, in the archives' order."""
    index = archives.read_index(members)
    mat_member = archives.find_metadata(index, database).member
    rows = metadata.read_metadata(metadata_file, ["row", "path", "status", *BOX_COLUMNS])
    rows = rows[rows.status == reasons.KEPT]
    rows = rows.assign(member=[archives.photo_member(mat_member, path) for path in rows.path])
    located = rows.merge(index, on="member", validate="many_to_one")
    if len(located) != len(rows):
        raise InputError(
            f"{metadata_file} keeps {len(rows) - len(located)} photos that {members} does not "
            "have; delete both to have them written again."
        )
    return located.sort_values(["file", "offset", "row"])


def accepted(row: int, index: int, face: faces.Face) -> dict:
    """The table's line for a face that stands at `index` of the shard."""
    return {
        "row": row,
        "status": reasons.KEPT,
        "reason": "",
        "index": index,
        "width": face.width,
        "height": face.height,
        "grey": int(face.grey),
        "digest": shards.face_digest(face.pixels),
    }


def rejected(row: int, reason: str) -> dict:
    """The table's line for a photo that gave no face."""
    return {"row": row, "status": reasons.DROPPED, "reason": reason}


def main() -> None:
    """Cut the faces of a source, or of one shard of it, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("receipts", nargs="+", metavar="RECEIPT", help="receipts, one a file")
    parser.add_argument("--members", required=True, metavar="CSV", help="by index_archive.py")
    parser.add_argument("--metadata", required=True, metavar="CSV", help="by parse_metadata.py")
    parser.add_argument("--database", choices=DATABASES, required=True)
    parser.add_argument("--photos", choices=["crop", "whole"], default="crop")
    parser.add_argument("--shard", type=int, default=1, help="which one, from 1 (default: 1)")
    parser.add_argument("--shards", type=int, default=1, help="of how many (default: 1)")
    parser.add_argument("--size", type=int, nargs=2, default=(128, 128), metavar=("H", "W"))
    parser.add_argument("--margin", type=float, default=ARCHIVE_MARGIN)
    parser.add_argument("-o", "--output", required=True, metavar="NPY", help="faces to write")
    parser.add_argument("--table", required=True, metavar="CSV", help="table to write")
    arguments = parser.parse_args()
    logs.start()
    crop_faces(
        arguments.receipts,
        arguments.members,
        arguments.metadata,
        arguments.output,
        arguments.table,
        database=arguments.database,
        photos=arguments.photos,
        shard=arguments.shard,
        shards_count=arguments.shards,
        size=tuple(arguments.size),
        margin=arguments.margin,
    )


if __name__ == "__main__":
    if "snakemake" in globals():
        logs.start(snakemake.log[0])
        crop_faces(
            snakemake.input.receipts,
            snakemake.input.members,
            snakemake.input.metadata,
            snakemake.output.faces,
            snakemake.output.table,
            shard=int(snakemake.wildcards.shard),
            **snakemake.params.crop,
        )
    else:
        main()
