"""The face detector on whole photos with labelled boxes: hits, and what it costs in accuracy.

    python benchmarks/detector.py results/runs/renet wiki.tar.gz --labels wiki.labels.csv

The tar has whole photos and wiki.mat, in the layout of IMDB-WIKI; the labels are a CSV with the
columns full_path, true_gender and source. Photos of LFW are reported apart: their labelled boxes
are those of another detector. A hit is an IoU above 0.5 of the labelled box and the face of the
highest score, by the detector's own box, by the run's map and by the default one. The accuracy is
that of the run's network with the labelled boxes and with the detector's; a photo without a face
counts as wrong. The interval of their difference is a bootstrap over photos.
"""

import argparse
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.append(str(Path(__file__).resolve().parent.parent / "workflow" / "scripts"))

from renet.common.imdb_wiki import BOX_COLUMNS
from renet.evaluation import confidence_intervals
from renet.faces import crop
from renet.faces.crop import Box, RejectedImage
from renet.metadata import mat_file
from renet.prediction import detection, predictor
from renet.prediction.detection import BoxMap
from renet.prediction.predictor import Predictor

MAPS = ("own box", "run's map", "default map")


def overlap(first: Box, second: Box) -> float:
    """Intersection over union."""
    width = min(first.x2, second.x2) - max(first.x1, second.x1)
    height = min(first.y2, second.y2) - max(first.y1, second.y1)
    shared = max(width, 0) * max(height, 0)
    areas = [(box.x2 - box.x1) * (box.y2 - box.y1) for box in (first, second)]
    return shared / (sum(areas) - shared)


def correct(found: Predictor, image: np.ndarray, box: Box | None, target: int) -> float:
    """Whether the prediction for the face in a box is that of the label; no box: it is not."""
    if box is None:
        return 0.0
    pixels = crop.face_of(image, found.crop(whole=True), box).pixels
    return float(found.probabilities(pixels[None]).argmax() == target)


def measure(run: Path, photos: Path, labels: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """A row for each photo with a labelled face, and the seconds of the detector."""
    found, rows, seconds = predictor.load(run), [], 0.0
    with tempfile.TemporaryDirectory() as folder, tarfile.open(photos) as tar:
        tar.extract("wiki/wiki.mat", folder, filter="data")
        metadata = mat_file.read(Path(folder, "wiki/wiki.mat"), "wiki").set_index("path")
        for label in labels.itertuples():
            row = metadata.loc[label.full_path]
            if not row.face_score > 0:
                continue
            try:
                image = crop.decode(tar.extractfile(f"wiki/{label.full_path}").read())
            except RejectedImage:
                continue
            started = time.perf_counter()
            faces = detection.detect(image)
            seconds += time.perf_counter() - started
            rows.append(of_photo(found, image, Box(*row[BOX_COLUMNS]), faces, label))
    return pd.DataFrame(rows), seconds


def of_photo(found: Predictor, image: np.ndarray, given: Box, faces: list, label: tuple) -> dict:
    """Overlaps and correctness of one photo."""
    own = faces[0].box if faces else None
    boxes = [own, own and found.box.apply(own), own and BoxMap().apply(own)]
    overlaps = [overlap(given, box) if box else 0.0 for box in boxes]
    target = int(label.true_gender)
    return {
        "group": "LFW" if "LFW" in label.source else "others",
        "any face's box": max((overlap(given, face.box) for face in faces), default=0.0),
        **dict(zip(MAPS, overlaps, strict=True)),
        "given": correct(found, image, given, target),
        "detected": correct(found, image, boxes[1], target),
        "default": correct(found, image, boxes[2], target),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--labels", type=Path, required=True)
    arguments = parser.parse_args()
    table, seconds = measure(arguments.run, arguments.photos, pd.read_csv(arguments.labels))
    print(f"{len(table)} photos, {len(table) / seconds:.0f} photos/s by the detector")
    for group, rows in [*table.groupby("group"), ("all", table)]:
        print(f"{group}: {len(rows)} photos")
        for name in ("any face's box", *MAPS):
            hits = int((rows[name] > 0.5).sum())
            low, high = confidence_intervals.wilson(hits, len(rows))
            share = f"{100 * hits / len(rows):.1f} % ({100 * low:.1f} to {100 * high:.1f} %)"
            print(f"  hits by the {name}: {hits} = {share}, mean IoU {rows[name].mean():.2f}")
        print(f"  accuracy with the labelled boxes: {100 * rows.given.mean():.1f} %")
        for name, which in (("detected", "run's map"), ("default", "default map")):
            lost = (rows.given - rows[name]).to_numpy()
            photos = pd.Series(np.arange(len(rows)))
            ((low, high),) = confidence_intervals.subject_bootstrap(
                photos, lambda weights, lost=lost: np.array([weights @ lost / weights.sum()])
            )
            print(
                f"  accuracy by the {which}: {100 * rows[name].mean():.1f} %, "
                f"{100 * lost.mean():.1f} points lost ({100 * low:.1f} to {100 * high:.1f})"
            )


if __name__ == "__main__":
    main()
