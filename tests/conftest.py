"""What the tests share: folders, small tars and .mat files in the data set's layout."""

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from renet.opencv import cv2  # before anything else imports it: it sets a limit

# The networks of the tests are tiny: threads would only wait for one another. Trainings that the
# tests start set their own number.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Snakemake's plugin asks SLURM at each start, and one that is away lets it wait for ten seconds.
os.environ["SLURM_CONF"] = os.devnull

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "workflow" / "scripts"


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """The folder of real photographs and neon's numbers, which cannot be part of the project."""
    folder = os.environ.get("REFERENCE_DATA")
    if not folder:
        pytest.skip("REFERENCE_DATA does not name the folder with the reference data")
    return Path(folder)


def run_script(name: str, *arguments: object) -> subprocess.CompletedProcess:
    """Run a script as a user would; its output is captured, its status left to the caller."""
    command = [sys.executable, str(SCRIPTS / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def jpeg(height: int = 60, width: int = 50, seed: int = 0, channels: int = 3) -> bytes:
    """A JPEG of smooth noise, which survives the compression nearly unchanged."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 5, channels), dtype=np.uint8)
    image = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


def mat_bytes(rows: list[dict], database: str = "wiki") -> bytes:
    """A MATLAB v5 file of one struct with IMDB-WIKI's fields; `rows` override a usable photo."""
    usable = {
        "dob": 720000, "photo_taken": 2000, "full_path": "00/1_1971-04-10_2000.jpg", "gender": 1.0,
        "name": "A Name", "face_location": [11.0, 11.0, 40.0, 40.0], "face_score": 3.0,
        "second_face_score": np.nan,
    }  # fmt: skip
    if database == "imdb":
        usable |= {"celeb_id": 1.0}
    table = [usable | row for row in rows]
    struct = {}
    for field in usable:
        values = [row[field] for row in table]
        if field in ("full_path", "name", "face_location"):
            cells = np.empty((1, len(values)), dtype=object)
            for number, value in enumerate(values):
                # An empty name is an empty array, not an empty string.
                empty = isinstance(value, str) and not value
                cells[0, number] = np.empty(0) if empty else np.array([value])
            struct[field] = cells
        else:
            struct[field] = np.array([values])
    stream = io.BytesIO()
    scipy.io.savemat(stream, {database: struct})
    return stream.getvalue()


def write_tar(path: Path, members: dict[str, bytes]) -> Path:
    """A tar of regular files, in the order given."""
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            header = tarfile.TarInfo(name)
            header.size = len(data)
            archive.addfile(header, io.BytesIO(data))
    return path
