"""CSV tables come back as they were written, and a wrong file is an error that names it."""

import numpy as np
import pandas as pd
import pytest

from renet.common import table
from renet.common.errors import InputError
from renet.common.table import Table

PEOPLE = Table({"row": int, "name": str, "age": "Int64", "score": float})
FRAME = pd.DataFrame(
    {"row": [0, 1, 2], "name": ["007", "NA", ""], "age": pd.array([30, None, 41], "Int64"),
     "score": [0.1 + 0.2, np.nan, np.inf]}
)  # fmt: skip


def test_file_is_plain_csv_in_the_order_of_the_columns(tmp_path):
    shuffled = FRAME[["score", "age", "name", "row"]].assign(unused=1, age=[30.0, np.nan, 41.0])
    PEOPLE.write(tmp_path / "people.csv", shuffled)
    assert (tmp_path / "people.csv").read_text() == (
        "row,name,age,score\n0,007,30,0.30000000000000004\n1,NA,,\n2,,41,inf\n"
    )
    PEOPLE.write(tmp_path / "people.csv", FRAME, float_format="%.2f")
    assert "0,007,30,0.30\n" in (tmp_path / "people.csv").read_text()


def test_table_written_in_parts_comes_back_without_what_a_killed_process_left(tmp_path):
    (tmp_path / "people.csv.renet-tmp").write_text("left by a killed process")
    PEOPLE.write(tmp_path / "people.csv", (FRAME[:1], FRAME[1:]))
    pd.testing.assert_frame_equal(PEOPLE.read(tmp_path / "people.csv"), FRAME)


def test_records_become_a_frame_with_the_dtypes_of_the_table(tmp_path):
    frame = PEOPLE.frame([(0, "007", 30, 0.5), (1, "NA", None, 1.5)])
    assert frame.age.dtype == "Int64" and frame.age.isna().tolist() == [False, True]
    by_name = PEOPLE.frame([{"name": "NA", "row": 1, "score": 1.5}])
    assert by_name.columns.tolist() == ["row", "name", "age", "score"]
    PEOPLE.write(tmp_path / "people.csv", by_name)
    assert (tmp_path / "people.csv").read_text().endswith("\n1,NA,,1.5\n")


def test_table_without_rows_comes_back_with_its_dtypes(tmp_path):
    PEOPLE.write(tmp_path / "people.csv", PEOPLE.frame([]))
    again = PEOPLE.read(tmp_path / "people.csv")
    assert again.empty and again.dtypes.astype(str).tolist()[2:] == ["Int64", "float64"]
    assert [len(chunk) for chunk in PEOPLE.read_chunks(tmp_path / "people.csv")] == [0]


def test_large_table_is_read_in_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "CHUNK_ROWS", 2)
    PEOPLE.write(tmp_path / "people.csv", FRAME)
    chunks = list(PEOPLE.read_chunks(tmp_path / "people.csv", ["name"]))
    assert [chunk.name.tolist() for chunk in chunks] == [["007", "NA"], [""]]


def test_missing_file_is_an_error_that_names_it(tmp_path):
    with pytest.raises(InputError, match=r"people\.csv does not exist"):
        PEOPLE.read(tmp_path / "people.csv")
    with pytest.raises(InputError, match=r"people\.csv does not exist"):
        next(PEOPLE.read_chunks(tmp_path / "people.csv"))


@pytest.mark.fault("damaged-table")
@pytest.mark.parametrize("count", [1, 4096])
def test_table_with_zeros_in_it_is_one_sentence_that_names_it(tmp_path, count):
    rows = [(number, f"name {number}", None, 0.5) for number in range(1000)]
    PEOPLE.write(tmp_path / "people.csv", PEOPLE.frame(rows))
    data = bytearray((tmp_path / "people.csv").read_bytes())
    at = data.index(b"name 500")
    data[at : at + count] = bytes(count)
    (tmp_path / "people.csv").write_bytes(data)
    with pytest.raises(InputError, match=r"people\.csv cannot be .*bytes of value 0"):
        PEOPLE.read(tmp_path / "people.csv", ["score", "name"])
    with pytest.raises(InputError, match=r"people\.csv cannot be .*bytes of value 0"):
        next(PEOPLE.read_chunks(tmp_path / "people.csv"))


@pytest.mark.fault("damaged-table")
@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("row,name\n0,a\n", "cannot be read as a table .*expected but not found"),
        ("row,name,age,score\n,a,1,1\n", "cannot be read as a table"),
        ("row,name,age,score\n0,a,old,1\n", "cannot be read as a table"),
        ("", "cannot be read as a table"),
    ],
)
def test_file_that_is_another_table_is_an_error_that_names_it(tmp_path, text, fault):
    (tmp_path / "people.csv").write_text(text)
    with pytest.raises(InputError, match=rf"people\.csv {fault}"):
        PEOPLE.read(tmp_path / "people.csv")
