"""Synthetic archives with the layout and the number of rows of IMDB-WIKI.

    python benchmarks/rehearsal.py FOLDER                 # wiki_crop.tar, imdb_crop.tar: 9.7 GB
    python benchmarks/rehearsal.py FOLDER --rows 50000    # both, shortened in proportion

WIKI has 62,328 rows, IMDB 460,723. People and genders are drawn in IMDB's proportions, face scores
in WIKI's. 13 % of WIKI's images are one pixel. All other photos are noise with the spectrum of
photographs, added to a common picture, in the real sizes (median side 243 pixels, 14 % below 128,
46 % from 256, 6 % from 512).

Only 1,200 JPEGs are drawn, 20 of each size. Restart markers divide each of them into pieces that
are coded separately. Each piece of a photo comes from one of the JPEGs of its size, so that making
a photo takes no more time than copying its bytes. The perceptual hashes of two photos differ in 117
bits (standard deviation 8; in 8,000 real faces 119, 10); there are no near-duplicates. The photos
cannot be used to measure accuracies.
"""

import io
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import measuring
import numpy as np
import pandas as pd
import scipy.io

from helpers.archives import cell_array
from renet.common.progress import Progress

ROWS = {"wiki": 62_328, "imdb": 460_723}
ROWS_OF_A_PERSON, UNKNOWN_GENDERS = 22.7, 0.018  # IMDB's: 20,284 people, 8,462 rows
NO_FACE, SECOND_FACE = 0.289, 0.066  # of WIKI's rows
ONE_PIXEL = 0.448  # of WIKI's images without a face
SCORE_QUANTILES = ([0, 0.1, 0.25, 0.5, 0.75, 0.9, 1], [0.73, 1.5, 2.27, 3.24, 4.15, 4.87, 7.08])
SIDE_QUANTILES = ([0, 0.14, 0.5, 0.54, 0.94, 1], [40, 128, 243, 256, 512, 900])  # pixels
QUALITY = 94  # gives 15 kB a photo, as in imdb_crop.tar
SIZES, PHOTOS_OF_A_SIZE = 60, 20  # of the JPEGs that are drawn
BLOCK, PIECES = 16, 8  # pixels of a side that is coded at once; pieces across a photo
COMMON = 60.0  # standard deviation of the common picture, in grey levels
MADE = 1_452_961_520  # modification time of all members
MAT_HEADER = b"MATLAB 5.0 MAT-file".ljust(116)  # without the date


def natural_noise(height: int, width: int, random: np.random.Generator) -> np.ndarray:
    """(height, width, 3) float32 whose detail falls off as in photographs."""
    image = np.zeros((height, width, 3), np.float32)
    cells, weight = 4, 64.0
    while cells < max(height, width):
        grid = random.normal(0, weight, (cells, cells, 3)).astype(np.float32)
        grid = 0.7 * grid.mean(axis=2, keepdims=True) * 1.7 + 0.3 * grid  # colours vary less
        image += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        cells, weight = cells * 2, weight * 0.45
    return image


def pieces_of(image: np.ndarray) -> tuple[bytes, list[bytes]]:
    """The header of an image as a JPEG, and its pieces with the marker behind each."""
    interval = -(-image.shape[1] // (BLOCK * PIECES))
    flags = [cv2.IMWRITE_JPEG_QUALITY, QUALITY, cv2.IMWRITE_JPEG_RST_INTERVAL, interval]
    data = cv2.imencode(".jpg", np.clip(image + 128, 0, 255).astype(np.uint8), flags)[1].tobytes()
    scan = data.index(b"\xff\xda") + 14  # behind the marker and the list of three components
    return data[:scan], re.split(rb"(?<=\xff[\xd0-\xd7])", data[scan:])


class Photos:
    """Draws photos, each in one of the sizes and from pieces of the JPEGs of this size."""

    def __init__(self, random: np.random.Generator):
        self._random, self._sizes = random, []
        common = random.normal(0, COMMON, (6, 6, 1)).astype(np.float32)
        sides = np.interp((np.arange(SIZES) + 0.5) / SIZES, *SIDE_QUANTILES).round().astype(int)
        for side in Progress(sides, desc="drawing", unit=" sizes"):
            shape = side, round(side * random.uniform(0.98, 1.02))
            mean = cv2.resize(common, shape[::-1], interpolation=cv2.INTER_CUBIC)[..., None]
            drawn = [natural_noise(*shape, random) + mean for _ in range(PHOTOS_OF_A_SIZE)]
            headers, pieces = zip(*map(pieces_of, drawn), strict=True)
            self._sizes.append((headers[0], list(zip(*pieces, strict=True))))

    def draw(self) -> bytes:
        """One more photo."""
        header, places = self._sizes[self._random.integers(SIZES)]
        chosen = self._random.integers(PHOTOS_OF_A_SIZE, size=len(places)).tolist()
        return header + b"".join(map(tuple.__getitem__, places, chosen))


def rows_of(database: str, rows: int, random: np.random.Generator) -> pd.DataFrame:
    """Rows as from `renet.metadata.mat_file.read`, with the counts and scores of the archives."""
    people = max(1, round(rows / ROWS_OF_A_PERSON))
    fame = random.lognormal(0, 1.2, people)
    person = np.sort(random.choice(people, rows, p=fame / fame.sum()))
    taken = random.integers(1950, 2015, rows)
    gender = (random.random(people) < 0.57).astype(np.float64)[person]
    gender[random.random(rows) < UNKNOWN_GENDERS] = np.nan
    score, second = np.interp(random.random((2, rows)), *SCORE_QUANTILES)
    has_no_face = random.random(rows) < NO_FACE
    score[has_no_face] = -np.inf
    second[random.random(rows) >= SECOND_FACE] = np.nan
    corner, side = random.integers(20, 200, (2, rows)), random.integers(40, 300, rows)
    x1, y1 = corner + 0.5
    table = pd.DataFrame(
        {
            "path": [
                f"{who * 19 % 100:02}/nm{who:07}_rm{number}_1960-1-2_{year}.jpg"
                for number, (who, year) in enumerate(zip(person, taken, strict=True))
            ],
            "name": [f"{database.upper()} Person{who}" for who in person],
            "celeb_id": person + 1.0,
            "gender": gender,
            "dob": random.integers(700_000, 728_000, people)[person].astype(np.float64),
            "photo_taken": taken.astype(np.float64),
            "face_score": score,
            "second_face_score": second,
            "x1": x1, "y1": y1, "x2": x1 + side, "y2": y1 + side,
        }
    )  # fmt: skip
    if database == "wiki":
        is_pixel = has_no_face & (random.random(rows) < ONE_PIXEL)
        table.loc[is_pixel, ["x1", "y1", "x2", "y2"]] = 1.0
    return table


def mat_of(table: pd.DataFrame, database: str) -> bytes:
    """The .mat file that `renet.metadata.mat_file.read` reads `table` from."""
    numbers = {
        name: table[name].to_numpy(float)[None]
        for name in ("dob", "photo_taken", "gender", "face_score", "second_face_score")
    }
    texts = {
        field: cell_array([np.array([text]) for text in table[name]])
        for field, name in (("full_path", "path"), ("name", "name"))
    }
    boxes = table[["x1", "y1", "x2", "y2"]].to_numpy()
    struct = numbers | texts | {"face_location": cell_array([box[None] for box in boxes])}
    if database == "imdb":
        struct["celeb_names"] = cell_array([np.array([name]) for name in table.name.unique()])
        struct["celeb_id"] = table.celeb_id.to_numpy(float)[None]
    scipy.io.savemat(stream := io.BytesIO(), {database: struct})
    return MAT_HEADER + stream.getvalue()[len(MAT_HEADER) :]


def members(table: pd.DataFrame, database: str, photos: Photos) -> Iterator[tuple[str, bytes]]:
    """The name and the bytes of each member of an archive; the .mat file is the last one."""
    pixel = cv2.imencode(".jpg", np.full((1, 1, 3), 200, np.uint8))[1].tobytes()
    rows = zip(table.path, table.x2 == 1, strict=True)
    for path, is_pixel in Progress(rows, total=len(table), desc=database, unit=" photos"):
        yield path, pixel if is_pixel else photos.draw()
    yield f"{database}.mat", mat_of(table, database)


def main() -> None:
    """Write wiki_crop.tar and imdb_crop.tar, as GNU tar writes them."""
    parser = measuring.parser(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=sum(ROWS.values()), help="of both archives")
    arguments = parser.parse_args()
    random = np.random.default_rng(1)
    photos = Photos(random)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for database, count in ROWS.items():
        table = rows_of(database, round(count * arguments.rows / sum(ROWS.values())), random)
        path = arguments.folder / f"{database}_crop.tar"
        with tarfile.TarFile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
            for name, data in members(table, database, photos):
                header = tarfile.TarInfo(f"{database}_crop/{name}")
                header.size, header.mtime = len(data), MADE
                tar.addfile(header, io.BytesIO(data))
                tar.members = []  # tarfile would keep every header


if __name__ == "__main__":
    main()
