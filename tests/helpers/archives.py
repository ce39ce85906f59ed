"""Photos, .mat files and tars in the data set's layout."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.io

from helpers.project import call_script
from renet.archives.receipts import Receipt
from renet.common.drop_reasons import RowReason
from renet.config.filter import RowFilter
from renet.faces.crop import cv2  # before any other import of cv2: it sets a limit
from renet.metadata import mat_file, row_filter
from renet.metadata.row_filter import METADATA

FIELDS = ("dob", "photo_taken", "full_path", "gender", "name", "face_location", "face_score",
          "second_face_score")  # fmt: skip


def jpeg(height: int = 60, width: int = 50, seed: int = 0, channels: int = 3) -> bytes:
    """A JPEG of smooth noise, which the compression hardly changes."""
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
            # An empty name is an empty array, not an empty string.
            struct[field] = cell_array([np.array([one] if len(one) else []) for one in values])
        else:
            struct[field] = np.array([values])
    stream = io.BytesIO()
    scipy.io.savemat(stream, {database: struct})
    return stream.getvalue()


def cell_array(values: list) -> np.ndarray:
    """A MATLAB cell array (1, n)."""
    cells = np.empty((1, len(values)), object)
    for k, value in enumerate(values):
        cells[0, k] = value
    return cells


def read_mat(data: bytes, database: str) -> pd.DataFrame:
    return mat_file.read(io.BytesIO(data), database, f"{database}.mat")


def metadata_of(
    read: pd.DataFrame,
    database: str = "wiki",
    missing: np.ndarray | pd.Series | None = None,
    limits: RowFilter = RowFilter(),
) -> pd.DataFrame:
    """metadata.csv of the rows of a .mat file, and which of their photos the archive lacks."""
    rows = mat_file.describe(read, database, database)
    dropped = row_filter.dropped(rows, limits, whole=False, by_table=False)
    if missing is not None:
        dropped[RowReason.MISSING_FILE] = missing
    return METADATA.frame(row_filter.metadata_table(rows, dropped).to_dict("records"))


def write_tar(path: Path, members: dict[str, bytes], kind: int = tarfile.PAX_FORMAT) -> Path:
    """A tar of regular files, in the order given."""
    with tarfile.open(path, "w", format=kind) as archive:
        for name, data in members.items():
            header = tarfile.TarInfo(name)
            header.size = len(data)
            archive.addfile(header, io.BytesIO(data))
    return path


def write_receipt(receipt_file: Path, tar: Path, digest: str = "md5:0") -> Path:
    """A receipt of a tar, by default one of which no digest is known."""
    Receipt("made", str(tar), 1, digest, verified=False).write(receipt_file)
    return receipt_file


def parsed(folder: Path, archive: dict[str, bytes] | Path, **given: object) -> pd.DataFrame:
    """The rows of metadata.csv by an archive: the members of a tar, or a receipt."""
    receipt = archive if isinstance(archive, Path) else folder / "r.json"
    if receipt != archive:
        write_receipt(receipt, write_tar(folder / "a.tar", archive))
    index = {"members": folder / "members.csv", "archives": folder / "archives.json"}
    call_script("index_archive", receipt_files=[receipt], **index)
    files = {name: folder / f"{name}.csv" for name in ("members", "metadata", "photos")}
    call_script("parse_metadata", receipt_files=[receipt], **files, **{"tables": []} | given)
    return METADATA.read(folder / "metadata.csv")


def picture(height: int = 80, width: int = 100) -> np.ndarray:
    """An image (height, width, 3) uint8 whose pixels are functions of their position."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns, rows, (rows + columns) // 2], axis=2).astype(np.uint8)


def encode(image: np.ndarray, suffix: str = ".png") -> bytes:
    return cv2.imencode(suffix, image)[1].tobytes()


def turned_jpeg(height: int = 40, width: int = 60, image: np.ndarray | None = None) -> bytes:
    """A JPEG, of an image as it is stored, whose EXIF orientation is a rotation by 90 degrees."""
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    plain = encode(picture(height, width) if image is None else image, ".jpg")
    return plain[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + plain[2:]
