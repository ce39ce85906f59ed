"""Pipeline from photos to predictions: threads read and cut ahead, the network predicts batches.

Only a few batches are in memory, for any number of photos.
"""

import contextlib
import functools
import itertools
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pandas as pd

from renet.common.ahead import map_ahead
from renet.common.drop_reasons import RowReason
from renet.common.imdb_wiki import BOX_COLUMNS, CLASSES, PROBABILITIES
from renet.common.progress import Progress
from renet.common.table import Table, printable
from renet.faces import crop, detection, jpeg
from renet.faces.crop import Box, CropSpec, Image, RejectedImage, cv2
from renet.network import inference
from renet.prediction import photos
from renet.prediction.photos import Photo
from renet.prediction.predictor import Predictor

# predictions.csv: one row for each face; a photo without a face has a row with a reason.
PREDICTIONS = Table(
    {
        "file": str,
        "face": "Int64",
        **dict.fromkeys(BOX_COLUMNS, float),
        "detector_score": float,
        **PROBABILITIES,
        "predicted": str,
        "calibrated": "Int64",
        "unsure": "Int64",
        "in_training": "Int64",
        "reason": str,
        "detail": str,
    }
)

MOST_THREADS = 16
AHEAD = 16  # photos for each thread that are cut before the network needs them
DECIMALS = 4  # in probabilities and in pixels of boxes
LARGE = crop.MAX_MEMORY // 4  # bytes; larger photos are decoded one at a time
ONE_AT_A_TIME = threading.Lock()


class Cut(NamedTuple):
    """A face that was cut from a photo, or the reason why no face was cut."""

    file: str
    face: int | None = None  # number on the photo, from 1
    box: Box | None = None  # like a box of the data set, in pixels; None for a ready-made crop
    score: float = np.nan
    pixels: np.ndarray | None = None  # (3, height, width) uint8 RGB
    in_training: bool | None = None  # probably a training photo; None: unknown
    reason: str = ""
    detail: str = ""


def _decoded(photo: Photo, spec: CropSpec) -> Image:
    data = photo.read()
    header = jpeg.read_header(data)
    is_large = crop.memory(data, header) > LARGE
    with ONE_AT_A_TIME if is_large else contextlib.nullcontext():
        return crop.decode(data, spec, header)


def cut_faces(
    photo: Photo,
    predictor: Predictor,
    *,
    detect: bool,
    keep: Callable[[Image], object] = lambda image: None,
) -> list[Cut]:
    """Cut the faces from a photo; without `detect`, the whole photo is a ready-made crop.

    `keep` is called with the decoded photo.
    """
    spec = predictor.crop(whole=detect)
    try:
        image = _decoded(photo, spec)
        keep(image)
        if detect:
            return _cut_detected(photo, image, predictor)
        pixels = crop.make_face(image, spec).pixels
        return [Cut(photo.name, 1, pixels=pixels, in_training=predictor.knows([pixels]))]
    except RejectedImage as rejection:
        return [Cut(photo.name, reason=rejection.reason, detail=str(rejection))]


def _cut_detected(photo: Photo, image: Image, predictor: Predictor) -> list[Cut]:
    """Cut the detected faces of a whole photo, from the highest to the lowest detector score.

    `in_training` is true if one of the faces, or the photo as a crop, is a training face.
    """
    cuts = []
    for number, (detected, score) in enumerate(detection.detect(image.pixels), 1):
        box = predictor.box.apply(detected)
        try:
            face = crop.make_face(image, predictor.crop(whole=True), box)
            cut = Cut(photo.name, pixels=face.pixels)
        except RejectedImage as rejection:
            cut = Cut(photo.name, reason=rejection.reason, detail=str(rejection))
        cuts.append(cut._replace(face=number, box=box.scaled(1 / image.scale), score=score))
    cuts = cuts or [Cut(photo.name, reason=RowReason.NO_FACE, detail=detection.NO_FACE_DETAIL)]
    pictures = [cut.pixels for cut in cuts if cut.pixels is not None]
    with contextlib.suppress(RejectedImage):  # the photo has only a few pixels
        pictures.append(crop.make_face(image, predictor.crop(whole=False)).pixels)
    in_training = predictor.knows(pictures)
    return [cut._replace(in_training=in_training) for cut in cuts]


def predict(
    predictor: Predictor, places: Sequence[str], *, detect: bool, threads: int | None = None
) -> Iterator[tuple[list[Cut], pd.DataFrame]]:
    """Yield each batch's cuts and their rows of predictions.csv; `photos.find` reads `places`.

    Without `detect`, each photo is a ready-made crop. Raise an InputError if a place has no photo,
    or if the detector is not installed.
    """
    yield from predict_photos(predictor, photos.find(places), detect=detect, threads=threads)


def predict_photos(
    predictor: Predictor, found: Sequence[Photo], *, detect: bool, threads: int | None = None
) -> Iterator[tuple[list[Cut], pd.DataFrame]]:
    """Predict photos that `photos.find` returned; see `predict`."""
    if detect:
        detection.detector()  # raises an error before the first photo is read
    cv2.setNumThreads(1)  # the photos are cut in threads
    cut = functools.partial(cut_faces, predictor=predictor, detect=detect)
    bar = Progress(found, desc="predict", unit=" photos")
    threads = threads or min(MOST_THREADS, cores())
    with (
        ThreadPoolExecutor(threads, "cut") as workers,
        contextlib.closing(map_ahead(workers, cut, bar, count=threads * AHEAD)) as of_photos,
    ):
        cuts = itertools.chain.from_iterable(of_photos)
        while batch := list(itertools.islice(cuts, inference.BATCH_SIZE[predictor.device.type])):
            yield batch, rows(batch, predictor)


def cores() -> int:
    """Count the cores that this process may use."""
    is_linux = hasattr(os, "sched_getaffinity")
    return len(os.sched_getaffinity(0)) if is_linux else os.cpu_count() or 1


def rows(batch: list[Cut], predictor: Predictor) -> pd.DataFrame:
    """Predict the faces of a batch; return a row of predictions.csv for each cut."""
    table = PREDICTIONS.frame([_without_prediction(cut) for cut in batch])
    is_face = np.array([cut.pixels is not None for cut in batch])
    if is_face.any():
        probabilities = predictor.probabilities(np.stack([*faces(batch)]))
        table.loc[is_face, list(PROBABILITIES)] = probabilities
        table.loc[is_face, "predicted"] = [CLASSES[best] for best in probabilities.argmax(axis=1)]
        table.loc[is_face, "calibrated"] = int(predictor.temperature is not None)
        if predictor.threshold is not None:
            is_unsure = probabilities.max(axis=1) <= predictor.threshold
            table.loc[is_face, "unsure"] = is_unsure.astype(int)
    return table


def faces(batch: list[Cut]) -> Iterator[np.ndarray]:
    """Yield the faces of a batch, (3, height, width) uint8 RGB."""
    return (cut.pixels for cut in batch if cut.pixels is not None)


def count(table: pd.DataFrame) -> Counter[str]:
    """Count the rows by predicted class or reason; also count unsure and training faces."""
    counts = Counter(table.reason.where(table.reason != "", table.predicted))
    for column, name in (("unsure", "unsure"), ("in_training", "probably in the training set")):
        if table[column].notna().any():
            counts[name] += int(table[column].sum())
    return counts


def _without_prediction(cut: Cut) -> dict:
    return (cut.box._asdict() if cut.box else {}) | {
        "file": printable(cut.file), "face": cut.face, "detector_score": cut.score,
        "predicted": "", "in_training": None if cut.in_training is None else int(cut.in_training),
        "reason": str(cut.reason), "detail": printable(cut.detail),
    }  # fmt: skip
