"""Subsets are kept apart by person, have the asked sizes, and follow from the seed."""

import numpy as np
import pandas as pd
import pytest

from renet.common.errors import InputError
from renet.dataset import splits

RULES = {"validation": 0.1, "test": 0.2, "by": "subject", "seed": 1}


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
        }
    )


def test_no_person_is_in_two_subsets():
    split = splits.split(make_samples(), **RULES)
    assert (split.groupby("subject").subset.nunique() == 1).all()


def test_every_sample_is_in_exactly_one_subset():
    samples = make_samples()
    split = splits.split(samples, **RULES)
    assert sorted(split.digest) == sorted(samples.digest)


def test_sizes_and_class_shares_come_out_as_asked():
    samples = make_samples()
    split = splits.split(samples, **RULES)
    shares = split.subset.value_counts(normalize=True)
    assert shares["train"] == pytest.approx(0.7, abs=0.01)
    assert shares["validation"] == pytest.approx(0.1, abs=0.01)
    men = split.groupby("subset").target.mean()
    assert np.allclose(men, samples.target.mean(), atol=0.02)


def test_photos_with_the_same_pixels_stay_together_even_by_image():
    samples = make_samples()
    samples.loc[1::7, "digest"] = samples.digest.iloc[0::7].to_numpy()[: len(samples[1::7])]
    for by in ("subject", "image"):
        split = splits.split(samples, **RULES | {"by": by})
        assert (split.groupby("digest").subset.nunique() == 1).all()


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
    split = splits.split(make_samples(), **RULES | {"by": "image"})
    assert (split.groupby("subject").subset.nunique() > 1).any()


def test_seed_decides_and_nothing_else():
    first, again = (splits.split(make_samples(), **RULES) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    other = splits.split(make_samples(), **RULES | {"seed": 2})
    assert set(first.digest[first.subset == "test"]) != set(other.digest[other.subset == "test"])


def test_order_in_a_subset_is_not_the_order_of_the_archive():
    split = splits.split(make_samples(), **RULES)
    numbers = split.digest[split.subset == "train"].map(lambda digest: int(digest, 16))
    assert abs(np.corrcoef(numbers, np.arange(len(numbers)))[0, 1]) < 0.2
    assert split.subset.drop_duplicates().tolist() == ["train", "validation", "test"]


def test_one_person_with_most_photos_does_not_upset_the_sizes():
    samples = make_samples(50)
    samples.loc[: len(samples) // 3, "subject"] = "everywhere"
    shares = splits.split(samples, **RULES).subset.value_counts(normalize=True)
    assert shares["train"] == pytest.approx(0.7, abs=0.02)


def test_person_with_more_photos_than_a_subset_holds_is_for_training():
    many = [f"much seen {number}" for number in range(6) for _ in range(100 + 50 * (number > 2))]
    subjects = many + [f"seen once {number}" for number in range(250)]
    samples = pd.DataFrame(
        {
            "subject": subjects,
            "target": [number % 2 for number in range(len(subjects))],
            "digest": [f"{number:032x}" for number in range(len(subjects))],
        }
    )
    split = splits.split(samples, validation=0.1, test=0.1, by="subject", seed=1)
    assert split.subset.value_counts().to_dict() == {"train": 800, "validation": 100, "test": 100}
    assert (split.groupby("subset").subject.nunique() > 0).all()


def test_too_few_people_for_three_subsets_is_an_error():
    samples = make_samples(2)
    with pytest.raises(InputError, match="too few for the subset"):
        splits.split(samples, **RULES)


def test_nothing_left_to_split_is_an_error_that_points_to_the_funnel():
    with pytest.raises(InputError, match=r"funnel\.csv"):
        splits.split(make_samples().iloc[:0], **RULES)
