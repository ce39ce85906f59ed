"""The user's own photos with a table are handled like the archives."""

import errno
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml

from helpers.archives import jpeg, turned_jpeg, write_tar
from helpers.project import run_script
from helpers.workflow import copy_project, snakemake
from renet.archives import downloads, receipts
from renet.common.drop_reasons import RowReason
from renet.common.errors import InputError
from renet.dataset import hdf5
from renet.faces import crop, shards
from renet.faces.crop import CropSpec
from renet.metadata import own_photos, row_filter
from renet.metadata.row_filter import RowFilter
from renet.metadata.tables import METADATA


def write(path, text: str):
    path.write_text(text, encoding="utf-8")
    return path


def describe(path, text: str, missing=None, whole: bool = False) -> pd.DataFrame:
    rows = own_photos.describe(own_photos.read(write(path, text)), "own")
    dropped = row_filter.dropped_of_own_photos(rows, RowFilter(), whole=whole)
    if missing is not None:
        dropped[RowReason.MISSING_FILE] = missing
    return row_filter.metadata_table(rows, dropped)


def test_path_and_gender_are_enough(tmp_path):
    table = describe(tmp_path / "t.csv", "path,gender\na.jpg,female\nb.jpg,M\nc.jpg,1\nd.jpg,\n")
    assert table.gender.tolist() == [0, 1, 1, pd.NA]
    assert table.reason.tolist() == ["", "", "", "gender_unknown"]
    assert table.subject.tolist() == ["own:a.jpg", "own:b.jpg", "own:c.jpg", "own:d.jpg"]
    assert table.columns.tolist() == list(METADATA.columns)


def test_subject_age_and_box_are_taken_where_they_are_given(tmp_path):
    text = (
        "gender,path,subject,age,x1,y1,x2,y2\n"
        "f,a.jpg,Zoë  Müller,30.7,1,2,30,40\n"
        "f,b.jpg,zoe muller,130,,,,\n"
        "m,c.jpg,,,1,1,9,9\n"
        "m,d.jpg,,,,,,\n"
    )
    table = describe(tmp_path / "t.csv", text, whole=True)
    assert table.subject.tolist()[:2] == ["zoe muller"] * 2
    assert table.age.tolist() == [30, 130, pd.NA, pd.NA]
    assert table.reason.tolist() == ["", "no_face", "", "no_face"]
    assert describe(tmp_path / "t.csv", text).reason.tolist() == ["", "age_out_of_range", "", ""]
    assert table.loc[0, ["x1", "y1", "x2", "y2"]].tolist() == [1, 2, 30, 40]


def test_photo_that_is_not_there_is_missing(tmp_path):
    missing = np.array([False, True])
    table = describe(tmp_path / "t.csv", "path,gender\na.jpg,f\nb.jpg,m\n", missing)
    assert table.reason.tolist() == ["", "missing_file"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is not a CSV"),
        ("path,gender\n", "no line below its header"),
        ("path,gender\n\n\n", "no line below its header"),
        ("path;gender\na.jpg;f\n", "path, gender are needed"),
        ("path,gender,colour\na.jpg,f,red\n", "there are no others"),
        ("path,gender,x1\na.jpg,f,3\n", "give all four"),
        ("path,gender\na.jpg,f\nb.jpg,mael\n", "line 3: the gender is none of"),
        ("path,gender\na.jpg,f\na.jpg,m\n", "line 3: the path is also on an earlier line"),
        ("path,gender\n,f\n", "line 2: the path is empty"),
        ("path,gender,age\na.jpg,f,old\n", "line 2: age is not a number"),
        ("path,gender,age\na.jpg,f,inf\n", "line 2: age is not a number"),
        ("path,gender,age\n\na.jpg,f,30\nb.jpg,f,1e300\n", "line 4: age is not a number"),
        ('path,gender\n"a.jpg,f\n', "is not a CSV"),
        ("path,gender\na,1.jpg,f\n", "as many fields a line"),
        ("path,gender\na.jpg,f\nb,1.jpg,f\n", "as many fields a line"),
    ],
)
def test_error_in_the_table_names_the_line(tmp_path, text, fault):
    with pytest.raises(InputError, match=fault):
        own_photos.read(write(tmp_path / "t.csv", text))


def test_table_in_another_encoding_is_refused(tmp_path):
    (tmp_path / "t.csv").write_bytes("path,gender\nJosé.jpg,m\n".encode("latin-1"))
    with pytest.raises(InputError, match="is not a CSV in UTF-8"):
        own_photos.read(tmp_path / "t.csv")


def test_missing_table_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv does not exist"):
        own_photos.read(tmp_path / "none.csv")


def test_folder_is_packed_with_the_same_bytes_each_time(tmp_path):
    folder = tmp_path / "photos"
    (folder / "anna").mkdir(parents=True)
    (folder / "anna" / "1.jpg").write_bytes(b"one")
    (folder / "2.jpg").write_bytes(b"two")
    (folder / "link.jpg").symlink_to("/etc/passwd")
    for name in (".DS_Store", "Thumbs.db"):
        (folder / "anna" / name).write_bytes(b"of a file browser")
    receipt_file = tmp_path / "resources" / "photos.json"
    downloads.obtain(folder.as_uri(), None, receipt_file)
    first = receipt_file.read_bytes()
    (folder / "2.jpg").touch()
    receipt = downloads.obtain(f"{folder.as_uri()}/", None, receipt_file)
    assert receipt.digest in first.decode()
    run_script("index_archive.py", receipt_file, "-o", tmp_path / "members.csv")
    assert pd.read_csv(tmp_path / "members.csv").member.tolist() == ["2.jpg", "anna/1.jpg"]


def test_empty_folder_and_digest_of_a_folder_are_refused(tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(InputError, match="holds no files"):
        downloads.obtain((tmp_path / "photos").as_uri(), None, tmp_path / "r.json")
    with pytest.raises(InputError, match="has no digest"):
        downloads.obtain((tmp_path / "photos").as_uri(), "md5:" + "0" * 32, tmp_path / "r.json")


def test_photo_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    photo = tmp_path / "photos" / "1.jpg"
    photo.write_bytes(b"one")
    whole = Path.open

    def refuse(path, *arguments):
        if path == photo:
            raise PermissionError(errno.EACCES, "Permission denied")
        return whole(path, *arguments)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match=rf"photo {photo} cannot be read \(Permission denied\)"):
        downloads.obtain((tmp_path / "photos").as_uri(), None, tmp_path / "r.json")
    assert not (tmp_path / "photos.tar").exists()


def test_photo_on_its_side_is_turned_before_its_box_is_cropped(tmp_path):
    write_tar(tmp_path / "own.tar", {"a.jpg": turned_jpeg()})  # 60 x 40 stored, 40 x 60 seen
    tar = receipts.Receipt("made", str(tmp_path / "own.tar"), 1, "md5:0", verified=False)
    tar.write(tmp_path / "r.json")
    table = write(tmp_path / "t.csv", "path,gender,x1,y1,x2,y2\na.jpg,f,1,31,40,60\n")
    members, photos = tmp_path / "members.csv", tmp_path / "photos.csv"
    for command in (
        ("index_archive.py", tmp_path / "r.json", "-o", members),
        ("parse_metadata.py", table, "--database", "table", "--whole", "--members", members,
         "--photos", photos, "-o", tmp_path / "metadata.csv"),
        ("crop_faces.py", tmp_path / "r.json", "--photos", photos, "--crop.whole", "--crop.turn",
         "--crop.margin", 0, "--crop.size", 30, 40, "-o", tmp_path / "f.npy",
         "--table", tmp_path / "f.csv"),
    ):  # fmt: skip
        outcome = run_script(*command)
        assert outcome.returncode == 0, outcome.stderr
    face = shards.open_faces(tmp_path / "f.npy")[0]
    seen = crop.decode(turned_jpeg(), turn=True)[30:60, :40]
    assert np.array_equal(face, cv2.cvtColor(seen, cv2.COLOR_BGR2RGB).transpose(2, 0, 1))


def test_paths_that_fit_no_photo_are_an_error_not_an_empty_set(tmp_path):
    write_tar(tmp_path / "own.tar", {"photos/a.jpg": jpeg()})
    tar = receipts.Receipt("made", str(tmp_path / "own.tar"), 1, "md5:0", verified=False)
    tar.write(tmp_path / "r.json")
    table = write(tmp_path / "t.csv", "path,gender\na.jpg,f\n")
    run_script("index_archive.py", tmp_path / "r.json", "-o", tmp_path / "members.csv")
    outcome = run_script(
        "parse_metadata.py", table, "--database", "table", "--members", tmp_path / "members.csv",
        "-o", tmp_path / "metadata.csv",
    )  # fmt: skip
    assert outcome.returncode == 1
    assert "None of the 1 photos is in the archives" in outcome.stderr
    assert "called a.jpg" in outcome.stderr and "Traceback" not in outcome.stderr


def test_workflow_takes_a_folder_and_a_table_and_notices_a_change_of_either(tmp_path):
    (tmp_path / "project").mkdir()
    project = copy_project(tmp_path / "project")
    folder = tmp_path / "photos"
    (folder / "of anna").mkdir(parents=True)
    lines = ["path,gender,subject"]
    for number in range(40):
        (folder / f"{number}.jpg").write_bytes(jpeg(seed=number))
        lines.append(f"{number}.jpg,{'fm'[number % 2]},person {number // 2}")
    table = write(tmp_path / "photos.csv", "\n".join(lines))
    own = {"url": folder.as_uri(), "database": "table", "table": str(table), "photos": "crop",
           "shards": 2}  # fmt: skip
    config = {"sources": ["own"], "archives": {"own": own}, "crop": {"size": 32, "margin": 0.2}}
    (project / "own.yaml").write_text(yaml.safe_dump(config))
    arguments = ["results/data/test.h5", "results/data/train.h5", "--configfile", "own.yaml"]
    outcome = snakemake(project, "--cores", 2, *arguments)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    split = pd.read_csv(project / "results" / "data" / "split.csv")
    assert len(split) == 40 and (split.groupby("subject").subset.nunique() == 1).all()
    # Ready-made crops are taken as they are, because their margin is unknown.
    face = hdf5.read(project / "results" / "data" / "train.h5").pixels[0]
    photo = (folder / split.path[0]).read_bytes()
    assert np.array_equal(face, crop.extract_face(photo, CropSpec((32, 32))).pixels)
    assert "Nothing to be done" in snakemake(project, "-n", *arguments).stdout
    write(table, "\n".join(lines[:-1]))
    changed = snakemake(project, "-n", *arguments).stdout
    assert "rule parse_metadata" in changed and "rule index_archive" not in changed
    write(table, "\n".join(lines))
    (folder / "of anna" / "another.jpg").write_bytes(jpeg(seed=99))
    assert "rule download" in snakemake(project, "-n", *arguments).stdout
