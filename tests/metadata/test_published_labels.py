"""Published labels and splits of known data sets, in the form in which they are published."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from helpers import published
from helpers.archives import jpeg, mat_bytes, parsed
from helpers.config import check, complete
from helpers.predictions import predictions_of
from helpers.project import ROOT
from renet.archives import downloads
from renet.common.errors import InputError
from renet.config import checks
from renet.config.archives import Archive
from renet.config.filter import RowFilter
from renet.evaluation import slices
from renet.metadata import own_photos
from renet.metadata.own_photos import Labels
from renet.planning import data_summary


def labels_of(labels: dict, **archive: object) -> Archive:
    """An archive with these `labels`."""
    given = {"database": "table", "photos": "box", "labels": labels} | archive
    return Archive.model_validate({"url": "https://a.org/a.tar"} | given)


def read(folder: Path, text: str, labels: dict, **archive: object) -> pd.DataFrame:
    (folder / "t.csv").write_text(text, encoding="utf-8")
    given = labels_of({"tables": "t.csv"} | labels, **archive).label_settings
    return own_photos.read([folder / "t.csv"], Labels(**given))


def parse(folder: Path, source: object, archive: Archive, **options: object) -> pd.DataFrame:
    """The rows of metadata.csv, by path, of a tar with labels; `archive` as from the config."""
    options |= {name: getattr(archive, name) for name in ("database", "tables", "lists", "subsets")}
    options |= {"source": "a", "labels": archive.label_settings}
    return parsed(folder, source, **options).set_index("path")


CLEAN = """\
filename,age,gender,x_min,y_min,x_max,y_max,head_roll,head_yaw,head_pitch
00/a.jpg,31,F,5,6,30,40,0.1,0.2,0.3
00/b.jpg,152,M,1,2,20,30,0.1,0.2,0.3
00/gone.jpg,52,M,1,2,20,30,0.1,0.2,0.3
"""
CLEAN_LABELS = {"tables": "clean.csv", "path": "filename", "gender": "gender", "age": "age"}


@pytest.fixture
def imdb(tmp_path, monkeypatch):
    """IMDB of three photos, whose .mat file knows nothing of the face of the first, and a table.

    The .mat file is in no folder of the tar.
    """
    rows = [
        {"full_path": f"00/{name}.jpg", "gender": 1.0, "name": f"Person {name}",
         "face_score": float("-inf") if name == "a" else 3.0}
        for name in "abc"
    ]  # fmt: skip
    photos = {f"00/{name}.jpg": jpeg(seed=ord(name)) for name in "abc"}
    (tmp_path / "clean.csv").write_text(CLEAN)
    monkeypatch.chdir(tmp_path)
    return {"imdb.mat": mat_bytes(rows, "imdb")} | photos


def test_published_labels_ages_and_boxes_stand_in_place_of_those_of_the_mat_file(imdb, tmp_path):
    labels = CLEAN_LABELS | {"box": ["x_min", "y_min", "x_max", "y_max"]}
    archive = labels_of(labels, database="imdb")
    rows = parse(tmp_path, imdb, archive, whole=True, filter=RowFilter(max_age=152))
    assert rows.reason.to_dict() == {"00/a.jpg": "", "00/b.jpg": "", "00/c.jpg": "not_labelled"}
    woman = rows.loc["00/a.jpg"]
    assert (woman.gender, woman.age, woman.subject) == (0, 31, "person a")
    assert woman[["x1", "y1", "x2", "y2"]].tolist() == [5, 6, 30, 40]
    assert rows.face_score.isna().all()  # the .mat file's are of other boxes


def test_labels_without_boxes_keep_the_faces_of_the_mat_file(imdb, tmp_path):
    archive = labels_of(CLEAN_LABELS, database="imdb", photos="crop")
    rows = parse(tmp_path, imdb, archive)
    assert rows.reason.tolist() == ["no_face", "age_out_of_range", "not_labelled"]
    assert rows.x1.tolist() == [11, 11, 11] and rows.gender.tolist() == [0, 1, pd.NA]


def test_labels_that_name_no_photo_of_the_mat_file_are_one_sentence(imdb, tmp_path):
    (tmp_path / "clean.csv").write_text(CLEAN.replace("00/", "imdb/00/"))
    archive = labels_of(CLEAN_LABELS, database="imdb")
    fault = r"none of the 3 photos of the .mat file: they have imdb/00/a.jpg, but it has 00/a"
    with pytest.raises(InputError, match=fault):
        parse(tmp_path, imdb, archive)


def test_digits_need_values_because_data_sets_differ(tmp_path):
    text, named = "file,sex\na.jpg,0\nb.jpg,1\n", {"path": "file", "gender": "sex"}
    fault = r'line 2: "0" is not a known gender; name its gender under `labels`'
    with pytest.raises(InputError, match=fault):
        read(tmp_path, text, named)
    read_as = read(tmp_path, text, named | {"values": {0: "male", 1: "female"}})
    assert read_as.gender.tolist() == [1, 0]


def test_bands_of_ages_are_read_as_their_middles(tmp_path):
    ages = ["20-29", '"(25, 32)"', "more than 70", "70+", "None", "", "41"]
    text = "file,sex,years\n" + "".join(f"{n}.jpg,f,{age}\n" for n, age in enumerate(ages))
    rows = read(tmp_path, text, {"path": "file", "gender": "sex", "age": "years"})
    assert rows.age.fillna(-1).tolist() == [24, 28, 70, 70, -1, -1, 41]


def test_contradiction_in_a_published_table_is_a_warning_and_the_first_row_counts(tmp_path, caplog):
    text = "file,sex\na.jpg,f\na.jpg,m\n"
    rows = read(tmp_path, text, {"path": "file", "gender": "sex"})
    assert rows.gender.tolist() == [0, 1] and rows.repeated.tolist() == [False, True]
    assert 'line 3: gender is "m", but ' in caplog.text and "the first line is used" in caplog.text


def test_lists_give_subsets_and_what_does_not_fit_is_named(tmp_path, caplog):
    lists = [tmp_path / "train.txt", tmp_path / "test.csv"]
    lists[0].write_text("in/a.jpg\n./in/b.jpg\n")
    lists[1].write_text("folder,file\nin,c.jpg\n")
    labels = Labels(path="{folder}/{file}", in_path=["folder", "file"])
    rows = pd.DataFrame({"path": ["in/c.jpg", "in/b.jpg", "in/d.jpg"], "subset": ""})
    whole = Labels()
    assert own_photos.subsets(rows, lists[:1], ["train"], whole).tolist() == ["", "train", ""]
    assert own_photos.subsets(rows, lists[1:], ["test"], labels).tolist() == ["test", "", ""]
    lists[1].write_text("in/b.jpg\n")
    with pytest.raises(InputError, match=r'test\.csv, line 1: "in/b\.jpg" is on the lists of two'):
        own_photos.subsets(rows, lists, ["train", "test"], whole)
    for text, first in (("data/in/b.jpg\n", r"data/in/b\.jpg"), ("path\n", "no line")):
        lists[1].write_text(text)
        with pytest.raises(InputError, match=rf"test\.csv of .* the photos: it has {first},"):
            own_photos.subsets(rows, lists, ["train", "train"], whole)
    assert "train.txt: 1 of 2 lines name no photo, such as in/a.jpg" in caplog.text


def test_column_of_the_path_may_have_a_dot_in_its_name(tmp_path):
    rows = read(tmp_path, "file.name,sex\na,f\n", {"path": "in/{file.name}.jpg", "gender": "sex"})
    assert rows.path.tolist() == ["in/a.jpg"]


def test_subset_is_a_column_of_the_tables(tmp_path):
    text = "file,sex,part\na.jpg,f,val\nb.jpg,m,test\nc.jpg,m,\n"
    labels = {"path": "file", "gender": "sex"}
    rows = read(tmp_path, text, labels, split={"from": "Part"})
    assert rows.subset.tolist() == ["validation", "test", ""]


def test_columns_of_published_tables_are_slices_of_the_faces_of_a_mat_file(tmp_path):
    (tmp_path / "t.csv").write_text("file,sex,race\n00/2.jpg,f,Black\n./00/0.jpg,m,White\n")
    labels = {"tables": str(tmp_path / "t.csv"), "path": "file", "gender": "sex"}
    labels["pattern"] = "00/(?P<number>[0-9])"
    archives = {"wiki": labels_of(labels, database="wiki", slices=["race", "number"])}
    predictions = predictions_of([0, 1, 0], [0.2, 0.8, 0.2])
    rows = pd.Series([7, 8, 9], index=predictions.id)
    found = slices.add_own(predictions, rows, data_summary.sliced(archives))
    assert found["column race"].tolist() == ["White", "unknown", "Black"]
    assert found["column number"].tolist() == ["0", "unknown", "2"]


def overlay_of(name: str, folder: Path) -> dict:
    """A ready overlay whose data are the miniature in `folder`, complete."""
    text = (ROOT / "configs" / f"{name}.yaml").read_text().replace("/data/", f"{folder}/")
    return yaml.safe_load(text)


# Of each data set: the path of a face that is known by name; its gender, age, subset and subject
# (None: the photo); the numbers of dropped rows; all subsets.
KNOWN = {
    "utkface": ("UTKFace/25_0_2_20170116000000000.jpg.chip.jpg", 1, 25, "", None,
                {"not_labelled": 1}, {""}),
    "fairface": ("train/1.jpg", 0, 24, "train", None, {}, {"train", "test"}),
    "adience": ("faces/30601258@N03/coarse_tilt_aligned_face.1.10399600000_67c7d20df9_o.jpg",
                0, 28, "train", "a:1", {"gender_unknown": 1}, {"train", "validation", "test"}),
    "lfw": ("lfw-deepfunneled/AJ_Cook/AJ_Cook_0001.jpg", 0, pd.NA, "", "aj cook", {}, {""}),
}  # fmt: skip


def parse_overlay(overlay: dict, name: str, folder: Path) -> pd.DataFrame:
    """The rows of metadata.csv, by path, of an overlay's archive."""
    archive = complete(overlay).used_archives[name]
    downloads.obtain(archive.url, None, folder / "r.json")
    return parse(folder, folder / "r.json", archive, subjects=archive.subjects)


@pytest.mark.parametrize("name", KNOWN)
def test_ready_overlay_reads_the_published_form(name, tmp_path):
    rows = parse_overlay(overlay_of(name, published.write(tmp_path)), name, tmp_path)
    path, gender, age, subset, subject, dropped, subsets = KNOWN[name]
    face = rows.loc[path]
    assert (face.gender, face.subset, face.reason) == (gender, subset, "")
    assert face.age is age or face.age == age
    assert face.subject == (subject or f"a:/{path}")
    assert rows.reason[rows.reason != ""].value_counts().to_dict() == dropped
    assert set(rows.subset) == subsets


PUBLISHED = [*KNOWN, "congress"]
FOLDS, CLEAN_YAML = re.findall(
    r"(?:^    .*\n)+", (ROOT / "docs/published.md").read_text(), re.MULTILINE
)


def test_each_published_overlay_states_its_licence_and_its_origin(monkeypatch):
    monkeypatch.setattr(checks, "check_paths", lambda *_, **__: None)
    tables = {path.stem for path in ROOT.glob("configs/*") if "database: table" in path.read_text()}
    assert tables == {*PUBLISHED, "own-photos"}
    for name in PUBLISHED:
        overlay = overlay_of(name, Path("/data"))
        told = data_summary.for_pages(check(overlay | {"sources": [name], "external": []}))
        assert told["origins"][name] and told["licenses"][name] != "other"
        assert told["databases"] == []  # of the user's own photos
        as_external = check(overlay | {"sources": ["wiki"], "external": [name]})
        of_wiki = data_summary.for_pages(as_external)["licenses"]
        assert of_wiki == {"wiki": "academic research only"}


def test_documented_commands_test_adience_on_each_of_its_folds():
    loop = FOLDS[: FOLDS.index("    python3")].replace(".venv/bin/snakemake", "printf '%s\\n'")
    said = subprocess.run(["bash", "-c", loop], capture_output=True, text=True, check=True).stdout
    given = re.findall(r"^archives=(\{.*?\}\}\}\})", said, re.DOTALL | re.MULTILINE)
    lists = [yaml.safe_load(one)["adience"]["split"]["lists"] for one in given]
    names = [f"/data/adience/fold_{number}_data.txt" for number in range(5)]
    assert [one["test"] for one in lists] == names
    assert all({*one["train"], one["validation"], one["test"]} == {*names} for one in lists)
    shipped = overlay_of("adience", Path("/data"))["archives"]["adience"]["split"]["lists"]
    assert lists[4] == shipped and "\npathvars={results: results/adience/4}" in said


@pytest.mark.parametrize(("number", "test"), [(0, {8, 9}), (3, {3, 4})])
def test_published_split_of_utkface_is_read_by_file_name(tmp_path, monkeypatch, number, test):
    monkeypatch.chdir(tmp_path)
    overlay = overlay_of("utkface", published.write(tmp_path))
    script, database = ROOT / "docs/examples/utkface_lists.py", "utkface/UTKFace.json"
    monkeypatch.setattr(sys, "argv", [str(script), database, str(number)])
    runpy.run_path(str(script))
    lists = {name: f"{name}.txt" for name in ("train", "validation", "test")}
    overlay["archives"]["utkface"]["split"] = {"lists": lists}
    rows = parse_overlay(overlay, "utkface", tmp_path)
    rows = rows[rows.reason == ""]
    folders = rows.index.str.extract(r"_20170116(\d{9})")[0].astype(int) % 10
    is_test = (rows.subset == "test").to_numpy()
    assert set(folders[is_test]) == test and not set(folders[~is_test]) & test
    assert set(rows.subset) == {*lists}


def test_overlay_of_the_documentation_is_valid(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in re.findall(r"\w+\.csv", CLEAN_YAML):
        Path(name).write_text("filename,gender,age\n")
    found = check(yaml.safe_load(CLEAN_YAML)).archives["imdb"]
    assert found.label_settings["columns"]["gender"] == "gender" and len(found.tables) == 3
