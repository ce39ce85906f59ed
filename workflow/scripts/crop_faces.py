"""Crop the faces of one shard of a source from its archives.

Reads: receipts, archives.json, photos.csv of the source, and this shard's photos in the archives.
Writes: the faces as a NumPy file (faces, 3, height, width), uint8, RGB; and a table (columns:
`renet.faces.shards.SHARD`) of the shard's photos. A photo is kept, with its position in the NumPy
file, or dropped for a reason.
Decides: which photos are dropped (`renet.common.drop_reasons.CropReason`); with `photos: detect`,
where the face is, and which photos are dropped as `no_face` or `second_face`. The detected faces of
an external set are cut like training faces, by face_box.json.
"""

import logging
from functools import partial
from pathlib import Path

from renet.archives import receipts
from renet.common import files, script
from renet.faces import detection, photo_index
from renet.faces.crop import CropSpec, cv2
from renet.faces.crop_shard import crop_shard
from renet.faces.shards import SHARD


def crop_faces(
    receipt_files: list[Path],
    archives: Path,
    photos: Path,
    faces: Path,
    table: Path,
    crop: CropSpec,
    shard: int,  # from 1
    shards: int,
    face_box: Path | None,  # of the training set, for an external set
) -> None:
    cv2.setNumThreads(1)  # Snakemake runs the shards in parallel
    pairs = zip(receipt_files, files.read_json(archives), strict=True)
    tar_paths = [receipts.read_indexed(receipt_file, indexed) for receipt_file, indexed in pairs]
    chosen = photo_index.read_shard(photos, shards, shard)
    box_map = detection.read_map(face_box) if face_box else detection.BoxMap()
    find_box = partial(detection.find_box, spec=crop, box_map=box_map) if crop.detected else None
    lines = crop_shard(chosen, tar_paths, faces, crop, find_box)
    SHARD.write(table, lines)
    logging.info("%d photos read, %d faces cropped", len(lines), lines["index"].notna().sum())


if __name__ == "__main__":
    script.run(crop_faces)
