"""Built-in sample: drawn portraits of invented people, in the layout of wiki_crop.tar.

It has the quirks of the real archive: missing genders, rows with no face or two, impossible ages,
unreadable files, misleading file names. About one row in six cannot be used.
"""

import io
import tarfile
import unicodedata
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from numpy.random import Generator

from renet.common import files
from renet.common.progress import Progress
from renet.sample import people
from renet.sample.photos import adapt_shot, damage_photo, take_photo

FOLDER = "wiki_crop"
IN_CELLS = ("full_path", "name", "face_location")  # fields of the .mat file that are cell arrays
MODIFIED = 1_452_961_520  # 2016-01-16 16:25:20 UTC, the date of the real archive
MAT_HEADER = b"MATLAB 5.0 MAT-file, Platform: renet, Created on: Sat Jan 16 16:25:20 2016"
MAT_HEADER_SIZE = 116
MALE_FRACTION = 0.6
REPEATED_FRACTION = 0.008  # fraction of rows: people with a second photo, three at least
LAST_YEAR = 2015

# The fraction of rows with each quirk, but one row at least. No row has two.
QUIRKS = {
    "same bytes": 0,  # as the row before, which is usable, under a similar name
    "box outside": 0.012, "whole-number box": 0.05, "grey": 0.03, "empty name": 0.003,
    "turned by EXIF": 0.005, "colon": 0, "doubled dot": 0, "padded day": 0,
    # the rows with these cannot be used
    "gender unknown": 0.04, "one pixel": 0.018, "no face": 0.022, "second face": 0.033,
    "before birth": 0.015, "over a hundred": 0.006, "low score": 0.02, "ancient birth": 0,
    "missing file": 0, "empty file": 0, "cut in the header": 0, "cut in the scan": 0,
    "web page": 0,
}  # fmt: skip


class Subject:
    """An invented person with a name, a birthday, and the age on the first photo."""

    def __init__(self, rng: Generator, gender: int, name: str):
        self.name, self.age = name, int(np.clip(rng.gamma(6, 6.7), 7, 95))
        taken = int(np.clip(LAST_YEAR - rng.gamma(1.3, 12), 1930, LAST_YEAR))
        day = date(2001, 1, 1) + timedelta(int(rng.integers(365)))
        self.born = day.replace(year=taken - self.age - (day.month >= 7))
        self.person = people.Person(rng, gender)


def write_sample(archive: Path, photos: int, seed: int) -> None:
    """Draw the sample and write it as a tar file.

    The same arguments give the same bytes with the same versions of OpenCV and NumPy.

    Args:
        photos: rows of the .mat file. Fewer than 60 do not hold every quirk, and there are names
            for 10,000.
        seed: 0 or more; another seed draws other people.
    """
    rows = sorted(_rows(photos, seed), key=lambda row: row["full_path"].partition("/")[2])
    with files.replacing(archive) as temporary, temporary.open("wb") as handle:
        _write_tar(handle, rows)


def _rows(photos: int, seed: int) -> Iterator[dict[str, Any]]:
    """Rows of the sample in random order: second photos of people first, quirks last."""
    rng = np.random.default_rng((seed, 0))
    repeated = max(3, round(REPEATED_FRACTION * photos))
    subjects = _subjects(rng, photos - repeated)
    subjects = [*subjects[:repeated], *subjects]
    pages = 1000 + rng.choice(50_000_000, photos, replace=False)
    last = [quirk for quirk, part in QUIRKS.items() for _ in range(max(1, int(part * photos)))]
    quirks = [None] * (photos - len(last)) + last
    row: dict[str, Any] = {}
    for k in Progress(range(photos), desc="draw", unit=" portraits"):
        own = np.random.default_rng((seed, 1, k))
        years_later = int(own.integers(1, 12)) if k < repeated else 0
        previous, row = row, _row(own, subjects[k], int(pages[k]), quirks[k], years_later)
        if k == 0:  # the same person in another spelling
            row["name"] = _unaccented(row["name"]).upper()
        if quirks[k] == "same bytes":
            name = f"{previous['name'].partition(' ')[0]} {row['name'].rpartition(' ')[2]}"
            page, path = row["full_path"].partition("_")[0], previous["full_path"].partition("_")[2]
            row = previous | {"full_path": f"{page}_{path}", "name": name}
        yield row


def _subjects(rng: Generator, number: int) -> list[Subject]:
    """Invented people in random order; the first one's name is ASCII but for its accents."""
    men = round(MALE_FRACTION * number)
    subjects = [
        Subject(rng, gender, name)
        for gender, count in ((people.FEMALE, number - men), (people.MALE, men))
        for name in people.random_names(rng, gender, count)
    ]
    subjects = [subjects[k] for k in rng.permutation(number)]
    names = [who.name for who in subjects]
    accented = (k for k, n in enumerate(names) if not n.isascii() and _unaccented(n).isascii())
    return [subjects.pop(next(accented)), *subjects]


def _unaccented(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def _row(
    rng: Generator, who: Subject, page: int, quirk: str | None, years_later: int
) -> dict[str, Any]:
    """A row with a photo of somebody, some years after the first one.

    It has the fields of the .mat file in their order, and `photo`, the bytes in the archive, or
    None where it is not there.
    """
    born, taken = who.born, who.born.year + who.age + (who.born.month >= 7)
    years_later = min(years_later, LAST_YEAR - taken)
    taken += years_later
    shot = people.Shot(rng, who.person, who.age + years_later)
    adapt_shot(shot, quirk)
    photo, location = take_photo(rng, who.person, shot, quirk)
    if quirk == "before birth":
        taken = born.year - int(rng.integers(1, 45))
    elif quirk == "over a hundred":
        born = born.replace(year=taken - int(rng.integers(103, 160)))
    elif quirk == "ancient birth":
        born = date(11, 2, 28)
    score = np.clip(rng.normal(3.25, 1.35), 1.02, 7)
    if quirk == "low score":
        score = rng.uniform(0.3, 0.98)
    return {
        "dob": born.toordinal() + 366,  # MATLAB's serial day
        "photo_taken": taken,
        "full_path": f"{page % 100:02d}/{page}_{_date_text(born, quirk)}_{taken}.jpg",
        "gender": np.nan if quirk == "gender unknown" else who.person.gender,
        "name": "" if quirk == "empty name" else who.name,
        "face_location": np.array([location], np.float64),
        "face_score": -np.inf if quirk in ("one pixel", "no face") else score,
        "second_face_score": rng.uniform(0.75, 4) if quirk == "second face" else np.nan,
        "photo": damage_photo(photo, quirk),
    }


def _date_text(born: date, quirk: str | None) -> str:
    """The birthday as the file name has it."""
    texts: dict[str | None, str] = {
        "ancient birth": "11-03-00",
        "colon": f"{born}UTC08:04",
        "doubled dot": f"{born}.",
        "padded day": f"{born:%Y-%m}-0{born.day:02d}",
    }
    return texts.get(quirk, f"{born}")


def _write_tar(handle: io.BufferedIOBase, rows: list[dict[str, Any]]) -> None:
    """Write folders and photos in the order of their names, and the .mat file last."""
    members: dict[str, bytes | None] = {
        f"{FOLDER}/{row['full_path']}": row["photo"] for row in rows if row["photo"] is not None
    }
    folders = {name.rpartition("/")[0] for name in members} | {FOLDER}
    members |= dict.fromkeys(f"{folder}/" for folder in folders)
    with tarfile.open(fileobj=handle, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, data in [*sorted(members.items()), (f"{FOLDER}/wiki.mat", _mat(rows))]:
            member = tarfile.TarInfo(name)
            member.mtime = MODIFIED
            if data is None:
                member.type, member.mode = tarfile.DIRTYPE, 0o755
            else:
                member.size = len(data)
            tar.addfile(member, io.BytesIO(data or b""))


def _mat(rows: list[dict[str, Any]]) -> bytes:
    """Rows as a MATLAB v5 file with the struct `wiki`."""
    struct = {}
    for field in [field for field in rows[0] if field != "photo"]:
        values = [row[field] for row in rows]
        struct[field] = cell_array(values) if field in IN_CELLS else np.array([values], float)
    return mat_bytes({"wiki": struct})


def mat_bytes(variables: dict) -> bytes:
    """A MATLAB v5 file of variables as `scipy.io.savemat` takes them, with always the same date."""
    stream = io.BytesIO()
    scipy.io.savemat(stream, variables)
    return MAT_HEADER.ljust(MAT_HEADER_SIZE) + stream.getvalue()[MAT_HEADER_SIZE:]


def cell_array(values: list) -> np.ndarray:
    """A MATLAB cell array (1, n)."""
    cells = np.empty((1, len(values)), object)
    for k, value in enumerate(values):
        cells[0, k] = value
    return cells
