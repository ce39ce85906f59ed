"""Rehearsal archives: IMDB-WIKI in its real shape and count, with made photos.

The rows of wiki.mat are the genuine ones where the environment variable REFERENCE_DATA names a
folder that has them (data/metadata/wiki.mat); those of imdb.mat are made: 460,723 photos of 20,284
people, 8,462 without a gender, scores drawn from WIKI's. Photos are noise of a natural spectrum in
the real sizes (median side 243 pixels, 14 % below 128, 46 % from 256, 6 % from 512; WIKI's rows
without an image are one pixel). Some thousand drawn JPEGs stand for all of them: each is written as
often as rows fall to it, every time with other numbers in its quantisation table, so that it takes
the same time and yet gives other pixels. What a network learns from such photos says nothing.

    python benchmarks/rehearsal.py crops FOLDER                 # wiki_crop.tar, imdb_crop.tar: 8 GB
    python benchmarks/rehearsal.py crops FOLDER --rows 50000    # both, shortened in proportion
    python benchmarks/rehearsal.py whole FOLDER --rows 2000     # wiki.tar.gz, imdb_meta.tar, …
    python benchmarks/rehearsal.py serve FOLDER --drop-after 5000000 --lie-every 3

`serve` prints the folder's URLs and serves them on the loopback interface, as badly as asked.
"""

import argparse
import io
import os
import sys
import tarfile
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

sys.path.append(str(Path(__file__).resolve().parent.parent / "workflow" / "scripts"))
sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

from helpers.http_server import Response, serving
from renet.common.progress import Progress
from renet.metadata import mat_file
from renet.sample.mat_file import cell_array, compact, mat_bytes

WIKI_ROWS, IMDB_ROWS = 62_328, 460_723
CELEBRITIES, UNKNOWN_GENDERS = 20_284, 8_462
SIDE_QUANTILES = ([0, 0.14, 0.5, 0.54, 0.94, 1], [40, 128, 243, 256, 512, 900])  # pixels
QUALITY = 94  # gives 15 kB a photo, as in imdb_crop.tar
WHOLE_FILES = 10
WHOLE_SIDES = (600, 1600)  # pixels of a whole photo
MADE = 1_452_961_520  # modification time of all members


def natural_noise(height: int, width: int, random: np.random.Generator) -> np.ndarray:
    """(height, width, 3) uint8 whose detail falls off as in photographs."""
    image = np.zeros((height, width, 3), np.float32)
    cells, weight = 4, 64.0
    while cells < max(height, width):
        grid = random.normal(0, weight, (cells, cells, 3)).astype(np.float32)
        grid = 0.7 * grid.mean(axis=2, keepdims=True) * 1.7 + 0.3 * grid  # colours vary less
        image += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        cells, weight = cells * 2, weight * 0.45
    return np.clip(image + 128, 0, 255).astype(np.uint8)


def encode(image: np.ndarray) -> bytes:
    """An image as a JPEG."""
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()


def make_pool(distinct: int, random: np.random.Generator) -> list[bytes]:
    """Distinct JPEGs with the sides of the real crops."""
    sides = np.interp(random.random(distinct), *SIDE_QUANTILES)
    shapes = np.stack([sides, sides * random.uniform(0.98, 1.02, distinct)], axis=1).round()
    bar = Progress(shapes.astype(int), desc="drawing", unit=" photos")
    return [encode(natural_noise(height, width, random)) for height, width in bar]


class Copies:
    """Copies of the JPEGs of a pool, no two of one photo alike."""

    def __init__(self, pool: list[bytes]):
        self._pool, self._count = pool, Counter()

    def take(self, number: int) -> bytes:
        """A further copy: three low frequencies are weighted by the digits of its number."""
        data, copy = bytearray(self._pool[number]), self._count[number]
        self._count[number] += 1
        table = data.index(b"\xff\xdb") + 5  # after the marker, the length and the table's number
        for digit in (1, 2, 3):
            data[table + digit] += copy % 8
            copy //= 8
        return bytes(data)


def wiki_rows(rows: int, random: np.random.Generator) -> tuple[pd.DataFrame, bytes | None]:
    """WIKI's first rows, and the genuine .mat file if they are all of its rows."""
    folder = os.environ.get("REFERENCE_DATA")
    if not folder:
        made = imdb_rows(rows, None, random).drop(columns=["celeb_id"])
        one_pixel = random.random(rows) < 0.13
        made.loc[one_pixel, ["x1", "y1", "x2", "y2"]] = 1.0
        made.loc[one_pixel, "face_score"] = -np.inf
        return made, None
    genuine = Path(folder) / "data" / "metadata" / "wiki.mat"
    table = mat_file.read(genuine, "wiki")
    return table.iloc[:rows], genuine.read_bytes() if rows >= len(table) else None


def imdb_rows(rows: int, wiki: pd.DataFrame | None, random: np.random.Generator) -> pd.DataFrame:
    """Made rows with IMDB's counts; scores are drawn from those of WIKI that have a face."""
    people = max(1, round(CELEBRITIES * rows / IMDB_ROWS))
    fame = random.lognormal(0, 1.2, people)
    person = np.sort(random.choice(people, rows, p=fame / fame.sum()))
    born = random.integers(700_000, 728_000, people)
    taken = random.integers(1950, 2015, rows)
    gender = (random.random(people) < 0.57).astype(np.float64)[person]
    gender[random.choice(rows, round(UNKNOWN_GENDERS * rows / IMDB_ROWS), replace=False)] = np.nan
    if wiki is None:
        score = np.where(random.random(rows) < 0.16, -np.inf, random.uniform(0, 6, rows))
        second = np.where(random.random(rows) < 0.07, random.uniform(0, 4, rows), np.nan)
    else:
        drawn = wiki.iloc[random.integers(0, len(wiki), rows)]
        score, second = drawn.face_score.to_numpy(), drawn.second_face_score.to_numpy()
    corner, side = random.integers(20, 200, (2, rows)), random.integers(40, 300, rows)
    return pd.DataFrame(
        {
            "path": [
                f"{who * 19 % 100:02}/nm{who:07}_rm{number}_1960-1-2_{year}.jpg"
                for number, (who, year) in enumerate(zip(person, taken, strict=True))
            ],
            "name": [f"Person Number{who}" for who in person],
            "celeb_id": person + 1.0,
            "gender": gender,
            "dob": born[person].astype(np.float64),
            "photo_taken": taken.astype(np.float64),
            "face_score": score,
            "second_face_score": second,
            "x1": corner[0] + 0.5,
            "y1": corner[1] + 0.5,
            "x2": corner[0] + side + 0.5,
            "y2": corner[1] + side + 0.5,
        }
    )


def mat_of(table: pd.DataFrame, database: str) -> bytes:
    """The .mat file that `renet.metadata.mat_file.read` reads `table` from."""
    numbers = {
        name: compact(table[name].to_numpy())[None]
        for name in ("dob", "photo_taken", "gender", "face_score", "second_face_score")
    }
    texts = {
        field: cell_array([np.array([text]) if text else np.empty(0) for text in table[name]])
        for field, name in (("full_path", "path"), ("name", "name"))
    }
    boxes = table[["x1", "y1", "x2", "y2"]].to_numpy()
    struct = numbers | texts | {"face_location": cell_array([box[None] for box in boxes])}
    if database == "imdb":
        struct["celeb_names"] = cell_array([np.array([name]) for name in table.name.unique()])
        struct["celeb_id"] = compact(table.celeb_id.to_numpy())[None]
    return mat_bytes({database: struct})


class TarWriter:
    """Appends regular files to a tar, as GNU tar writes them."""

    def __init__(self, path: Path, mode: str = "w"):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.tar = tarfile.TarFile.open(path, mode, format=tarfile.GNU_FORMAT)

    def add(self, name: str, data: bytes) -> None:
        header = tarfile.TarInfo(name)
        header.size, header.mtime = len(data), MADE
        self.tar.addfile(header, io.BytesIO(data))
        self.tar.members = []  # tarfile would keep every header

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        self.tar.close()


def is_one_pixel(table: pd.DataFrame) -> np.ndarray:
    """The rows whose image is a single pixel: their box is 1 1 1 1."""
    return (table[["x1", "y1", "x2", "y2"]] == 1).all(axis=1).to_numpy()


def write_crops(folder: Path, rows: int, distinct: int, seed: int) -> None:
    """wiki_crop.tar and imdb_crop.tar, with the .mat file as the last member."""
    random = np.random.default_rng(seed)
    wiki, genuine = wiki_rows(round(rows * WIKI_ROWS / (WIKI_ROWS + IMDB_ROWS)), random)
    imdb = imdb_rows(rows - len(wiki), wiki, random)
    pool, pixel = make_pool(distinct, random), encode(np.full((1, 1, 3), 200, np.uint8))
    for database, table, mat in (("wiki", wiki, genuine), ("imdb", imdb, None)):
        chosen = random.integers(0, len(pool), len(table)).tolist()
        photos = zip(table.path, chosen, is_one_pixel(table), strict=True)
        copies = Copies(pool)
        with TarWriter(folder / f"{database}_crop.tar") as tar:
            bar = Progress(photos, total=len(table), desc=f"{database}_crop.tar", unit=" photos")
            for path, number, empty in bar:
                tar.add(f"{database}_crop/{path}", pixel if empty else copies.take(number))
            tar.add(f"{database}_crop/{database}.mat", mat or mat_of(table, database))


def write_whole(folder: Path, rows: int, distinct: int, seed: int) -> None:
    """wiki.tar.gz, imdb_meta.tar and imdb_0.tar to imdb_9.tar: ten folders of photos each."""
    random = np.random.default_rng(seed)
    wiki, genuine = wiki_rows(round(rows * WIKI_ROWS / (WIKI_ROWS + IMDB_ROWS)), random)
    imdb = imdb_rows(rows - len(wiki), wiki, random)
    shapes = random.integers(*WHOLE_SIDES, (distinct, 2))
    pool = [encode(natural_noise(*shape, random)) for shape in Progress(shapes, desc="drawing")]

    def any_photo() -> bytes:
        return pool[random.integers(distinct)]

    with TarWriter(folder / "wiki.tar.gz", "w:gz") as tar:
        for path, empty in zip(wiki.path, is_one_pixel(wiki), strict=True):
            photo = encode(np.full((1, 1, 3), 200, np.uint8)) if empty else any_photo()
            tar.add(f"wiki/{path}", photo)
        tar.add("wiki/wiki.mat", genuine or mat_of(wiki, "wiki"))
    with TarWriter(folder / "imdb_meta.tar") as tar:
        tar.add("imdb/imdb.mat", mat_of(imdb, "imdb"))
    for number in range(WHOLE_FILES):
        with TarWriter(folder / f"imdb_{number}.tar") as tar:
            for path in imdb.path[imdb.path.str.startswith(str(number))]:
                tar.add(f"imdb/{path}", any_photo())


def serve(folder: Path, port: int, fault: Response, lie_every: int) -> None:
    """Serve a folder until interrupted: every GET with `fault`, some with a wrong range."""
    with serving(port) as server:
        for path in sorted(folder.iterdir()):
            server.contents[f"/{path.name}"] = path
            print(server.url(f"/{path.name}"), flush=True)
        lie = Response(headers={"Content-Range": "bytes 0-1/2"})
        count = 0
        while True:
            if not server.responses:
                count += 1
                server.responses.append(lie if lie_every and not count % lie_every else fault)
            time.sleep(0.002)


def main() -> None:
    """Make or serve a rehearsal."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("what", choices=["crops", "whole", "serve"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=WIKI_ROWS + IMDB_ROWS, help="of both archives")
    parser.add_argument("--distinct", type=int, default=3000, help="drawn photos")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=0, help="to serve on (default: a free one)")
    parser.add_argument("--drop-after", type=int, metavar="BYTES", help="of every response")
    parser.add_argument("--stall-after", type=int, metavar="BYTES", help="of every response")
    parser.add_argument("--throttle", type=int, metavar="BYTES", help="a second and connection")
    parser.add_argument("--no-ranges", action="store_true", help="send the whole file always")
    parser.add_argument(
        "--lie-every", type=int, default=0, help="wrong Content-Range each N-th GET"
    )
    options = parser.parse_args()
    if options.what == "serve":
        fault = Response(
            drop_after=options.drop_after,
            stall_after=options.stall_after,
            throttle=options.throttle,
            ranges=not options.no_ranges,
        )
        serve(options.folder, options.port, fault, options.lie_every)
    else:
        write = {"crops": write_crops, "whole": write_whole}[options.what]
        write(options.folder, options.rows, options.distinct, options.seed)


if __name__ == "__main__":
    main()
