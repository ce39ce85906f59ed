"""A person's corrections change labels and drop faces; nothing else moves."""

import pandas as pd
import pytest

from helpers import cropped
from renet.common.errors import InputError
from renet.dataset.tables import CORRECTED, FUNNEL, SPLIT
from renet.metadata.row_filter import METADATA


@pytest.fixture
def source(tmp_path):
    """A source of 60 rows of 30 people, of which row 0 is dropped and all others are faces."""
    return cropped.cropped_source(tmp_path, "own", 60)


def shuffle(folder, text: str | None = None, **options):
    """Run shuffle.py with corrections of this text."""
    if text is not None:
        options["corrections"] = folder / "corrections.csv"
        options["corrections"].write_text(text)
    cropped.shuffle(folder, **options)


def test_labels_change_and_faces_drop_while_subsets_and_order_stay(source, caplog):
    caplog.set_level("INFO")
    shuffle(source)
    before = SPLIT.read(source / "split.csv").set_index("id")
    assert CORRECTED.read(source / "corrected.csv").empty
    text = "ID;Gender;Note\nown:1;Female;looks so\nown:4;1.0;\nown:3;drop;a dog\nown:6;0;right\n"
    shuffle(source, text + "own:0;male;\n")
    after = SPLIT.read(source / "split.csv").set_index("id")
    assert after.index.tolist() == [name for name in before.index if name != "own:3"]
    assert (after.subset == before.subset[after.index]).all()
    changed = after.index[after.target != before.target[after.index]]
    assert sorted(changed) == ["own:1", "own:4"]
    assert after.target[["own:1", "own:4"]].tolist() == [0, 1]
    table = CORRECTED.read(source / "corrected.csv").set_index("id")
    assert table.outcome.to_dict() == {
        "own:1": "corrected", "own:4": "corrected", "own:3": "dropped", "own:6": "confirmed",
        "own:0": "no_effect",
    }  # fmt: skip
    assert table.note["own:3"] == "a dog" and table.recorded["own:1"] == 1
    assert table.subset["own:0"] == "" and table.subset["own:1"] in ("train", "validation", "test")
    funnel = FUNNEL.read(source / "funnel.csv").set_index("step")
    assert funnel.dropped["dropped_by_correction"] == 1
    assert funnel.changed["corrected"] == 2 == funnel.changed.sum()
    assert funnel.remaining["corrected"] == 58 == funnel.remaining[-3:].sum()
    applied = "4 of 5 corrections are applied: 2 corrected, 1 confirmed, 1 dropped"
    assert applied in caplog.text and "gone or replaced: own:0\n" in caplog.text


def test_correction_of_a_face_on_two_lines_of_the_table_counts_once(source):
    metadata = source / "own" / "metadata.csv"
    rows = METADATA.read(metadata)
    again = rows.loc[rows.row == 1].assign(row=60, status="dropped", reason="repeated")
    METADATA.write(metadata, pd.concat([rows, again]))
    shuffle(source, "id,gender\nown:1,f\n")
    assert FUNNEL.read(source / "funnel.csv").changed.sum() == 1


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("id,gender\nown:1,f\nown:99,m\n", 'line 3: "own:99" is not an id .* such as own:0'),
        ("id,gender\nown:1,f\n\nown:1,m\n", 'line 4: "own:1" is also on an earlier line'),
        ("id,gender\nown:1,w\n", 'line 2: "w" is not a correction; write .*male .* or drop'),
        ("id,gender\nown:1,\n", 'line 2: "" is not a correction'),
        ("id,gender\nown:1,unknown\n", 'line 2: "unknown" is not a correction'),
        ("id,label\nown:1,f\n", "has the columns id, label, but lacks gender"),
        ("id,gender\n" + "".join(f"own:{n},drop\n" for n in range(60)), "drops all faces of the"),
    ],
)
def test_error_in_the_corrections_names_line_and_value(source, text, fault):
    with pytest.raises(InputError, match=rf"corrections\.csv.*{fault}"):
        shuffle(source, text)
    assert not (source / "split.csv").exists()


def test_own_photos_with_the_same_pixels_and_two_labels_are_refused_until_corrected(source):
    cropped.cropped_source(source, "own", 60, digests={4: "same", 7: "same"})
    wanted = r"own/metadata\.csv, line 6: 4\.jpg is labelled female, but 7\.jpg \(line 9 of .*"
    with pytest.raises(InputError, match=wanted + "has the same pixels and is labelled male"):
        shuffle(source, None, own=["own"])
    for gender in ("drop", "female"):
        shuffle(source, f"id,gender,photo_digest\nown:7,{gender},own file 7\n", own=["own"])


def test_correction_of_an_own_photo_needs_its_file(source, caplog):
    text = "id,gender,photo_digest\nown:1,female,own file 1\nown:3,female,of another\n"
    text += "".join(f"own:{number}.jpg,f,gone\n" for number in range(10))
    shuffle(source, text, own=["own"])
    outcomes = CORRECTED.read(source / "corrected.csv").set_index("id").outcome.to_dict()
    assert outcomes.pop("own:1") == "corrected" and set(outcomes.values()) == {"other_photo"}
    wanted = "11 corrections are not applied, because the photo is dropped, gone or replaced: own:"
    assert wanted in caplog.text and "own:7.jpg, own:8.jpg and 1 more\n" in caplog.text
    samples = SPLIT.read(source / "split.csv").set_index("id")
    assert samples.target["own:1"] == 0 and samples.target["own:3"] == 1
    with pytest.raises(InputError, match=r"own:1.* is one of your own photos and has no"):
        shuffle(source, "id,gender\nown:1,f\n", own=["own"])


def test_archives_with_the_same_pixels_and_two_labels_are_counted(source, caplog):
    digests = {4: "same", 7: "same", 8: "of two women", 10: "of two women"}
    cropped.cropped_source(source, "own", 60, digests=digests)
    shuffle(source)
    warned = "1 photos are in the data twice, with different labels; one is own:"
    assert warned in caplog.text and "correct the wrong label in the" in caplog.text
