"""Cut the faces of one shard of a source out of its archives.

Reads: the receipts and photos.csv of the source, and the bytes of this shard's photos where they
lie in the archives.
Writes: the faces as a NumPy file (faces, 3, height, width), uint8, RGB; and a table with the
columns of `renet.faces.shards.TABLE_COLUMNS`, one line for each row of photos.csv that falls to
this shard: kept with its place in the NumPy file, or dropped for a reason.
Decides: a photo that cannot be used is dropped as unreadable, too_small, too_large or box_invalid,
and the rest goes on. Shards are cut where the archives' bytes, not the numbers of photos, are
equal.
"""

import argparse
import logging

import pandas as pd

from renet.archives import receipts, tar_index
from renet.common import drop_reasons, files, logs
from renet.common.imdb_wiki import ARCHIVE_MARGIN
from renet.common.progress import Progress
from renet.faces import crop, digests, photo_index, shards
from renet.faces.opencv import cv2


def crop_faces(
    receipt_files: list[str],
    photos_file: str,
    output: str,
    table: str,
    *,
    shard: int,
    shards_count: int,
    whole: bool,
    turn: bool,
    size: tuple[int, int],
    margin: float,
) -> None:
    """Cut the faces of shard number `shard` (1-based) of `shards_count`.

    Args:
        whole: whether faces are to be cut by their boxes, or photos are cut to the face already.
        turn: whether photos are turned as their EXIF tag says, before anything else.
    """
    cv2.setNumThreads(1)  # the shards are what runs side by side
    tar_paths = [receipts.read(receipt_file).path for receipt_file in receipt_files]
    todo = photo_index.read_share(photos_file, shards_count, shard)
    with (
        files.replacing(output) as temporary,
        temporary.open("wb") as handle,
        tar_index.Reader(tar_paths) as reader,
    ):
        writer = shards.FaceWriter(handle, (3, *size))
        bar = Progress(todo.itertuples(), total=len(todo), desc="crop", unit=" photos")
        lines = [cut(photo, reader, writer, whole, turn, size, margin) for photo in bar]
        writer.finish()
    result = pd.DataFrame(lines, columns=shards.TABLE_COLUMNS).astype(
        dict.fromkeys(("index", "width", "height", "grey"), "Int64")
    )
    files.write_text(table, result.to_csv(index=False))
    logging.info("%d photos read, %d faces cut", len(todo), writer.count)


def cut(
    photo: tuple,
    reader: tar_index.Reader,
    writer: shards.FaceWriter,
    whole: bool,
    turn: bool,
    size: tuple[int, int],
    margin: float,
) -> tuple:
    """Cut one face and append it to the shard; returns its line of the table."""
    box = crop.Box(photo.x1, photo.y1, photo.x2, photo.y2) if whole else None
    try:
        if photo.size > crop.MAX_FILE_BYTES:
            raise crop.RejectedImage(drop_reasons.TOO_LARGE, f"it has {photo.size:,} bytes")
        data = reader.read(photo.file, photo.offset, photo.size)
        face = crop.extract_face(data, size, margin, box, turn)
    except crop.RejectedImage as rejection:
        logging.info("%s dropped as %s: %s", photo.path, rejection.reason, rejection)
        return (photo.row, drop_reasons.DROPPED, rejection.reason, None, None, None, None, None)
    digest = digests.face_digest(face.pixels)
    index = writer.append(face.pixels)
    return (
        photo.row,
        drop_reasons.KEPT,
        "",
        index,
        face.width,
        face.height,
        int(face.grey),
        digest,
    )


def main() -> None:
    """Cut the faces of a source, or of one shard of it, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("receipts", nargs="+", metavar="RECEIPT", help="receipts, one a file")
    parser.add_argument("--photos", required=True, metavar="CSV", help="by parse_metadata.py")
    parser.add_argument("--whole", action="store_true", help="cut the faces by their boxes")
    parser.add_argument("--turn", action="store_true", help="turn photos as their EXIF tag says")
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
        arguments.photos,
        arguments.output,
        arguments.table,
        shard=arguments.shard,
        shards_count=arguments.shards,
        whole=arguments.whole,
        turn=arguments.turn,
        size=tuple(arguments.size),
        margin=arguments.margin,
    )


if __name__ == "__main__":
    if "snakemake" in globals():
        logs.start(snakemake.log[0])
        crop_faces(
            snakemake.input.receipts,
            snakemake.input.photos,
            snakemake.output.faces,
            snakemake.output.table,
            shard=int(snakemake.wildcards.shard),
            **snakemake.params.crop,
        )
    else:
        main()
