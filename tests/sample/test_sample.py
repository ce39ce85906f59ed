"""The built-in sample: the layout of the real archive, its quirks, and readable portraits."""

import datetime
import hashlib
import io
import math
import tarfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import scipy.io

from helpers.archives import FIELDS, metadata_of, read_mat
from helpers.project import run_python
from renet.archives import receipts
from renet.metadata import mat_file, subjects
from renet.sample import people, portraits
from renet.sample.archive import write_sample

PHOTOS, SEED = 60, 1  # the smallest sample, which must hold every quirk


class Sample:
    """A sample read back: its tar members, and its rows with their bytes."""

    def __init__(self, folder: Path, photos: int, seed: int):
        self.archive = folder / "wiki_crop.tar"
        write_sample(self.archive, photos, seed)
        with tarfile.open(self.archive) as tar:
            self.members = tar.getmembers()
            files = [member for member in self.members if member.isfile()]
            self.files = {member.name: tar.extractfile(member).read() for member in files}
        self.mat = self.files["wiki_crop/wiki.mat"]
        self.table = read_mat(self.mat, "wiki")
        data = self.table.path.map(lambda path: self.files.get(f"wiki_crop/{path}"))
        described = metadata_of(self.table, missing=data.isna())
        image = data.map(decode, na_action="ignore")
        self.table = self.table.assign(
            age=described.age, reason=described.reason, data=data.to_list(), image=image
        )

    def usable(self) -> pd.DataFrame:
        """The rows that no filter drops and whose photo is a complete JPEG."""
        whole = self.table.data.map(lambda data: bool(data) and data.endswith(b"\xff\xd9"))
        return self.table[(self.table.reason == "") & whole & self.table.image.notna()]


def decode(data: bytes) -> np.ndarray | None:
    """An image as it is stored, (h, w) or (h, w, 3); None where OpenCV cannot decode it."""
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Sample:
    return Sample(tmp_path_factory.mktemp("small"), PHOTOS, SEED)


@pytest.fixture(scope="module")
def larger(tmp_path_factory) -> Sample:
    return Sample(tmp_path_factory.mktemp("larger"), 150, 3)


def test_script_makes_the_same_bytes_as_another_process_and_a_receipt(small, tmp_path):
    receipt_file = tmp_path / "sample" / "wiki_crop.tar.json"
    given = f"{PHOTOS}, {SEED}, Path({str(receipt_file)!r})"
    code = f"from pathlib import Path; import make_sample; make_sample.make_sample({given})"
    outcome = run_python("-c", code)
    assert outcome.returncode == 0, outcome.stderr
    archive = receipt_file.with_suffix("")
    assert archive.read_bytes() == small.archive.read_bytes()
    receipt = receipts.read(receipt_file)
    digest = f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}"
    assert (receipt.path, receipt.digest) == (str(archive), digest) and receipt.verified
    assert receipt.size == archive.stat().st_size and receipt.url == "made:sample"
    found = {path.name.removeprefix("wiki_crop.tar") for path in archive.parent.iterdir()}
    assert found == {"", ".checked", ".json"}


def test_another_seed_draws_other_people(small, larger):
    assert not set(small.files) & set(larger.files) - {"wiki_crop/wiki.mat"}


def test_members_are_sorted_by_name_with_one_owner_and_date_and_the_mat_file_is_last(small):
    *photos, mat = small.members
    assert mat.name == "wiki_crop/wiki.mat"
    assert {(m.uid, m.gid, m.uname, m.gname) for m in small.members} == {(0, 0, "", "")}
    dates = {datetime.datetime.fromtimestamp(m.mtime, datetime.UTC) for m in small.members}
    assert {date.date().isoformat() for date in dates} == {"2016-01-16"}
    names = [member.name + "/" * member.isdir() for member in photos]
    assert names == sorted(names) and names[0] == "wiki_crop/"
    for member in photos:
        if member.isfile():
            folder, name = member.name.split("/")[1:]
            assert folder == name.partition("_")[0][-2:] and f"wiki_crop/{folder}/" in names


def test_mat_file_reads_with_the_date_fields_and_types_of_the_real_one(small):
    assert small.mat.startswith(b"MATLAB 5.0 MAT-file")
    assert b"Created on: Sat Jan 16 16:25:20 2016" in small.mat[:116]
    wiki = scipy.io.loadmat(io.BytesIO(small.mat))["wiki"]
    assert wiki.shape == (1, 1) and wiki.dtype.names == FIELDS
    row = wiki[0, 0]
    assert {row[field].shape for field in FIELDS} == {(1, PHOTOS)}
    for field in ("dob", "photo_taken", "gender", "face_score", "second_face_score"):
        assert row[field].dtype == np.float64
    assert {(b.shape, b.dtype.name) for b in row["face_location"][0]} == {((1, 4), "float64")}


def first_day(table: pd.DataFrame) -> pd.Series:
    return table.path.str.split("_").str[1]


def of_data(check: Callable[[bytes], bool]) -> Callable[[pd.DataFrame], pd.Series]:
    """Which rows have a photo whose bytes, if any, are like that."""
    return lambda table: table.data.map(lambda data: bool(data) and check(data))


def of_image(check: Callable[[np.ndarray], bool]) -> Callable[[pd.DataFrame], pd.Series]:
    """Which rows have a photo that decodes to an image like that."""
    return lambda table: table.image.map(lambda image: image is not None and check(image))


def plain(names: pd.Series) -> pd.Series:
    return names.map(subjects.normalised_name)


QUIRKS = {
    "gender unknown": lambda t: t.gender.isna(),
    "no face in a photo": lambda t: np.isneginf(t.face_score) & (t.x2 > 1),
    "a one-pixel image": lambda t: (
        np.isneginf(t.face_score)
        & (t[["x1", "y1", "x2", "y2"]] == 1).all(axis=1)
        & of_image(lambda image: image.shape[:2] == (1, 1))(t)
    ),
    "second face": lambda t: t.second_face_score.notna(),
    "age below 0": lambda t: t.age < 0,
    "age above 100": lambda t: t.age > 100,
    "birth in the year 11": lambda t: t.dob < 5000,
    "score between 0 and 1": lambda t: (t.face_score > 0) & (t.face_score < 1),
    "name beyond ASCII": lambda t: ~t.name.map(str.isascii),
    "empty name": lambda t: t.name == "",
    "colon in the file name": lambda t: t.path.str.contains(":"),
    "extra dot in the file name": lambda t: t.path.str.contains(r"\._"),
    "day with an extra zero": lambda t: first_day(t).str.fullmatch(r"\d{4}-\d\d-0\d\d"),
    "impossible date": lambda t: first_day(t).str.endswith("-00"),
    "empty file": lambda t: t.data.map(lambda data: data == b"", na_action="ignore").eq(other=True),
    "JPEG cut in the header": of_data(lambda d: d[:2] == b"\xff\xd8" and b"\xff\xda" not in d),
    "JPEG cut in the scan": of_data(lambda d: b"\xff\xda" in d and not d.endswith(b"\xff\xd9")),
    "web page instead of a photo": of_data(lambda d: d.startswith(b"<!DOCTYPE html>")),
    "photo that is not in the archive": lambda t: t.data.isna(),
    "EXIF orientation": of_data(lambda d: d[2:4] == b"\xff\xe1" and b"Exif\0\0" in d[:20]),
    "grey JPEG": of_image(lambda image: image.ndim == 2),
    "two rows of the same bytes": lambda t: t.data.notna() & t.data.duplicated(keep=False),
    "person with two photos": lambda t: (t.name != "") & t.name.duplicated(keep=False),
    "person in two spellings": lambda t: (
        (t.name != "") & plain(t.name).duplicated(keep=False) & ~t.name.duplicated(keep=False)
    ),
    "box of whole numbers": lambda t: np.isfinite(t.face_score) & (t.x1 % 1 == 0) & (t.y2 % 1 == 0),
    "box outside the photo": lambda t: t.x1 < 1,
    "not square": of_image(lambda image: image.shape[0] != image.shape[1]),
}


@pytest.mark.parametrize("quirk", QUIRKS)
def test_smallest_sample_holds(quirk, small):
    found = small.table[QUIRKS[quirk](small.table)]
    assert 1 <= len(found) <= (PHOTOS if quirk == "name beyond ASCII" else PHOTOS / 5)


def test_people_with_two_photos_are_usable_and_keep_their_gender(small):
    usable = small.usable()
    named = usable[usable.name != ""]
    several = named.groupby(plain(named.name)).filter(lambda photos: len(photos) > 1)
    assert plain(several.name).nunique() >= 3
    assert (several.groupby(plain(several.name)).gender.nunique() == 1).all()


def test_same_bytes_have_two_names_of_one_gender(small):
    twins = small.table[QUIRKS["two rows of the same bytes"](small.table)]
    assert len(twins) == twins.name.nunique() == twins.path.nunique() == 2
    assert twins.gender.nunique() == 1


def test_birthdays_in_file_names_agree_with_the_mat_file(small):
    ordinary = small.table[first_day(small.table).str.fullmatch(r"\d{4}-\d\d-\d\d")]
    born = mat_file.birth_dates(ordinary.dob.to_numpy()).astype(str)
    assert (first_day(ordinary) == born).all()
    assert len(ordinary) == PHOTOS - 4  # the others: three malformed dates, and the year 11


def test_smallest_sample_has_enough_usable_rows_of_both_genders(small):
    usable = small.usable()
    assert len(small.table) == PHOTOS and len(usable) >= 45
    assert usable.gender.value_counts().min() >= 12


def test_about_one_row_in_six_is_unusable_and_three_in_five_are_men(larger):
    usable = larger.usable()
    assert 0.14 < 1 - len(usable) / len(larger.table) < 0.2
    assert 0.53 < (usable.gender == people.MALE).mean() < 0.67


def test_every_other_photo_decodes_and_has_a_realistic_size(larger):
    lost = (larger.table.reason == "").sum() - len(larger.usable())
    assert lost == 4  # empty, a web page, and two truncated files
    sides = np.array([image.shape[:2] for image in larger.usable().image])
    assert sides.min() >= 55 and sides.max() <= 350 and 150 < np.median(sides) < 240


def test_boxes_with_their_margin_give_the_crops(larger):
    for row in larger.usable().itertuples():
        height, width = row.image.shape[:2]
        for first, last, length in ((row.x1, row.x2, width), (row.y1, row.y2, height)):
            margin = 0.4 * (last - first)
            cut = math.ceil(last + margin) - math.floor(first - margin) + 1
            assert abs(cut - length) <= 1


def test_crop_repeats_the_border_pixel_where_it_reaches_outside_the_photo(small):
    row = small.table[small.table.x1 < 1].iloc[0]
    outside = -math.floor(row.x1 - 0.4 * (row.x2 - row.x1))
    strip = row.image[:, : outside - 8].astype(float)  # without the last JPEG block
    assert outside > 0.2 * row.image.shape[1]
    assert np.ptp(strip, axis=1).mean() < 12


def test_ten_thousand_people_have_distinct_names():
    rng = np.random.default_rng(0)
    counts = {people.MALE: 6000, people.FEMALE: 4000}
    names = [name for gender in counts for name in people.random_names(rng, gender, counts[gender])]
    assert len({subjects.normalised_name(name) for name in names}) == len(names) == 10_000


def test_gender_changes_the_odds_and_decides_only_beards():
    rng = np.random.default_rng(0)
    women, men = (
        [people.Person(rng, gender) for _ in range(1500)] for gender in (people.FEMALE, people.MALE)
    )
    loose = [np.mean([who.hair_style in ("long", "bob") for who in of]) for of in (women, men)]
    assert loose[0] > 0.5 and 0.03 < loose[1] < 0.2
    assert 0.01 < np.mean([who.look < 0.5 for who in women]) < 0.06
    assert {who.beard for who in women} == {"none"}


TRAITS = {
    "hair_style": {style for odds in people.HAIR_STYLES.values() for style in odds},
    "hairline": people.HAIRLINES[people.MALE],
    "beard": people.BEARDS,
    "clothes": {clothes for odds in people.CLOTHES.values() for clothes in odds},
    "glasses": people.GLASSES,
    "earrings": (False, True),
    "hair_colour": portraits.HAIR_COLOURS,
}


@pytest.mark.parametrize("trait", TRAITS)
def test_each_choice_of_a_trait_gives_another_portrait(trait):
    found = set()
    for choice in TRAITS[trait]:
        rng = np.random.default_rng(5)
        person = people.Person(rng, people.MALE)
        shot = people.Shot(rng, person, 40)
        shot.size, shot.border = (120, 96), (0, 0, 0, 0)
        setattr(person if hasattr(person, trait) else shot, trait, choice)
        image = portraits.draw(person, shot)
        assert (image.shape, image.dtype) == ((120, 96, 3), np.uint8)
        found.add(image.tobytes())
    assert len(found) == len(TRAITS[trait])
