"""Subsets are kept apart by person, have the asked sizes, and follow from the seed."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from helpers.cropped import cropped_source, shuffle
from renet.common.errors import InputError
from renet.config.split import SplitSettings
from renet.dataset import splits
from renet.dataset.tables import FUNNEL, SPLIT
from renet.evaluation import leakage
from renet.faces.shards import SHARD
from renet.metadata.row_filter import METADATA
from renet.pages.results import templates

SETTINGS = SplitSettings(validation=0.1, test=0.2, seed=1)


def make_samples(people: int = 200, seed: int = 0) -> pd.DataFrame:
    """Faces of people who have from 1 to 12 photos, three quarters of them men."""
    random = np.random.default_rng(seed)
    photos = random.integers(1, 13, people)
    men = random.random(people) < 0.75
    subject = np.repeat(np.arange(people), photos)
    return samples_of([f"person {number}" for number in subject], men[subject].astype(int))


def samples_of(subjects: list[str], targets: Sequence[int]) -> pd.DataFrame:
    """One face a photo, of these people and classes."""
    numbers = range(len(subjects))
    digests, paths = [f"{one:032x}" for one in numbers], [f"{one}.jpg" for one in numbers]
    columns = {"subject": subjects, "target": targets, "digest": digests, "path": paths}
    return pd.DataFrame(columns).assign(source="own", photo_digest=paths)


def subsets_of(samples: pd.DataFrame, *given, settings: SplitSettings = SETTINGS) -> pd.Series:
    """The subset of each photo, in the order of the samples."""
    return splits.split(samples, settings, *given).set_index("path").subset[samples.path]


def test_every_sample_is_in_one_subset_and_no_person_in_two_with_the_asked_sizes_and_shares():
    samples = make_samples()
    split = splits.split(samples, SETTINGS)
    assert sorted(split.digest) == sorted(samples.digest)
    assert (split.groupby("subject").subset.nunique() == 1).all()
    shares = split.subset.value_counts(normalize=True)
    assert shares["train"] == pytest.approx(0.7, abs=0.01)
    assert shares["validation"] == pytest.approx(0.1, abs=0.01)
    men = split.groupby("subset").target.mean()
    assert np.allclose(men, samples.target.mean(), atol=0.02)


@pytest.mark.parametrize("by", ["subject", "image"])
def test_two_people_on_one_photo_and_photos_with_the_same_pixels_stay_together(by):
    samples = make_samples(50)  # with two names for each photo
    samples["photo_digest"] = [f"{number // 2}" for number in range(len(samples))]
    samples["subject"] = [f"person {number}" for number in range(len(samples))]
    samples.loc[1::7, "digest"] = samples.digest.iloc[0::7].to_numpy()[: len(samples[1::7])]
    split = splits.split(samples, SETTINGS.replace(by=by))
    for shared in ("photo_digest", "digest"):
        assert (split.groupby(shared).subset.nunique() == 1).all()
    assert (split.groupby("photo_digest").subject.nunique() == 2).mean() > 0.9


def test_people_who_are_nearly_all_linked_by_photos_are_divided_and_some_faces_left_out(caplog):
    random = np.random.default_rng(1)  # 300 photos of 100 people, any two on each second photo
    first, step = random.integers(100, size=300), random.integers(1, 100, 300)
    person = np.concatenate([first, (first + step)[::2] % 100])
    samples = samples_of([f"person {number}" for number in person], person % 2)
    samples["photo_digest"] = [f"{one}" for one in [*range(300), *range(0, 300, 2)]]
    split = splits.split(samples, SETTINGS)
    for shared in ("photo_digest", "subject"):
        assert (split.groupby(shared).subset.nunique() == 1).all()
    assert (split.subset == "test").sum() == pytest.approx(0.2 * len(samples), abs=4)
    left_out = len(samples) - len(split)
    assert 0.05 * len(samples) < left_out < 0.2 * len(samples)
    assert f"{left_out} of {len(samples)} faces are left out (shared_photo)" in caplog.text
    tested = samples.subject.isin(split.subject[split.subset == "test"])
    of_test = split.photo_digest[split.subset == "test"]
    assert set(samples.photo_digest[tested]) == set(of_test)


@pytest.mark.parametrize(("linked", "groups"), [(10, 1), (11, 11)])
def test_people_on_one_photo_are_divided_where_they_are_more_than_a_tenth_of_all(linked, groups):
    samples = samples_of([f"person {number}" for number in range(100)], np.arange(100) % 2)
    samples.loc[: linked - 1, "photo_digest"] = "one"
    assert len(set(splits.groups(samples, "subject")[:linked])) == groups


def test_copies_of_a_photo_without_recorded_people_stay_together_however_many_they_are():
    samples = make_samples()
    is_copy = np.arange(len(samples)) % 3 == 0
    samples["subject"] = samples.subject.mask(is_copy, "own:/" + samples.path)
    samples["copies"] = samples.path.mask(is_copy, "one")
    split = splits.split(samples, SETTINGS)
    assert len(split) == len(samples)
    assert set(split.subset[split.copies == "one"]) == {"train"}


def test_three_people_who_are_on_every_photo_are_an_error_that_names_the_photos():
    samples = samples_of(["a", "b", "c"] * 30, [0, 0, 0] * 30)
    samples["photo_digest"] = [f"{number // 3}" for number in range(90)]
    fault = "60 faces are left out, because several people are in one photo.*`split: {by: image}`"
    with pytest.raises(InputError, match=fault):
        splits.split(samples, SETTINGS)


def test_photos_that_are_added_move_few_others_to_another_subset():
    samples = make_samples(2000)
    before = subsets_of(samples[samples.subject.str[-1] != "7"])
    after = subsets_of(samples)[before.index]
    assert len(samples) > 1.08 * len(before)
    assert 0 < (before != after).sum() < 0.02 * len(before)
    is_test = before == "test"
    assert (after[is_test] == "test").mean() > 0.95


def test_fraction_of_the_validation_set_does_not_change_the_test_set():
    changed = SETTINGS.replace(validation=0.3)
    small, large = (subsets_of(make_samples(), settings=one) for one in (SETTINGS, changed))
    assert (small == "test").equals(large == "test") and not small.equals(large)


@pytest.mark.parametrize("photos", [3, 4, 7, 30])
def test_each_class_is_in_each_subset_as_soon_as_it_has_three_people(photos):
    people = [f"person {number}" for number in range(2 * photos)]
    samples = samples_of(people, np.arange(2 * photos) % 2)
    split = splits.split(samples, SETTINGS.replace(test=0.1))
    assert split.groupby("subset").target.nunique().tolist() == [2, 2, 2]


def test_subsets_that_are_given_are_kept_and_the_others_fill_up():
    samples = make_samples()
    free = subsets_of(samples)
    given = samples.subject.map(lambda name: "test" if name.endswith("7") else "")
    split = subsets_of(samples, given)
    assert (split[(given == "test").to_numpy()] == "test").all()
    shares = split.value_counts(normalize=True)
    assert shares["test"] == pytest.approx(0.2, abs=0.02)
    assert shares["validation"] == pytest.approx(0.1, abs=0.02)
    assert not split.equals(free)


def test_given_subsets_that_divide_a_person_are_refused_unless_by_image():
    samples = make_samples().assign(id=lambda rows: "own:" + rows.path)
    given = pd.Series("", index=samples.index)
    given[:3] = ["train", "test", ""]
    samples.loc[:2, "subject"] = "one"
    fault = r"own:0\.jpg is put into the subset train and own:1\.jpg into test, .* 1 such groups, "
    with pytest.raises(InputError, match=fault + r".*\. Put each group into one"):
        splits.split(samples, SETTINGS, given)
    split = splits.split(samples, SETTINGS.replace(by="image"), given)
    assert split.set_index("path").subset[["0.jpg", "1.jpg"]].tolist() == ["train", "test"]


def test_published_split_that_leaks_names_what_leaks_and_is_kept_where_leaks_are_allowed(caplog):
    samples = make_samples().assign(id=lambda rows: "own:" + rows.path)
    given = pd.Series(np.resize(["train", "validation", "test"], len(samples)))
    samples.loc[1, "digest"] = samples.digest[0]
    with pytest.raises(InputError, match=r"share people \(\d+\), pixels \(1\) in \d+ such groups"):
        splits.split(samples, SETTINGS, given)
    allowed = SETTINGS.replace(allow_leaks=True)
    split = subsets_of(samples, given, settings=allowed)
    assert (split.to_numpy() == given).all()
    assert re.search(r"people \(\d+\), pixels \(1\).*; `split.allow_leaks` allows it", caplog.text)
    allowed = allowed.replace(near_duplicates=False)
    found = leakage.check(splits.split(samples, allowed, given), allowed, "split.csv")
    said = templates.sentences("kept_apart", found)
    assert said.startswith("In more than one subset: people (") and "pixels (1)" in said


def test_published_split_without_a_validation_set_draws_it_from_its_training_set():
    samples = make_samples()
    given = samples.subject.map(lambda name: "test" if name.endswith("7") else "train")
    split = subsets_of(samples, given)
    assert ((split == "test").to_numpy() == (given == "test")).all()
    assert (split == "validation").mean() == pytest.approx(0.1, abs=0.02)
    assert (split.groupby(samples.subject.to_numpy()).nunique() == 1).all()


def test_few_photos_on_no_published_list_that_become_a_subset_are_warned_about(caplog):
    samples = make_samples()
    given = pd.Series(np.where(samples.subject < "person 8", "train", "test"), samples.index)
    given[samples.subject == "person 1"] = ""
    split = subsets_of(samples, given)
    few = (split == "validation").sum()
    assert 0 < few < 0.05 * len(samples)
    assert f"leave {few} faces for the subset validation, less than half of" in caplog.text


def test_new_person_with_a_photo_of_nobody_else_may_be_validated_and_known_people_stay():
    kinds = ["train", "test", "new", "new", "new"]
    samples = samples_of([f"{kind} {n}" for kind in kinds for n in range(60)], [*range(60)] * 5)
    samples.target %= 2
    samples.loc[120:239, "photo_digest"] = samples.photo_digest[:120].to_numpy()  # of known people
    given = samples.subject.str.split().str[0].replace("new", "")
    split = splits.split(samples, SETTINGS, given)
    is_new = split.subject.str.startswith("new")
    assert set(split.subset[is_new]) == {"train", "validation"}
    assert (split.subset[~is_new] == split.subject[~is_new].str.split().str[0]).all()


def test_given_subsets_without_a_test_face_are_refused():
    samples = make_samples()
    given = samples.subject.map(lambda name: "train" if name > "person 3" else "validation")
    with pytest.raises(InputError, match="The subset test has no face, because the table of"):
        splits.split(samples, SETTINGS, given)


def test_seed_decides_and_nothing_else_and_the_order_is_not_that_of_the_archive():
    split, again = (splits.split(make_samples(), SETTINGS) for _ in range(2))
    pd.testing.assert_frame_equal(split, again)
    other = splits.split(make_samples(), SETTINGS.replace(seed=2))
    assert set(split.digest[split.subset == "test"]) != set(other.digest[other.subset == "test"])
    first, second = (one.digest[one.subset == "train"] for one in (split, other))
    assert first[first.isin(second)].tolist() != second[second.isin(first)].tolist()
    numbers = first.map(lambda digest: int(digest, 16))
    assert abs(np.corrcoef(numbers, np.arange(len(numbers)))[0, 1]) < 0.2
    assert split.subset.drop_duplicates().tolist() == ["train", "validation", "test"]


def test_person_with_more_photos_than_a_subset_holds_is_for_training():
    many = [f"much seen {number}" for number in range(6) for _ in range(100 + 50 * (number > 2))]
    subjects = many + [f"seen once {number}" for number in range(250)]
    samples = samples_of(subjects, [int(name[-1]) % 2 for name in subjects])
    split = splits.split(samples, SETTINGS.replace(test=0.1))
    sizes = split.subset.value_counts()
    assert sizes["train"] == 800 and sizes["test"] == pytest.approx(100, abs=1)
    assert (split.groupby("subset").subject.nunique() > 0).all()
    without_test = splits.split(samples, SETTINGS.replace(test=0)).subset.value_counts()
    assert without_test["validation"] == pytest.approx(100, abs=1)


def test_too_few_people_for_three_subsets_are_an_error():
    with pytest.raises(InputError, match=r"subset test has no face: .* 2 people .*by: image"):
        splits.split(make_samples(2), SETTINGS)
    with pytest.raises(InputError, match=r"metadata\.csv"):
        splits.split(make_samples().iloc[:0], SETTINGS)


@pytest.fixture
def sources(tmp_path):
    """Two sources of 30 rows, of which row 0 is dropped when it is cropped, in two shards."""
    for source in ("b", "a"):
        cropped_source(tmp_path, source, 30, first_shard=12)
    return tmp_path


def test_first_unreadable_photos_are_named(sources, caplog):
    for path in sources.glob("*/faces/1-*.csv"):
        table = SHARD.read(path)
        SHARD.write(path, table.assign(reason=table.reason.mask(table.row < 3, "unreadable")))
    shuffle(sources)
    assert "6 photos are unreadable. The first are 0.jpg, 1.jpg, 2.jpg." in caplog.text


def test_log_names_the_faces_that_moved_and_both_splits_are_kept(sources, caplog):
    shuffle(sources)
    first = (sources / "split.csv").read_bytes()
    shuffle(sources)
    assert "another subset" not in caplog.text and not (sources / "split_before.csv").exists()
    shuffle(sources, settings={"validation": 0.3})
    assert (sources / "split_before.csv").read_bytes() == first
    assert (sources / "split_last.csv").read_bytes() == (sources / "split.csv").read_bytes()
    then, now = (SPLIT.read(sources / name).set_index("id").subset
                 for name in ("split_before.csv", "split.csv"))  # fmt: skip
    moved = then.index[then != now[then.index]]
    assert f"{len(moved)} of the 58 faces that were split before are in another" in caplog.text
    assert all(f"{face} (train to validation)" in caplog.text for face in moved)
    assert re.search(r"split_before\.csv out of .*split: {from: kept\.csv}", caplog.text)
    for path in sources.glob("*/faces/1-*.csv"):
        table = SHARD.read(path)
        SHARD.write(path, table.assign(grey=1))
    shuffle(sources, settings={"validation": 0.3})  # no face moves
    assert (sources / "split_last.csv").read_bytes() == (sources / "split.csv").read_bytes()
    assert (sources / "split_before.csv").read_bytes() == first


def test_earlier_split_keeps_its_faces_in_their_subsets(sources, caplog):
    caplog.set_level("INFO")
    shuffle(sources)
    assert re.fullmatch(r"58 faces: \d+ train, \d+ validation, \d+ test", caplog.messages[-1])
    earlier = SPLIT.read(sources / "split.csv")
    gone = earlier.iloc[[0]].assign(path="gone.jpg")
    kept = pd.concat([earlier[earlier.source == "a"], gone])
    kept[["source", "path", "subset"]].to_csv(sources / "kept.csv", index=False)
    shuffle(sources, earlier=sources / "kept.csv", settings={"seed": 7})
    now = SPLIT.read(sources / "split.csv").set_index("id").subset
    then = kept.iloc[:-1].set_index("id").subset
    assert (now[then.index] == then).all()
    said = "kept.csv sets the subset of 29 faces; 29 faces are not in it, and 1 photos in it have"
    assert said in caplog.text


def test_earlier_split_that_left_faces_out_reproduces_itself(tmp_path):
    path = cropped_source(tmp_path, "own", 80) / "own" / "metadata.csv"
    table = METADATA.read(path)  # of 40 photos of two people, each of whom is on two of them
    paths, people = [f"{n // 2}.jpg" for n in table.row], [f"{7 * n % 80 // 2}" for n in table.row]
    METADATA.write(path, table.assign(path=paths, subject=people))
    shard = tmp_path / "own/faces/1-of-1.csv"
    SHARD.write(shard, SHARD.read(shard).assign(photo_digest=paths))
    shuffle(tmp_path)
    split = SPLIT.read(tmp_path / "split.csv")
    step = FUNNEL.read(tmp_path / "funnel.csv").set_index("step").loc["shared_photo"]
    assert step.dropped == 79 - len(split) > 0 and step.remaining == len(split)
    first = (tmp_path / "split.csv").read_bytes()
    (tmp_path / "kept.csv").write_bytes(first)
    shuffle(tmp_path, earlier=tmp_path / "kept.csv", settings={"test": 0.3})
    assert (tmp_path / "split.csv").read_bytes() == first


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("a,1.jpg,tets", 'line 2: "tets" is not a subset; write one of train, validation, test'),
        ("a,1.jpg,test\na,1.jpg,train", 'line 3: "1.jpg" is in two subsets; keep one'),
        ("old,1.jpg,test", "kept.csv names none of the faces: it has 1.jpg of old, but the faces"),
    ],
)
def test_earlier_split_with_an_error_or_of_other_faces_is_named(sources, line, fault):
    (sources / "kept.csv").write_text(f"source,path,subset\n{line}\n")
    with pytest.raises(InputError, match=re.escape(fault)):
        shuffle(sources, earlier=sources / "kept.csv")


def test_script_knows_shards_by_their_paths_whatever_their_order_and_keeps_sources_apart(sources):
    shuffle(sources)
    first = (sources / "split.csv").read_bytes()
    shuffle(sources, tables=sorted(sources.glob("*/faces/*.csv"), reverse=True))
    assert (sources / "split.csv").read_bytes() == first
    split = SPLIT.read(sources / "split.csv")
    assert len(split) == 58 and (split.shard == 1 + (split.row >= 12)).all()
    assert split.subject.str.startswith("0").all()
    funnel = FUNNEL.read(sources / "funnel.csv")
    assert funnel.source.drop_duplicates().tolist() == ["b", "a"]
    assert funnel.dropped[funnel.step == "too_small"].tolist() == [1, 1]
    # Both sources have the same paths and names.
    assert split.path.value_counts().eq(2).all() and split.id.is_unique
    assert split.groupby("path").source.agg(set).eq({"a", "b"}).all()
    of_path = split.groupby("path")
    assert of_path.subject.nunique().eq(1).all() and of_path.subset.nunique().eq(1).all()


@pytest.mark.fault("cut-table")
@pytest.mark.parametrize(
    ("name", "lines", "fault"),
    [
        ("a/metadata.csv", 20, r"a/metadata\.csv \(19 kept rows\) and its shards \(30 r"),
        ("a/metadata.csv", 1, "a/metadata.csv has no row"),
        ("a/faces/1-of-2.csv", 5, r"metadata\.csv \(30 kept rows\) and its shards \(22 r"),
    ],
)
def test_table_that_is_cut_off_between_two_rows_is_one_sentence(sources, name, lines, fault):
    kept = (sources / name).read_text().splitlines(keepends=True)[:lines]
    (sources / name).write_text("".join(kept))
    with pytest.raises(InputError, match=fault):
        shuffle(sources)
    assert not (sources / "split.csv").exists()


@pytest.mark.parametrize(
    ("count", "changes", "said"),
    [
        (13, {}, ["Too few to train and test a network: 12 faces (people: 7)."]),
        (81, {}, []),
        (81, {"subset": ["train"] * 41 + ["test", "train"] * 20}, ["Only one gender is in test: "]),
        (81, {"gender": 0}, ["Only one gender is in train, validation, test: the other one can"]),
    ],
)
def test_faces_that_no_network_can_learn_from_are_a_warning(tmp_path, caplog, count, changes, said):
    path = cropped_source(tmp_path, "own", count) / "own" / "metadata.csv"
    METADATA.write(path, METADATA.read(path).assign(**changes))
    shuffle(tmp_path, settings={"by": "image", "validation": 0.3, "test": 0.3})
    warned = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert [one[: len(text)] for one, text in zip(warned, said, strict=True)] == said


def test_one_person_is_named_before_the_split_fails(tmp_path, caplog):
    path = cropped_source(tmp_path, "own", 81) / "own" / "metadata.csv"
    METADATA.write(path, METADATA.read(path).assign(subject="me"))
    with pytest.raises(InputError, match="are too few"):
        shuffle(tmp_path)
    assert "80 faces (people: 1). Add photos of other people, or correct the" in caplog.text
