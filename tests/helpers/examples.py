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


def code_of(document: Path) -> str:
    """The only block of Python in a Markdown file."""
    (code,) = re.findall(r"```python\n(.*?)```", document.read_text(), re.DOTALL)
    return code


def predicted(run: Path, photos: Sequence[Path], folder: Path | None = None) -> np.ndarray:
    """The probabilities (N, classes) by predict.py, whose table is in the folder, or the run's."""
    table = (folder or run) / "by_script.csv"
    predict(run, list(map(str, photos)), predictions=table)
    return pd.read_csv(table)[[f"p_{name}" for name in CLASSES]].to_numpy()
