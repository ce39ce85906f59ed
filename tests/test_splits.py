"""Subsets are kept apart by person, have the asked sizes, and follow from the seed."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.audit import cropped_source
from helpers.project import call_script
from renet.common.errors import InputError
from renet.dataset import splits
from renet.dataset.splits import SplitSettings
from renet.dataset.tables import FUNNEL, SPLIT

SETTINGS = SplitSettings(validation=0.1, test=0.2, seed=1)


def make_samples(people: int = 200, seed: int = 0) -> pd.DataFrame:
    """Faces of people who have from 1 to 12 photos, three quarters of them men."""
    random = np.random.default_rng(seed)
    photos = random.integers(1, 13, people)
    men = random.random(people) < 0.75
    subject = np.repeat(np.arange(people), photos)
    return pd.DataFrame(
        {
            "subject": [f"person {number}" for number in subject],
            "target": men[subject].astype(int),
            "digest": [f"{number:032x}" for number in range(len(subject))],
            "source": "own",
            "path": [f"{number}.jpg" for number in range(len(subject))],
        }
    )


def test_every_sample_is_in_one_subset_and_no_person_in_two():
    samples = make_samples()
    split = splits.split(samples, SETTINGS)
    assert sorted(split.digest) == sorted(samples.digest)
    assert (split.groupby("subject").subset.nunique() == 1).all()


def test_sizes_and_class_shares_come_out_as_asked():
    samples = make_samples()
    split = splits.split(samples, SETTINGS)
    shares = split.subset.value_counts(normalize=True)
    assert shares["train"] == pytest.approx(0.7, abs=0.01)
    assert shares["validation"] == pytest.approx(0.1, abs=0.01)
    men = split.groupby("subset").target.mean()
    assert np.allclose(men, samples.target.mean(), atol=0.02)


def test_photos_with_the_same_pixels_stay_together_even_by_image():
    samples = make_samples()
    samples.loc[1::7, "digest"] = samples.digest.iloc[0::7].to_numpy()[: len(samples[1::7])]
    for by in ("subject", "image"):
        split = splits.split(samples, dataclasses.replace(SETTINGS, by=by))
        assert (split.groupby("digest").subset.nunique() == 1).all()


@pytest.mark.parametrize("by", ["subject", "image"])
def test_two_people_on_one_photo_stay_together(by):
    samples = make_samples(50).assign(path=lambda rows: [f"{n // 2}.jpg" for n in range(len(rows))])
    samples["subject"] = [f"person {number}" for number in range(len(samples))]
    split = splits.split(samples, dataclasses.replace(SETTINGS, by=by))
    assert (split.groupby("path").subset.nunique() == 1).all()
    assert (split.groupby("path").subject.nunique() == 2).mean() > 0.9


def test_equal_paths_of_two_sources_are_two_photos():
    samples = make_samples()
    twice = pd.concat([samples, samples.assign(source="b", subject="b " + samples.subject,
                                               digest="b" + samples.digest)])  # fmt: skip
    for by in ("subject", "image"):
        assert splits.groups(twice, by).max() + 1 == 2 * (splits.groups(samples, by).max() + 1)


def test_two_names_that_share_a_photo_count_as_one_person():
    samples = make_samples(20)
    first, second = samples.subject.unique()[:2]
    rows = [samples.index[samples.subject == name][0] for name in (first, second)]
    samples.loc[rows[1], "digest"] = samples.digest[rows[0]]
    group = splits.groups(samples, "subject")
    both = samples.subject.isin([first, second])
    assert len(set(group[both])) == 1
    assert len(set(group)) == samples.subject.nunique() - 1


def test_by_image_puts_people_into_several_subsets_as_the_course_did():
    split = splits.split(make_samples(), dataclasses.replace(SETTINGS, by="image"))
    assert (split.groupby("subject").subset.nunique() > 1).any()


def test_seed_decides_and_nothing_else():
    first, again = (splits.split(make_samples(), SETTINGS) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    other = splits.split(make_samples(), dataclasses.replace(SETTINGS, seed=2))
    assert set(first.digest[first.subset == "test"]) != set(other.digest[other.subset == "test"])


def test_order_in_a_subset_is_not_the_order_of_the_archive():
    split = splits.split(make_samples(), SETTINGS)
    numbers = split.digest[split.subset == "train"].map(lambda digest: int(digest, 16))
    assert abs(np.corrcoef(numbers, np.arange(len(numbers)))[0, 1]) < 0.2
    assert split.subset.drop_duplicates().tolist() == ["train", "validation", "test"]


def test_one_person_with_most_photos_does_not_upset_the_sizes():
    samples = make_samples(50)
    samples.loc[: len(samples) // 3, "subject"] = "everywhere"
    shares = splits.split(samples, SETTINGS).subset.value_counts(normalize=True)
    assert shares["train"] == pytest.approx(0.7, abs=0.02)


def test_person_with_more_photos_than_a_subset_holds_is_for_training():
    many = [f"much seen {number}" for number in range(6) for _ in range(100 + 50 * (number > 2))]
    subjects = many + [f"seen once {number}" for number in range(250)]
    samples = pd.DataFrame(
        {
            "subject": subjects,
            "target": [int(name[-1]) % 2 for name in subjects],
            "digest": [f"{number:032x}" for number in range(len(subjects))],
            "source": "own",
            "path": [f"{number}.jpg" for number in range(len(subjects))],
        }
    )
    split = splits.split(samples, dataclasses.replace(SETTINGS, test=0.1))
    sizes = split.subset.value_counts()
    assert sizes["train"] == 800 and sizes["test"] == pytest.approx(100, abs=1)
    assert (split.groupby("subset").subject.nunique() > 0).all()


def test_too_few_people_for_three_subsets_is_an_error():
    samples = make_samples(2)
    with pytest.raises(InputError, match="too few for the subset"):
        splits.split(samples, SETTINGS)


def test_nothing_left_to_split_is_an_error_that_points_to_the_funnel():
    with pytest.raises(InputError, match=r"funnel\.csv"):
        splits.split(make_samples().iloc[:0], SETTINGS)


def test_photos_with_the_same_pixels_and_two_labels_are_contradictions():
    samples = make_samples().assign(source="own", row=range(len(make_samples())))
    samples["digest"] = [f"{number}" for number in range(len(samples))]
    assert splits.contradictions(samples).empty
    samples.loc[samples.row < 3, "digest"] = "same"
    samples.loc[samples.row < 3, "target"] = [0, 1, 0]
    samples.loc[samples.row.isin([3, 4]), ["digest", "target"]] = ["equal", 1]
    assert splits.contradictions(samples).row.tolist() == [0, 1, 2]


@pytest.fixture
def sources(tmp_path):
    """Two sources of 30 rows, of which row 0 is dropped when it is cropped, in two shards."""
    for source in ("b", "a"):
        cropped_source(tmp_path, source, 30, first_shard=12)
    return tmp_path


def shuffle(folder, *tables) -> None:
    metadata = [folder / "b" / "metadata.csv", folder / "a" / "metadata.csv"]
    call_script(
        "shuffle", "--metadata", *metadata, "--tables", *tables, "-o", folder / "split.csv",
        "--funnel", folder / "funnel.csv",
    )  # fmt: skip


def refuse(folder, tables, fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        shuffle(folder, *tables)


def test_script_knows_shards_by_their_paths_whatever_their_order(sources):
    tables = sorted(sources.glob("*/faces/*.csv"))
    shuffle(sources, *tables)
    first = (sources / "split.csv").read_bytes()
    shuffle(sources, *reversed(tables))
    assert (sources / "split.csv").read_bytes() == first
    split = SPLIT.read(sources / "split.csv")
    assert len(split) == 58 and (split.shard == 1 + (split.row >= 12)).all()
    assert split.subject.str.startswith("0").all()
    funnel = FUNNEL.read(sources / "funnel.csv")
    assert funnel.source.drop_duplicates().tolist() == ["b", "a"]
    assert funnel.dropped[funnel.step == "too_small"].tolist() == [1, 1]


def test_two_sources_with_the_same_paths_and_names_keep_their_photos(sources):
    shuffle(sources, *sources.glob("*/faces/*.csv"))
    split = SPLIT.read(sources / "split.csv")
    assert split.path.value_counts().eq(2).all() and split.id.is_unique
    assert split.groupby("path").source.agg(set).eq({"a", "b"}).all()
    of_path = split.groupby("path")
    assert of_path.subject.nunique().eq(1).all() and of_path.subset.nunique().eq(1).all()


def test_script_needs_each_shard_once(sources):
    tables = sorted(sources.glob("*/faces/*.csv"))
    refuse(sources, tables[1:], "keeps 30 rows, and the 18 of its shards are others")
    refuse(sources, tables[2:], "source a, and no table of its shards was given")


def test_shards_of_another_number_go_when_the_faces_are_shuffled_and_nothing_else(sources):
    tables = sorted(sources.glob("*/faces/*.csv"))
    kept = [*tables, sources / "a/faces/notes-of-3.csv", sources / "a/faces/1-of-3.txt"]
    old = [sources / source / f"faces/{number}-of-3{suffix}" for source in "ab"
           for number in (1, 2, 3) for suffix in (".csv", ".npy")]  # fmt: skip
    for path in [*kept[2:], *old, elsewhere := sources / "faces/1-of-3.csv"]:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    refuse(sources, [*tables, tables[0]], "keeps 30 rows, and the 42 of")
    assert all(path.exists() for path in old)  # a failed job deletes nothing
    shuffle(sources, *tables)
    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in [*kept, elsewhere])
    (sources / "a/faces/1-of-3.npy").touch()
    SPLIT.write(sources / "known.csv", SPLIT.read(sources / "split.csv")[:1])
    call_script(
        "external_set", sources / "a/metadata.csv", "--tables", *tables[:2],
        "--known", sources / "known.csv", "-o", sources / "a/split.csv",
        "--funnel", sources / "a/funnel.csv",
    )  # fmt: skip
    assert not (sources / "a/faces/1-of-3.npy").exists() and kept[-1].exists()


@pytest.mark.parametrize(
    ("name", "lines", "fault"),
    [
        ("a/metadata.csv", 20, "a/metadata.csv keeps 19 rows, and the 30 of its shards"),
        ("a/metadata.csv", 1, "a/metadata.csv has no row"),
    ],
)
def test_table_that_is_cut_off_between_two_rows_is_one_sentence(sources, name, lines, fault):
    cut_off(sources / name, lines)
    refuse(sources, sources.glob("*/faces/*.csv"), fault)
    assert not (sources / "split.csv").exists()


def cut_off(table: Path, lines: int) -> None:
    """Leave the first lines of a file."""
    kept = table.read_text().splitlines(keepends=True)[:lines]
    table.write_text("".join(kept))
