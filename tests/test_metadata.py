"""Every row of a .mat file is kept, or dropped for the first reason that holds."""

import datetime
import json

import numpy as np
import pandas as pd
import pytest

from helpers.archives import mat_bytes
from helpers.project import run_script
from renet.archives import tar_index
from renet.common import drop_reasons
from renet.common.errors import InputError
from renet.metadata import mat_file

RULES = {"min_face_score": 1.0, "allow_second_face": False, "min_age": 0, "max_age": 100}


def describe(rows: list[dict], database: str = "wiki", held=None, **rules) -> pd.DataFrame:
    table = mat_file.read_mat(mat_bytes(rows, database), database)
    return mat_file.describe(table, database, database, held, RULES | rules)


def day(year: int, month: int, day_of_month: int) -> int:
    return datetime.date(year, month, day_of_month).toordinal() + 366


def test_nan_gender_is_dropped_and_counted():
    table = describe([{}, {"gender": np.nan}, {"gender": 0.0}])
    assert table.reason.tolist() == ["", "gender_unknown", ""]
    assert table.gender.tolist() == [1, pd.NA, 0]
    funnel = mat_file.funnel(table.reason, drop_reasons.OF_METADATA).set_index("step")
    assert funnel.dropped["gender_unknown"] == 1
    assert funnel.remaining["low_face_score"] == 2


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"full_path": "00/absent.jpg", "gender": np.nan}, "missing_file"),
        ({"gender": np.nan, "face_score": -np.inf}, "gender_unknown"),
        ({"face_score": -np.inf, "second_face_score": 2.0}, "no_face"),
        ({"face_score": np.nan}, "no_face"),
        ({"second_face_score": 1.5, "photo_taken": 1900}, "second_face"),
        ({"photo_taken": 1900, "face_score": 0.2}, "age_out_of_range"),
        ({"photo_taken": 2099}, "age_out_of_range"),
        ({"face_score": 0.999}, "low_face_score"),
        ({"face_score": 1.0}, ""),
    ],
)
def test_first_reason_that_holds_is_the_one(row, reason):
    table = describe([row], held=np.array(["absent" not in row.get("full_path", "")]))
    assert table.reason.tolist() == [reason]
    assert table.status.tolist() == ["dropped" if reason else "kept"]


def test_second_face_is_kept_where_it_is_allowed():
    assert describe([{"second_face_score": 1.5}], allow_second_face=True).reason.tolist() == [""]


@pytest.mark.parametrize(
    ("born", "age"),
    [((1971, 6, 30), 29), ((1971, 7, 1), 28), ((2000, 1, 1), 0), ((2000, 7, 2), -1)],
)
def test_age_is_taken_in_the_middle_of_the_year(born, age):
    assert describe([{"dob": day(*born)}]).age.tolist() == [age]


@pytest.mark.parametrize("dob", [4077, 300, 0])
def test_ancient_birth_dates_do_not_break_the_parser(dob):
    table = describe([{"dob": dob}])
    assert table.reason.tolist() == ["age_out_of_range"]
    assert table.age[0] > 1900


def test_compact_unsigned_types_do_not_wrap_around():
    rows = [
        {"face_location": np.array([9, 200, 40, 230], np.uint8), "photo_taken": np.uint16(2000)},
        {"photo_taken": np.uint16(1960)},
    ]
    table = describe(rows)
    assert table.loc[0, ["x1", "y1", "x2", "y2"]].tolist() == [9, 200, 40, 230]
    assert table.age[1] == -11


def test_subject_is_the_normalised_name_else_an_id():
    wiki = describe(
        [
            {"name": "Dürer,  A."}, {"name": "durer a"},
            {"name": "", "full_path": "17/10000217_1981-05-05_2009.jpg"},
        ]
    )  # fmt: skip
    assert wiki.subject.tolist() == ["durer a", "durer a", "wiki:10000217"]
    assert wiki.name.tolist() == ["Dürer,  A.", "durer a", ""]
    imdb = describe([{"name": "", "celeb_id": 7.0}], "imdb")
    assert imdb.subject.tolist() == ["imdb:7"]


def test_metadata_comes_back_from_csv_as_it_was(tmp_path):
    table = describe([{"name": "NA"}, {"name": "", "gender": np.nan, "face_score": -np.inf}])
    table.to_csv(tmp_path / "metadata.csv", index=False)
    again = mat_file.read_metadata(tmp_path / "metadata.csv")
    assert again.name.tolist() == ["NA", ""]
    assert np.isneginf(again.face_score[1]) and np.isnan(again.gender[1])
    assert again.reason.tolist() == ["", "gender_unknown"]


@pytest.mark.parametrize("data", [b"", b"MATLAB 5.0 MAT-file", b"\x89HDF\r\n\x1a\n" + b"\0" * 600])
def test_something_that_is_no_mat_file_is_an_error_that_says_so(data):
    with pytest.raises(
        InputError, match=r"wiki\.mat is not a MATLAB v5 file with a struct named wiki"
    ):
        mat_file.read_mat(data, "wiki")


def test_struct_of_another_name_is_an_error():
    with pytest.raises(InputError, match="struct named imdb"):
        mat_file.read_mat(mat_bytes([{}], "wiki"), "imdb")


def test_fields_of_unequal_length_are_an_error():
    with pytest.raises(InputError, match="each with one entry a photo"):
        mat_file.read_mat(mat_bytes([{"face_location": [1.0, 2.0]}]), "wiki")


def test_genuine_wiki_file_gives_the_published_counts(reference_data, tmp_path):
    outcome = run_script(
        "parse_metadata.py", reference_data / "data/metadata/wiki.mat", "--database", "wiki",
        "-o", tmp_path / "out.csv", "--funnel", tmp_path / "funnel.csv",
    )  # fmt: skip
    assert outcome.returncode == 0, outcome.stderr
    assert "38138 kept = 28601 male + 9537 female" in outcome.stderr
    funnel = pd.read_csv(tmp_path / "funnel.csv")
    assert funnel.remaining.tolist() == [62328, 62328, 59685, 43452, 39455, 39400, 38138]
    table = mat_file.read_metadata(tmp_path / "out.csv")
    assert (table.gender == 1).sum() == 47063 and (table.gender == 0).sum() == 12622
    assert table.gender.isna().sum() == 2643
    assert np.isneginf(table.face_score).sum() == 18016
    assert table.second_face_score.notna().sum() == 4096
    assert (table.age < 0).sum() == 1288 and (table.age > 100).sum() == 493
    assert (table.name == "").sum() == 124


@pytest.mark.parametrize("archive", ["faces/wiki_crop", "faces/imdb_crop", "congress/wiki_crop"])
def test_real_photographs_agree_with_their_labels_row_by_row(reference_data, archive):
    database = archive.split("/")[1].split("_")[0]
    index = tar_index.index([reference_data / "data" / f"{archive}.tar"])
    mat = tar_index.find_metadata(index, database)
    data = tar_index.read_bytes(reference_data / "data" / f"{archive}.tar", mat.offset, mat["size"])
    found = mat_file.describe(mat_file.read_mat(data, database), database, database, None, RULES)
    labels = pd.read_csv(reference_data / "data" / f"{archive}.labels.csv")
    both = found.merge(labels, left_on="path", right_on="full_path", validate="one_to_one")
    assert len(both) == len(found) == len(labels)
    assert both.gender.astype(float).equals(both.mat_gender.astype(float))
    # The labels have the plain difference of years.
    late = pd.to_datetime(both.dob_x.str[-5:-3], format="%m").dt.month >= 7
    assert (both.age_x + late == both.age_y).all()
    assert np.allclose(both.face_score_x, both.face_score_y, equal_nan=True)
    quirks = json.loads((reference_data / "data" / f"{archive}.quirks.json").read_text())["quirks"]
    dropped = found[found.reason == "gender_unknown"].path
    assert set(dropped) == set(quirks.get("gender_NaN", []))
