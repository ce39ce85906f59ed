"""Predict the faces of photos with a trained network, one row for each face.

Reads: the folder of a run, with model.pt and predictor.json, or a model file alone; and photos:
files, folders, patterns such as "a/*.jpg" (in quotes), or tars. The probabilities are called
uncalibrated with a model file alone, and where predictor.json has no temperature.
Writes: predictions.csv (columns: `renet.prediction.tables.PREDICTIONS`); and a page of at most 500
faces, those with the highest and the lowest confidence, with the prediction of each.
Decides: with `--detect`, where the faces are; without it, each photo is a face that is cropped as
the ready-made crops of the training are. A photo that cannot be read or has no face has a row with
a reason, and the others are predicted all the same. A photo is probably of the training set where
it looks like a training face (`renet.prediction.training_photos`).
"""

import functools
import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from renet.common import script
from renet.common.progress import Progress
from renet.faces.crop import cv2
from renet.network import devices, inference
from renet.pages.contact_sheet import ContactSheet
from renet.prediction import detection, prediction, predictor
from renet.prediction import photos as photo_files
from renet.prediction.tables import PREDICTIONS

IN_TRAINING = "probably in the training set"


def predict(
    model: Path,
    photos: list[str],
    *,
    predictions: script.Output,
    detect: bool = False,
    html: Path | None = None,
    compute: devices.Compute = devices.Compute(),
    gpu: script.Granted = None,
    workers: script.Granted = None,
) -> None:
    """Predict the faces of photos.

    Args:
        model: the folder of a run, or model.pt.
        photos: files, folders, patterns or tars.
        predictions: predictions.csv to write.
        detect: whether to find the faces; without it, each photo is a face that is cropped already.
        html: page of faces to write.
        compute: device, precision and threads.
        workers: number of threads that read and crop the photos; None for
            that of the cores, at most 16.
    """
    found = predictor.load(model)
    if detect:
        detection.detector()
    cv2.setNumThreads(1)  # the photos are cut in threads
    total = photo_files.count(photos)
    device = devices.choose(devices.granted(compute.device, gpu), compute.threads)
    found = found.placed(compute, device)
    sheet = ContactSheet() if html else None
    counts: Counter[str] = Counter()
    how: dict[str, Any] = {"spec": found.crop(whole=detect), "training": found.training}
    cut = functools.partial(prediction.cut_crop, **how)
    if detect:
        how |= {"box_map": found.box, "ready_made": found.crop(whole=False)}
        cut = functools.partial(prediction.cut_faces, **how)
    elif found.ready_made.mixed:
        logging.warning(
            "Some ready-made crops of the training were taken as they are, others trimmed. The "
            "photos are trimmed to a margin of %g, as IMDB-WIKI's crops.",
            found.ready_made.margin,
        )

    def tables() -> Iterator[pd.DataFrame]:
        bar = Progress(photo_files.find(photos), total=total, desc="predict", unit=" photos")
        cuts = prediction.cut_ahead(cut, bar, workers)
        for batch in prediction.batches(cuts, inference.BATCH_SIZE[device.type]):
            table = prediction.rows(
                batch,
                lambda pixels: found.probabilities(pixels, device, compute.precision),
                found.unsure,
                calibrated=found.temperature is not None,
            )
            counts.update(table.reason.where(table.reason != "", table.predicted))
            for name, column in (("unsure", "unsure"), (IN_TRAINING, "in_training")):
                if table[column].notna().any():  # else it is not known
                    counts[name] += int(table[column].sum())
            if sheet:
                sheet.add(batch, table)
            yield table

    PREDICTIONS.write(predictions, tables())
    if sheet:
        sheet.write(html, model.name, predictions.name)
    logging.info("%s: %s", predictions, ", ".join(f"{n:,} {name}" for name, n in counts.items()))


if __name__ == "__main__":
    script.run(predict)
