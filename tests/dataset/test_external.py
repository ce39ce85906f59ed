"""External test sets hold faces that neither training nor validation has."""

import pandas as pd
import pytest

from helpers.cropped import random_hash
from helpers.project import ROOT, run_python
from renet.common.errors import InputError
from renet.dataset import external
from renet.metadata import own_photos

SPLIT = pd.DataFrame(
    {"subset": ["train", "validation", "test"], "subject": ["anna", "berta", "carla"],
     "digest": [*"abc"], "phash": list(map(random_hash, "abc")), "photo_digest": [*"ABC"]}
)  # fmt: skip
NEAR_A = f"{int(random_hash('a'), 16) ^ 0xFF:064x}"  # differs in eight bits


def rows(*faces: tuple[str, str]) -> pd.DataFrame:
    """Rows of an external set, given as subject and digest."""
    table = pd.DataFrame(faces, columns=["subject", "digest"])
    hashes = [random_hash(str(digest)) for digest in table.digest]
    paths = [f"{number}.jpg" for number in range(len(faces))]
    return table.assign(source="old", path=paths, reason="", phash=hashes, photo_digest=paths)


def test_face_that_training_or_validation_has_leaves_the_set():
    people = rows(("anna", "v"), ("berta", "w"), ("stranger", "y"))
    expected = ["known_person", "known_person", ""]
    assert external.drop_known(people, SPLIT).reason.tolist() == expected
    photos = rows(("nobody", "a"), ("no one", "b"), ("second face", "d"), ("carla", "c"))
    photos["photo_digest"] = [*"XYBC"]  # C is of the test set
    expected = ["known_photo", "known_photo", "known_photo", ""]
    assert external.drop_known(photos, SPLIT).reason.tolist() == expected


@pytest.mark.parametrize(("near", "reason"), [(True, "known_photo"), (False, "")])
def test_face_that_is_nearly_a_known_photo_leaves_the_set_unless_switched_off(near, reason):
    given = rows(("nobody", "x"), ("stranger", "y"))
    given.loc[1, "phash"] = NEAR_A
    assert external.drop_known(given, SPLIT, near=near).reason.tolist() == ["", reason]


def test_all_faces_of_a_known_photo_leave_the_set_and_dropped_ones_keep_their_reason():
    people = ["nobody", "other", "stranger", "anna", "her son", "anna"]
    given = rows(*zip(people, [*"axyzw", None], strict=True))
    given["photo_digest"] = [*"112334"]  # files, whatever their names
    given.loc[5, "reason"] = "too_small"
    expected = ["known_photo", "known_photo", "", "known_person", "", "too_small"]
    assert external.drop_known(given, SPLIT).reason.tolist() == expected


def test_set_without_a_new_face_is_an_error_with_a_way_out():
    with pytest.raises(InputError, match=r"the external set old is left.*subjects: own"):
        external.drop_known(rows(("anna", "a")), SPLIT)


def test_order_of_a_set_follows_from_the_seed():
    samples = rows(*((f"p{number}", f"{number}") for number in range(50)))
    first, again, other = (external.shuffle(samples, seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert first.digest.tolist() != other.digest.tolist() != samples.digest.tolist()
    assert (first.subset == "old").all() and set(first.digest) == set(samples.digest)


def test_example_writes_the_table_of_the_members_of_congress(tmp_path):
    members, photos = tmp_path / "legislators-current.csv", tmp_path / "photos.csv"
    members.write_text("first_name,last_name,gender,bioguide_id\nAnna,Smith,F,S000001\n")
    run_python(ROOT / "docs/examples/congress_table.py", members, photos)
    (row,) = own_photos.read([photos]).itertuples()
    assert (row.path, row.gender, row.subject) == ("S000001.jpg", 0, "Anna Smith")
