"""The built-in sample: a copy of a tar of the project, with the quirks of the real archive."""

import json
import tarfile
from pathlib import Path

import cv2
import make_sample
import numpy as np
import pandas as pd
import pytest

from helpers.archives import metadata_of, read_mat
from renet.archives import receipts
from renet.common.errors import InputError
from renet.metadata.subjects import normalised_name


@pytest.mark.parametrize("photos", make_sample.DIGESTS)
def test_sample_is_copied_and_its_receipt_names_no_path_of_the_project(
    photos, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    archive, receipt_file = Path("made/wiki_crop.tar"), Path("made/wiki_crop.tar.json")
    make_sample.make_sample(photos, receipt_file)
    assert archive.read_bytes() == (make_sample.FOLDER / f"{photos}.tar").read_bytes()
    assert json.loads(receipt_file.read_text()) == {
        "url": "made:sample", "path": str(archive), "size": archive.stat().st_size,
        "digest": receipts.compute_digest(archive, "sha256"), "verified": True,
    }  # fmt: skip


@pytest.mark.parametrize("content", [None, b"cut"])
def test_lost_or_damaged_sample_is_refused_and_replaces_nothing(content, tmp_path, monkeypatch):
    monkeypatch.setattr(make_sample, "FOLDER", tmp_path)
    if content:
        (tmp_path / "60.tar").write_bytes(content)
    with pytest.raises(InputError, match=r"60\.tar is missing or damaged.* `git checkout"):
        make_sample.make_sample(60, tmp_path / "made" / "wiki_crop.tar.json")
    assert not (tmp_path / "made").exists()


def read_sample(photos: int) -> pd.DataFrame:
    """Rows of a sample; `photo` has the bytes as letters, `shape` the pixels of what decodes."""
    with tarfile.open(make_sample.FOLDER / f"{photos}.tar") as tar:
        files = {one.name: tar.extractfile(one).read() for one in tar if one.isfile()}
    table = read_mat(files["wiki_crop/wiki.mat"], "wiki")
    data = [files.get(f"wiki_crop/{path}") for path in table.path]
    images = [one and cv2.imdecode(np.frombuffer(one, np.uint8), -1) for one in data]
    return table.assign(
        age=metadata_of(table).age,
        day=table.path.str.split("_").str[1],
        photo=[None if one is None else one.decode("latin-1") for one in data],
        shape=[getattr(image, "shape", ()) for image in images],
    )


def quirks(t: pd.DataFrame) -> dict[str, pd.Series]:
    """Rows of a sample that have each quirk."""
    photo, known, no_face = t.photo.fillna("none"), t.name != "", np.isneginf(t.face_score)
    cut = photo.str.startswith("\xff\xd8") & ~photo.str.endswith("\xff\xd9")
    plain, has_scan = t.name.map(normalised_name), photo.str.contains("\xff\xda")
    height, width = t["shape"].str[0], t["shape"].str[1]
    return {
        "gender unknown": t.gender.isna(), "no face": no_face & (t.x2 > 1),
        "one pixel": no_face & (t.x1 == 1) & (t.y2 == 1) & (height == 1) & (width == 1),
        "second face": t.second_face_score.notna(), "low score": t.face_score.between(0, 1),
        "before birth": t.age < 0, "over a hundred": t.age > 100, "ancient birth": t.dob < 5000,
        "not ASCII": ~t.name.map(str.isascii), "empty name": ~known,
        "colon": t.path.str.contains(":"), "extra dot": t.path.str.contains(r"\._"),
        "padded day": t.day.str.fullmatch(r"\d{4}-\d\d-0\d\d"), "no day": t.day.str.endswith("-00"),
        "missing file": t.photo.isna(), "empty file": photo == "",
        "cut in the header": cut & ~has_scan, "cut in the scan": cut & has_scan,
        "web page": photo.str.startswith("<!DOCTYPE html>"),
        "turned by EXIF": photo.str.contains("^\xff\xd8\xff\xe1..Exif", regex=True),
        "grey": t["shape"].str.len() == 2, "not square": (height - width).abs() > 0,
        "same bytes": t.photo.notna() & photo.duplicated(keep=False),
        "two photos": known & t.name.duplicated(keep=False),
        "two spellings": known & plain.duplicated(keep=False) & ~t.name.duplicated(keep=False),
        "whole-number box": ~no_face & (t.x1 % 1 == 0) & (t.y2 % 1 == 0), "box outside": t.x1 < 1,
    }  # fmt: skip


@pytest.mark.parametrize("photos", make_sample.DIGESTS)
def test_sample_has_each_quirk_in_some_rows(photos):
    table = read_sample(photos)
    fractions = pd.Series({quirk: rows.mean() for quirk, rows in quirks(table).items()})
    fractions = fractions.drop("not ASCII")  # most names
    assert len(table) == photos and len(fractions) == 26
    assert fractions[(fractions == 0) | (fractions > 0.2)].empty
