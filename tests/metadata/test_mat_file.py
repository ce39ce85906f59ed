"""Every row of a .mat file is kept, or dropped for the first reason that applies."""

import datetime
import io
import unicodedata

import numpy as np
import pandas as pd
import pytest
import scipy.io

from helpers.archives import FIELDS, cell_array, mat_bytes, metadata_of, read_mat
from renet.common.drop_reasons import RowReason
from renet.common.errors import InputError
from renet.config.filter import RowFilter
from renet.metadata import mat_file, row_filter, subjects
from renet.metadata.row_filter import METADATA


def describe(rows: list[dict], database: str = "wiki", **options: object) -> pd.DataFrame:
    return metadata_of(read_mat(mat_bytes(rows, database), database), database, **options)


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
        *(({"dob": ancient}, "age_out_of_range") for ancient in (4077, 300, 0)),
        ({"dob": np.nan}, "age_out_of_range"),
        ({"face_score": 0.999}, "low_face_score"),
        ({"face_score": 1.0, "gender": 0.0}, ""),
    ],
)
def test_first_reason_that_applies_is_the_one(row, reason):
    table = describe([row], missing=np.array(["absent" in row.get("full_path", "")]))
    assert table.reason.tolist() == [reason]
    assert table.status.tolist() == ["dropped" if reason else "kept"]
    assert table.gender.fillna(-1).tolist() == [np.nan_to_num(row.get("gender", 1.0), nan=-1)]
    assert not row.get("dob", np.nan) >= 0 or table.age[0] > 1900
    assert "NaT" not in table.dob.tolist()


def test_second_face_is_kept_where_it_is_allowed():
    limits = RowFilter(allow_second_face=True)
    assert describe([{"second_face_score": 1.5}], limits=limits).reason.tolist() == [""]


@pytest.mark.parametrize(
    ("born", "age"),
    [((1971, 6, 30), 29), ((1971, 7, 1), 28), ((2000, 1, 1), 0), ((2000, 7, 2), -1)],
)
def test_age_is_taken_in_the_middle_of_the_year(born, age):
    assert describe([{"dob": datetime.date(*born).toordinal() + 366}]).age.tolist() == [age]


def test_compact_unsigned_types_do_not_wrap_around():
    first = {"face_location": np.array([9, 200, 40, 230], np.uint8), "photo_taken": np.uint16(2000)}
    table = describe([first, {"photo_taken": np.uint16(1960)}])
    assert table.loc[0, ["x1", "y1", "x2", "y2"]].tolist() == [9, 200, 40, 230]
    assert table.age[1] == -11


def test_subject_is_the_normalised_name_else_an_id():
    unnamed = {"name": "", "full_path": "17/10000217_1981-05-05_2009.jpg"}
    wiki = describe([{"name": "Dürer,  A."}, {"name": "a durer"}, unnamed])
    assert wiki.subject.tolist() == ["a durer", "a durer", "wiki:10000217"]
    assert wiki.name.tolist() == ["Dürer,  A.", "a durer", ""]
    imdb = describe([{"name": "", "celeb_id": 7.0}], "imdb")
    assert imdb.subject.tolist() == ["imdb:7"]


@pytest.mark.parametrize(
    "spellings",
    [
        ("Barack Obama", "Obama, Barack", "OBAMA,barack"),
        ("J.R. Smith", "JR Smith", "J. R. Smith", "Smith, J.R."),
        ("Martin Luther King, Jr.", "King, Martin Luther, Jr.", "Martin Luther King Jr"),
        ("Jean-Paul Sartre", "jean paul sartre"),
        ("Dick Van Dyke", "Van Dyke, Dick"),
    ],
)
def test_spellings_of_a_name_are_one_person(spellings):
    assert len(set(map(subjects.normalised_name, spellings))) == 1


@pytest.mark.parametrize(
    "names",
    [
        "John Avery|Avery John|T. J. Miller|J. T. Miller|Yan Ni|Yanni|Ken Griffey, Jr.|"
        "Ken Griffey, Sr.|Ken Griffey|Barack H. Obama|Barack Obama|7.1|71",
        *("राम|रोम|रीमा", "สม|สิม|สุม", "かき|がき"),  # vowel signs and voicing marks
    ],
)
def test_names_that_are_more_than_spellings_are_different_people(names):
    found = list(map(subjects.normalised_name, names.split("|")))
    assert len(set(found)) == len(found)
    assert subjects.normalised_name("राम  कुमार.") == "राम कुमार"


def test_accents_and_optional_vowel_points_do_not_tell_people_apart():
    names = {
        "Nguyễn Văn Á": "nguyen van a", "ŁĐØÐÆI łđøðæı": "ldodaei ldodaei",
        "Þór Ħŧ Œuvre": "thor ht oeuvre",
        "Γιώργος": "γιωργοσ", "Чайко\u0301вский": "чаиковскии",
        "محمّد": "محمد", "אֲבִיב": "אביב",
    }  # fmt: skip
    for name, expected in names.items():
        for form in ("NFC", "NFD"):
            assert subjects.normalised_name(unicodedata.normalize(form, name)) == expected
    assert subjects.normalised_name("´ Ana ¨") == "ana"  # accents without a letter


@pytest.mark.parametrize(
    ("data", "database", "fault"),
    [
        (b"", "wiki", r"wiki\.mat is not a MATLAB v5 file with a struct named wiki"),
        (
            b"MATLAB 7.3 MAT-file".ljust(116) + bytes(8) + b"\0\2IM" + bytes(400),
            "wiki",
            r"wiki\.mat is not a MATLAB v5 file .*v7\.3",
        ),
        (mat_bytes([{}]), "imdb", "struct named imdb"),
        (mat_bytes([]), "wiki", "it has no row"),
    ],
    ids=["empty", "version 7.3", "of the other database", "without a row"],
)
def test_something_that_is_no_mat_file_is_an_error_that_says_so(data, database, fault):
    with pytest.raises(InputError, match=fault):
        read_mat(data, database)


def changed_mat(change, database: str = "wiki") -> bytes:
    """A .mat file of three photos in which a function has changed the dict of fields."""
    rows = [{"name": "", "full_path": f"00/nm{number}_1971.jpg"} for number in range(3)]
    struct = scipy.io.loadmat(io.BytesIO(mat_bytes(rows, database)))[database][0, 0]
    fields = {name: struct[name] for name in struct.dtype.names}
    if database == "imdb":
        fields["celeb_names"] = cell_array(["One", "Two", "Three"])
    change(fields)
    scipy.io.savemat(stream := io.BytesIO(), {database: fields})
    return stream.getvalue()


CHANGES = {
    "missing": lambda fields, name: fields.pop(name),
    "shorter": lambda fields, name: fields.update({name: fields[name][:, :2]}),
    "empty": lambda fields, name: fields.update({name: np.zeros((1, 0))}),
    "a struct": lambda fields, name: fields.update({name: {"a": 1.0}}),
}


@pytest.mark.fault("damaged-mat")
@pytest.mark.parametrize(
    ("name", "database"), [*((name, "wiki") for name in FIELDS), ("celeb_id", "imdb")]
)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_field_that_is_not_as_in_the_data_set_is_one_sentence(name, database, change):
    data = changed_mat(lambda fields: change(fields, name), database)
    with pytest.raises(InputError, match=rf"\A.*{database}\.mat lacks a field.*\Z"):
        read_mat(data, database)


@pytest.mark.fault("odd-mat-values")
@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize(
    "value",
    [np.full((1, 3), np.nan), np.full((1, 3), 1e308), np.full((1, 3), -np.inf),
     cell_array(["text"] * 3), cell_array([np.zeros(4), np.full(4, np.nan), np.full(4, 1e308)])],
    ids=["nan", "1e308", "-inf", "texts", "vectors"],
)  # fmt: skip
def test_values_of_another_kind_drop_their_rows_or_are_one_sentence(tmp_path, name, value):
    try:
        read = read_mat(changed_mat(lambda fields: fields.update({name: value})), "wiki")
    except InputError as error:
        assert "wiki.mat lacks a field" in str(error) and "\n" not in str(error)
        return
    METADATA.write(tmp_path / "metadata.csv", metadata_of(read))
    again = METADATA.read(tmp_path / "metadata.csv")
    needed = {"gender", "dob", "photo_taken", "face_score"}
    # A score of 1e308 is a good one.
    assert name not in needed or (again.reason != "").all() or value[0, 0] == 1e308
    assert len(again) == 3


@pytest.mark.fault("odd-mat-values")
@pytest.mark.parametrize("value", [np.nan, np.inf, -1, 0.5, 1e10, 1e308])
def test_people_without_a_name_and_a_usable_celeb_id_are_known_by_the_photo(value):
    ids = np.array([[value, 2.0, 2.0]])
    read = read_mat(changed_mat(lambda fields: fields.update(celeb_id=ids), "imdb"), "imdb")
    people = mat_file.describe(read, "imdb", "imdb").subject
    assert people.tolist() == ["imdb:/00/nm0_1971.jpg", "imdb:2", "imdb:2"]


def test_genuine_wiki_file_gives_the_published_counts(reference_data):
    data = (reference_data / "data/metadata/wiki.mat").read_bytes()
    table = metadata_of(read_mat(data, "wiki"))
    assert table.gender[table.reason == ""].value_counts().to_dict() == {1: 28601, 0: 9537}
    remaining = row_filter.funnel(table.reason, RowReason).remaining.tolist()
    assert remaining == [*[62328] * 4, 59685, 43452, 39455, 39400, 38138]
    assert table.gender.value_counts(dropna=False).tolist() == [47063, 12622, 2643]
    assert np.isneginf(table.face_score).sum() == 18016
    assert table.second_face_score.notna().sum() == 4096
    assert (table.age < 0).sum() == 1288 and (table.age > 100).sum() == 493
    assert (table.name == "").sum() == 124
