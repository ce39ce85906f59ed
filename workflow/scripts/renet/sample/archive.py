"""The built-in sample: drawn portraits of invented people, in the layout of wiki_crop.tar.

Nothing is downloaded, and what is odd in the real archive is odd here, too: missing genders, photos
without a face or with two, impossible ages, unreadable files, misleading names. About one row in
six cannot be used.
"""

import dataclasses
import io
import tarfile
import unicodedata
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np

from renet.common import files
from renet.common.errors import InputError
from renet.common.progress import Progress
from renet.sample import people
from renet.sample.mat_file import cell_array, compact, mat_bytes
from renet.sample.photos import adapt_shot, damage_photo, take_photo

MIN_PHOTOS, MAX_PHOTOS = 60, 10_000  # fewer do not hold every quirk, more run out of names
FOLDER = "wiki_crop"
MADE = 1_452_961_520  # 2016-01-16 16:25:20 UTC, the date of the real archive
MALE_SHARE = 0.6
LAST_YEAR = 2015
FILM_YEAR = 1968  # most photos before it are grey

# Rows with an oddity: their share of all rows (but one at least), or their number. None has two.
UNUSABLE_SHARES = {
    "gender unknown": 0.04,
    "one pixel": 0.018,
    "no face": 0.022,
    "second face": 0.033,
    "before birth": 0.015,
    "over a hundred": 0.006,
    "low score": 0.02,
}
UNUSABLE_ROWS = {
    "ancient birth": 1,
    "missing file": 1,
    "empty file": 1,
    "cut in the header": 1,
    "cut in the scan": 1,
    "web page": 1,
}
USABLE_SHARES = {
    "box outside": 0.012,
    "whole-number box": 0.05,
    "grey": 0.03,
    "empty name": 0.003,
    "turned by EXIF": 0.005,
}
USABLE_ROWS = {"colon": 1, "doubled dot": 1, "padded day": 1, "same bytes": 2}
REPEATED_SHARE = 0.008  # of the rows: people who are there twice, three of them at least


@dataclasses.dataclass
class Row:
    """One row of the .mat file, and the bytes of its photo (None: it is not in the archive)."""

    path: str
    name: str
    gender: float
    dob: int  # MATLAB's serial day
    photo_taken: int
    face_location: tuple[float, float, float, float]  # x1, y1, x2, y2, 1-based
    face_score: float
    second_face_score: float
    photo: bytes | None


@dataclasses.dataclass(frozen=True)
class Somebody:
    """An invented person, with a name and a birthday."""

    person: people.Person
    name: str
    born: date
    age: int  # on the first photo


def write_sample(archive: Path, photos: int, seed: int) -> None:
    """Draw the sample and write it as a tar file.

    The same arguments give the same bytes, as long as OpenCV and NumPy stay the same.

    Args:
        archive: the tar file to write, as wiki_crop.tar.
        photos: rows of the .mat file, from 60 to 10,000.
        seed: another seed draws other people.

    Raises:
        InputError: `photos` or `seed` is out of its range.
    """
    _check(photos, seed)
    rows = sorted(_rows(photos, seed), key=lambda row: row.path.partition("/")[2])
    with files.replacing(archive) as temporary, temporary.open("wb") as handle:
        _write_tar(handle, rows)


def _check(photos: int, seed: int) -> None:
    if not MIN_PHOTOS <= photos <= MAX_PHOTOS:
        raise InputError(
            f"The sample cannot have {photos} photos: from {MIN_PHOTOS} (fewer cannot hold all "
            f"that is odd in the real archive) to {MAX_PHOTOS} (more run out of names) will do; "
            "change sample.photos in the config, or --photos."
        )
    if seed < 0:
        raise InputError(
            f"The sample's seed is {seed}, and it must be a whole number from 0 upwards; change "
            "sample.seed in the config, or --seed."
        )


# --- people -------------------------------------------------------------------------------------


def _crowd(rng: np.random.Generator, number: int) -> list[Somebody]:
    """Invented people, six in ten of them men; the first one's name has accents that can go."""
    genders = (np.arange(number) < round(MALE_SHARE * number)).astype(int)
    names = [
        name
        for gender in (people.FEMALE, people.MALE)
        for name in people.names(rng, gender, int((genders == gender).sum()))
    ]
    crowd = [
        _somebody(rng, int(gender), name)
        for gender, name in zip(np.sort(genders), names, strict=True)
    ]
    crowd = [crowd[k] for k in rng.permutation(number)]
    first = next(k for k, who in enumerate(crowd) if _has_plain_form(who.name))
    return [crowd[first], *crowd[:first], *crowd[first + 1 :]]


def _somebody(rng: np.random.Generator, gender: int, name: str) -> Somebody:
    age = int(np.clip(rng.gamma(6, 6.7), 7, 95))
    born = date.fromordinal(int(rng.integers(366)) + date(LAST_YEAR - 1, 1, 1).toordinal())
    year = int(np.clip(LAST_YEAR - rng.gamma(1.3, 12), 1930, LAST_YEAR))
    born = born.replace(year=year - age - (born.month >= 7), day=min(born.day, 28))
    return Somebody(people.random_person(rng, gender), name, born, age)


def _plain(name: str) -> str:
    """A name in capitals without accents, as another page spells it."""
    decomposed = unicodedata.normalize("NFKD", name)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).upper()


def _has_plain_form(name: str) -> bool:
    return not name.isascii() and _plain(name).isascii()


# --- rows ---------------------------------------------------------------------------------------


def _rows(photos: int, seed: int) -> Iterator[Row]:
    """The rows of the sample, each with the bytes of its photo, in no particular order."""
    rng = np.random.default_rng((seed, 0))
    repeated = max(3, round(REPEATED_SHARE * photos))
    crowd = _crowd(rng, photos - repeated)
    ids = 1000 + rng.choice(50_000_000, photos, replace=False)
    oddities = _oddities(photos)
    cast = [*crowd[:repeated], *crowd]  # the first rows are second photos of the first people
    twin = None
    for k in Progress(range(photos), desc="draw", unit=" portraits"):
        oddity = oddities.get(k)
        own = np.random.default_rng((seed, 1, k))
        row = _row(own, cast[k], int(ids[k]), oddity, again=k < repeated)
        if k == 0:  # the same person, in another spelling
            row.name = _plain(row.name)
        if oddity == "same bytes":
            row, twin = _as_twin(row, twin), row
        yield row


def _oddities(photos: int) -> dict[int, str]:
    """Which rows are odd, {row: oddity}: the last ones, away from the people who come back."""
    counts = {oddity: max(1, int(share * photos)) for oddity, share in UNUSABLE_SHARES.items()}
    counts |= {oddity: max(1, int(share * photos)) for oddity, share in USABLE_SHARES.items()}
    counts |= UNUSABLE_ROWS | USABLE_ROWS
    odd = [oddity for oddity, count in counts.items() for _ in range(count)]
    return {photos - 1 - k: oddity for k, oddity in enumerate(odd)}


def _row(
    rng: np.random.Generator, who: Somebody, page: int, oddity: str | None, again: bool
) -> Row:
    """A row for a photo of somebody; taken some years later where it is a photo `again`."""
    born, taken, age = _dates(rng, who, oddity, int(rng.integers(1, 12)) if again else 0)
    shot = people.random_shot(rng, who.person, age, old_photo=taken < FILM_YEAR)
    shot = adapt_shot(rng, shot, oddity)
    photo, location = take_photo(rng, who.person, shot, oddity)
    found = oddity not in ("one pixel", "no face")
    score = float(np.clip(rng.normal(3.25, 1.35), 1.02, 7))
    if oddity == "low score":
        score = float(rng.uniform(0.3, 0.98))
    return Row(
        path=f"{page % 100:02d}/{page}_{_date_text(born, oddity)}_{taken}.jpg",
        name="" if oddity == "empty name" else who.name,
        gender=np.nan if oddity == "gender unknown" else float(who.person.gender),
        dob=born.toordinal() + 366,
        photo_taken=taken,
        face_location=location,
        face_score=score if found else -np.inf,
        second_face_score=float(rng.uniform(0.75, 4)) if oddity == "second face" else np.nan,
        photo=damage_photo(photo, oddity),
    )


def _as_twin(row: Row, twin: Row | None) -> Row:
    """The photo of `twin` once more, on the page of a namesake."""
    if twin is None:
        return row
    name = f"{twin.name.partition(' ')[0]} {row.name.rpartition(' ')[2]}"
    page = row.path.partition("_")[0]
    return dataclasses.replace(twin, path=f"{page}_{twin.path.partition('_')[2]}", name=name)


def _dates(
    rng: np.random.Generator, who: Somebody, oddity: str | None, later: int
) -> tuple[date, int, int]:
    """Birthday, year of the photo, and the age to draw."""
    born = who.born
    if oddity == "ancient birth":
        born = date(11, 2, 28)
    taken = who.born.year + who.age + (born.month >= 7)
    if oddity == "before birth":
        return born, born.year - int(rng.integers(1, 45)), who.age
    if oddity == "over a hundred":
        born = born.replace(year=taken - int(rng.integers(103, 160)))
    later = min(later, LAST_YEAR - taken)
    return born, taken + later, who.age + later


def _date_text(born: date, oddity: str | None) -> str:
    """The birthday as the file name has it."""
    return {
        "ancient birth": "11-03-00",
        "colon": f"{born}UTC08:04",
        "doubled dot": f"{born}.",
        "padded day": f"{born:%Y-%m}-0{born.day:02d}",
    }.get(oddity, f"{born}")


# --- files --------------------------------------------------------------------------------------


def _write_tar(handle: io.BufferedIOBase, rows: list[Row]) -> None:
    """Write folders and photos in the order of their names, and the .mat file last."""
    photos = {f"{FOLDER}/{row.path}": row.photo for row in rows if row.photo is not None}
    folders = {name.rpartition("/")[0] for name in photos} | {FOLDER}
    with tarfile.open(fileobj=handle, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name in sorted([*photos, *(f"{folder}/" for folder in folders)]):
            _add(tar, name, photos.get(name))
        _add(tar, f"{FOLDER}/wiki.mat", _mat(rows))


def _add(tar: tarfile.TarFile, name: str, data: bytes | None) -> None:
    """Add a file, or a folder where there is no data; always with the same owner and time."""
    member = tarfile.TarInfo(name)
    member.mtime = MADE
    if data is None:
        member.type, member.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(member)
    else:
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))


def _mat(rows: list[Row]) -> bytes:
    """The rows as a MATLAB v5 file with the struct `wiki`, its fields in the real one's order."""
    numbers = {
        name: np.array([[getattr(row, name) for row in rows]], np.float64)
        for name in ("dob", "photo_taken", "gender", "face_score", "second_face_score")
    }
    boxes = [np.array([row.face_location], np.float64) for row in rows]
    struct = {
        "dob": compact(numbers["dob"]),
        "photo_taken": compact(numbers["photo_taken"]),
        "full_path": cell_array([row.path for row in rows]),
        "gender": numbers["gender"],
        "name": cell_array([row.name for row in rows]),
        "face_location": cell_array([compact(box) for box in boxes]),
        "face_score": numbers["face_score"],
        "second_face_score": numbers["second_face_score"],
    }
    return mat_bytes({"wiki": struct})
