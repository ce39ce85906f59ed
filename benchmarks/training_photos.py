"""How often a photo of the training set is recognised as one, and how often another photo is.

    python benchmarks/training_photos.py wiki_crop.tar --whole wiki.tar.gz

Every second photo of the tar is a training photo. They are predicted again as they are, at JPEG
quality 75, at half the size, and both, as ready-made crops and with the detector. The other photos
are the false flags; some are copies of a training photo that the data set has twice. The second tar
has whole photos and wiki.mat, in the layout of IMDB-WIKI: there, the training faces are cut by the
labelled boxes, and the photos by the detector's.
"""

import argparse
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parent.parent / "workflow" / "scripts"))

from renet.common.imdb_wiki import BOX_COLUMNS
from renet.evaluation import confidence_intervals
from renet.faces import crop
from renet.faces.crop import Box, CropSpec, RejectedImage, cv2
from renet.metadata import mat_file
from renet.prediction import photos, prediction
from renet.prediction.detection import BoxMap
from renet.prediction.photos import Photo
from renet.prediction.training_photos import TrainingPhotos

QUALITY = 75


def changed(data: bytes, *, quality: int | None = None, halved: bool = False) -> bytes:
    """A photo stored again: at half the size, as a JPEG of a quality, or without loss."""
    image = photos.decode(data)
    if halved:
        image = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    flags = [cv2.IMWRITE_JPEG_QUALITY, quality] if quality else []
    return cv2.imencode(".jpg" if quality else ".png", image, flags)[1].tobytes()


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda data: data,
    f"quality {QUALITY}": lambda data: changed(data, quality=QUALITY),
    "half the size": lambda data: changed(data, halved=True),
    f"half the size, quality {QUALITY}": lambda data: changed(data, quality=QUALITY, halved=True),
}


def readable(tar: Path, cut: Callable[[Photo], list[prediction.Cut]]) -> Iterator[bytes]:
    """The photos of a tar that give a face."""
    for photo in photos.find([str(tar)]):
        if cut(photo)[0].pixels is not None:
            yield photo.read()


def whole_photos(tar: Path, spec: CropSpec) -> Iterator[tuple[bytes, np.ndarray]]:
    """Whole photos, each with the face that is cut by its labelled box."""
    with tempfile.TemporaryDirectory() as folder, tarfile.open(tar) as archive:
        archive.extract("wiki/wiki.mat", folder, filter="data")
        rows = mat_file.read(Path(folder, "wiki/wiki.mat"), "wiki")
        for row in rows[rows.face_score > 0].to_dict("records"):
            box = Box(*(row[column] for column in BOX_COLUMNS))
            try:
                data = archive.extractfile(f"wiki/{row['path']}").read()
                yield data, crop.face_of(photos.decode(data), spec, box).pixels
            except (KeyError, RejectedImage):
                continue


def report(name: str, cut: Callable[[Photo], list[prediction.Cut]], given: list[bytes]) -> None:
    """Print how many photos are flagged."""
    flagged = sum(
        bool(cut(Photo(str(number), lambda data=data: data))[0].in_training)
        for number, data in enumerate(given)
    )
    low, high = confidence_intervals.wilson(flagged, len(given))
    share = f"{100 * flagged / len(given):.1f} % ({100 * low:.1f} to {100 * high:.1f} %)"
    print(f"  {name:<30}{flagged:>6,} of {len(given):,}: {share}", flush=True)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("crops", type=Path, help="tar of crops")
    parser.add_argument("--whole", type=Path, help="tar of whole photos with their wiki.mat")
    parser.add_argument("--size", type=int, default=128, help="of the training faces, in pixels")
    parser.add_argument("--detected", type=int, default=200, help="crops for the detector")
    arguments = parser.parse_args()
    spec = CropSpec((arguments.size, arguments.size), turn=True)
    in_photo = CropSpec((arguments.size, arguments.size), whole=True, turn=True)
    found = list(readable(arguments.crops, lambda photo: prediction.cut_crop(photo, spec)))
    trained, others = found[::2], found[1::2]
    faces = np.stack([crop.face_of(photos.decode(data), spec).pixels for data in trained])
    training = TrainingPhotos.from_faces(faces)
    ways = {
        "ready-made crops": (lambda photo: prediction.cut_crop(photo, spec, training), len(found)),
        "the same crops with --detect": (
            lambda photo: prediction.cut_faces(photo, in_photo, BoxMap(), training),
            arguments.detected,
        ),
    }
    for way, (cut, most) in ways.items():
        print(f"{way}, {len(trained):,} training faces")
        for name, change in CHANGES.items():
            report(name, cut, [change(data) for data in trained[:most]])
        report("other photos, as they are", cut, others[:most])
    if arguments.whole:
        measure_whole(arguments.whole, in_photo)


def measure_whole(tar: Path, spec: CropSpec) -> None:
    """Print the same for whole photos, of which every second one is a training photo."""
    pairs = list(whole_photos(tar, spec))
    training = TrainingPhotos.from_faces(np.stack([face for _, face in pairs[::2]]))
    print(f"whole photos with --detect, {len(pairs[::2]):,} training faces")

    def cut(photo: Photo) -> list[prediction.Cut]:
        return prediction.cut_faces(photo, spec, BoxMap(), training)

    for name, change in CHANGES.items():
        report(name, cut, [change(data) for data, _ in pairs[::2]])
    report("other photos, as they are", cut, [data for data, _ in pairs[1::2]])


if __name__ == "__main__":
    main()
