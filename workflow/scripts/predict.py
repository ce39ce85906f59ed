"""Predict the faces of photos with a trained network, one row for each face.

Reads: a run's folder, a folder for a model hub, or a model file; and photos.
Writes: predictions.csv (`renet.prediction.pipeline.PREDICTIONS`); and with `--html`, a page of at
most 500 faces, the faces with the highest and the lowest confidence.
Decides: with `--detect`, where the faces are; without it, whether to warn that the first faces
differ in size or place from the training faces. A photo that cannot be read, or has no face, has a
row with a reason.
"""

import logging
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from renet.common import command_line, files
from renet.network import devices
from renet.pages import contact_sheet, templates
from renet.prediction import pipeline, predictor
from renet.prediction.photos import find
from renet.prediction.pipeline import DECIMALS, PREDICTIONS

CHECKED = 100  # faces whose size and place are compared with the training faces


def predict(
    model: Path,
    photos: list[str],
    *,
    predictions: command_line.Output,
    detect: bool = False,
    html: Path | None = None,
    compute: devices.Compute = devices.Compute(),
    gpu: command_line.Granted = None,
    threads: command_line.Granted = None,
) -> None:
    """Predict the gender of the faces in photos, with a row for each face.

    Args:
        model: folder of a run or for a model hub, or a model file.
        photos: files, folders or tars.
        predictions: predictions.csv to write.
        detect: whether to find the faces. Otherwise, the photos are already cropped to the face.
        html: HTML page to write, with faces and their predictions.
        compute: device, precision and threads.
        threads: number that reads and crops photos; None for the number of cores, at most 16.
    """
    files.check_distinct([predictions, html], [])
    files.check_replaceable(predictions, ",".join(PREDICTIONS.columns))
    files.check_replaceable(html, contact_sheet.FIRST_LINE)
    if html:
        files.check_writable(html)
    found = find(photos)  # before the model, whose warnings would hide an error
    device = devices.choose(devices.granted(compute.device, gpu), compute.threads)
    placed = predictor.load(model).placed(device, compute.precision)
    sheet = contact_sheet.ContactSheet() if html else None
    counts: Counter[str] = Counter()
    first: list[np.ndarray] = []

    def tables() -> Iterator[pd.DataFrame]:
        for batch, table in pipeline.predict_photos(placed, found, detect=detect, threads=threads):
            counts.update(pipeline.count(table))
            first.extend(islice(pipeline.faces(batch), CHECKED - len(first)))
            if sheet:
                sheet.add([cut.pixels for cut in batch], table)
            yield table.round(DECIMALS)

    PREDICTIONS.write(predictions, tables())
    if not detect and (difference := placed.face_difference(first)):
        sentence = templates.sentences("face_scale", "these photos", difference, "predict")
        logging.warning("%s", sentence)
    if sheet:
        stated = placed.content.get("stated")
        sheet.write(html, placed.model, predictions, placed.notes, stated)
    logging.info("%s: %s", predictions, ", ".join(f"{n:,} {name}" for name, n in counts.items()))


main = partial(command_line.run, predict)  # the command renet-predict

if __name__ == "__main__":
    main()
