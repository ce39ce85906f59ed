"""Code of documents and examples, run on photos of all sizes as a reader would run it."""

import re
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from predict import predict

from helpers.archives import turned_jpeg
from renet.common.imdb_wiki import CLASSES

SIZES = {  # (height, width); the faces of the networks have 32 x 32 pixels
    "small.jpg": (20, 24), "low.jpg": (20, 90), "equal.png": (32, 32), "between.jpg": (60, 60),
    "even.jpg": (128, 96), "odd.jpg": (181, 183), "large.jpg": (701, 600), "large.png": (300, 400),
}  # fmt: skip


def write_photos(folder: Path) -> list[Path]:
    """Photos smaller and larger than the faces; some are decoded at half their size."""
    folder.mkdir()
    for number, (name, (height, width)) in enumerate(SIZES.items()):
        blots = np.random.default_rng(number).integers(0, 256, (9, 7, 3), dtype=np.uint8)
        photo = cv2.resize(blots, (width, height), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / name), photo)
    (folder / "turned.JPG").write_bytes(turned_jpeg(200, 150))
    return sorted(folder.iterdir())


def write_odd_photos(folder: Path) -> None:
    """Photos that are damaged, tiny, transparent, deep or turned, or of other formats."""
    photo = cv2.resize(cv2.imread(str(folder / "large.jpg")), (150, 160))
    files = {f"odd_whole{suffix}": cv2.imencode(suffix, photo)[1].tobytes()
             for suffix in (".webp", ".bmp", ".tif", ".ppm", ".avif")}  # fmt: skip
    for name, *options in (("plain", 0), ("progressive", 1)):
        options = [cv2.IMWRITE_JPEG_PROGRESSIVE, *options]
        data = cv2.imencode(".jpg", photo, options)[1].tobytes()
        # As a phone writes them: with a thumbnail before, and a film behind the photo.
        small = cv2.imencode(".jpg", photo[:40, :40])[1].tobytes()
        thumbnail = b"\xff\xe1" + (len(small) + 2).to_bytes(2, "big") + small
        with_thumbnail = data[:2] + thumbnail + data[2:]
        files |= {f"odd_{name}.jpg": data, f"odd_{name}_film.jpg": data + b"\xff\xda of a film",
                  f"odd_{name}_half.jpg": data[: len(data) // 2],
                  f"odd_{name}_thumbnail.jpg": with_thumbnail,
                  f"odd_{name}_thumbnail_half.jpg": with_thumbnail[: -len(data) // 2],
                  f"odd_{name}_end.jpg": data[:-2], f"odd_{name}_start.jpg": data[:30]}  # fmt: skip
    for side in (1, 7, 8, 9):
        for suffix in (".png", ".jpg"):
            tiny = cv2.resize(photo, (side, side))
            files[f"odd_{side}{suffix}"] = cv2.imencode(suffix, tiny)[1].tobytes()
    for bits, most in ((np.uint8, 255), (np.uint16, 65535)):
        deep = photo.astype(bits) * (most // 255)
        grey = deep[..., 0]
        for kind, alpha in {"half": most // 2, "opaque": most, "padding": 0}.items():
            layer = np.full_like(grey, alpha)
            layer[:20] = alpha and most
            picture = np.dstack([deep, layer])
            files[f"odd_{most}_{kind}.png"] = cv2.imencode(".png", picture)[1].tobytes()
        files[f"odd_{most}_grey.png"] = cv2.imencode(".png", grey)[1].tobytes()
        files[f"odd_{most}_grey.tif"] = cv2.imencode(".tif", grey)[1].tobytes()
    files |= {"odd_empty.jpg": b"", "odd_text.png": b"no photo", "odd_half.png": None}
    files["odd_half.png"] = files["odd_255_opaque.png"][:4000]
    turned = turned_jpeg(200, 150)
    for orientation in range(1, 9):
        other = turned.replace(b"\0\x01\0\x06", bytes([0, 1, 0, orientation]), 1)
        files[f"odd_turned_{orientation}.jpg"] = other
    for name, data in files.items():
        (folder / name).write_bytes(data)


def code_of(document: Path) -> str:
    """The only block of Python in a Markdown file."""
    (code,) = re.findall(r"```python\n(.*?)```", document.read_text(), re.DOTALL)
    return code


def predicted(
    run: Path, photos: Sequence[Path], folder: Path | None = None, *, detect: bool = False
) -> np.ndarray:
    """The probabilities (N, classes) by predict.py, whose table is in the folder, or the run's.

    With `detect`, a photo's largest face counts.
    """
    table = (folder or run) / "by_script.csv"
    predict(run, list(map(str, photos)), predictions=table, detect=detect)
    rows = pd.read_csv(table)
    rows["width"] = rows.x2 - rows.x1
    rows = rows.sort_values("width", kind="stable").drop_duplicates("file", keep="last")
    return rows.sort_index()[[f"p_{name}" for name in CLASSES]].to_numpy()
