"""Crop the faces of one shard of a source from its archives.

Reads: the receipts and photos.csv of the source, and the bytes of this shard's photos in the
archives.
Writes: the faces as a NumPy file (faces, 3, height, width), uint8, RGB; and a table (columns:
`renet.faces.shards.SHARD`) with one row for each row of photos.csv in this shard: kept with its
position in the NumPy file, or dropped for a reason.
Decides: a photo that cannot be used is dropped as unreadable, too_small, too_large or box_invalid.
An archive that has another file where photos.csv has a photo is an error.
Each shard reads about the same number of bytes from the archives.
"""

import contextlib
import logging
import math
from pathlib import Path
from typing import BinaryIO

from renet.archives import receipts, tar_index
from renet.common import files, script
from renet.common.drop_reasons import DROPPED, KEPT, CropReason
from renet.common.progress import Progress
from renet.faces import photo_index
from renet.faces.crop import MAX_FILE_BYTES, Box, CropSpec, RejectedImage, cv2, extract_face
from renet.faces.perceptual_hash import perceptual_hash
from renet.faces.shards import SHARD, FaceWriter, face_digest


def crop_faces(
    receipt_files: list[Path],
    *,
    photos: Path,
    faces: script.Output,
    table: Path,
    crop: CropSpec = CropSpec(),
    shard: int = 1,
    shards: int = 1,
) -> None:
    """Crop the faces of one shard of a source from its archives.

    Args:
        receipt_files: receipts of the source's archives.
        photos: table of the photos, written by parse_metadata.py.
        faces: NumPy file to write.
        table: CSV to write, one row for each photo of the shard.
        crop: how faces are cropped.
        shard: number of the shard, from 1.
        shards: number of shards.
    """
    cv2.setNumThreads(1)  # Snakemake runs the shards in parallel
    tar_paths = [Path(receipts.read(receipt_file).path) for receipt_file in receipt_files]
    chosen = photo_index.read_shard(photos, shards, shard)
    with (
        files.replacing(faces, size=len(chosen) * 3 * math.prod(crop.size)) as temporary,
        temporary.open("wb") as handle,
        contextlib.ExitStack() as opened,
    ):
        tars = [opened.enter_context(tar_path.open("rb")) for tar_path in tar_paths]
        writer = FaceWriter(handle, (3, *crop.size))
        bar = Progress(chosen.itertuples(), total=len(chosen), desc="crop", unit=" photos")
        lines = [crop_photo(photo, tars[photo.file], writer, crop) for photo in bar]
        writer.finish()
    SHARD.write(table, SHARD.frame(lines))
    logging.info("%d photos read, %d faces cropped", len(chosen), writer.count)


def crop_photo(
    photo: tuple, tar: BinaryIO, writer: FaceWriter, crop: CropSpec
) -> dict[str, object]:
    """Crop one face and append it to the shard; returns its row of the table."""
    try:
        if photo.size > MAX_FILE_BYTES:
            raise RejectedImage(CropReason.TOO_LARGE, f"it has {photo.size:,} bytes")
        data = tar_index.read_member(tar, photo.offset, photo.size, photo.path)
        face = extract_face(data, crop, Box(photo.x1, photo.y1, photo.x2, photo.y2))
    except RejectedImage as rejection:
        logging.info("%s dropped as %s: %s", photo.path, rejection.reason, rejection)
        return {"row": photo.row, "status": DROPPED, "reason": rejection.reason}
    return {
        "row": photo.row,
        "status": KEPT,
        "reason": "",
        "index": writer.append(face.pixels),
        "width": face.width,
        "height": face.height,
        "grey": int(face.grey),
        "digest": face_digest(face.pixels),
        "phash": perceptual_hash(face.pixels),
    }


if __name__ == "__main__":
    script.run(crop_faces)
