"""Which slices are significantly weaker, and in which women and men differ significantly."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.predictions import predictions_of
from renet.evaluation import slice_tests, slices
from renet.evaluation.tables import ALPHA


def sliced(correct: dict[str, tuple[int, int]]) -> tuple[pd.DataFrame, list[str]]:
    """slices.csv and the result of the tests for sources with so many correct of so many faces."""
    right = np.concatenate([np.repeat([1, 0], [yes, of - yes]) for yes, of in correct.values()])
    source = np.repeat(list(correct), [of for _, of in correct.values()])
    predictions = predictions_of(np.ones(len(right), int), np.where(right, 0.8, 0.2))
    return result_of(predictions.assign(source=source))


def result_of(predictions: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """slices.csv, and the weaker slices."""
    table = slices.tabulate(predictions, predictions[["source"]].astype("category"))
    table = table.set_index("value")
    return table, table.index[table.p_holm <= ALPHA].tolist()


def test_holms_adjustment_agrees_with_a_table_by_hand():
    adjusted = slice_tests.holm(np.array([0.01, 0.04, 0.03, 0.005]))
    # In order: 4 * 0.005, 3 * 0.01, 2 * 0.03; the last cannot be below the one before.
    assert adjusted == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_slices_of_independent_photos_have_the_exact_binomial_test():
    table, _ = sliced({"a": (30, 40), "b": (290, 300)})
    expected = stats.binomtest(30, 40, 320 / 340, alternative="less").pvalue
    assert table.p_holm["a"] == pytest.approx(2 * expected)


def test_slice_of_a_low_accuracy_on_enough_faces_is_weaker():
    table, found = sliced({"few": (1, 29), "weak": (60, 100), "strong": (880, 900)})
    assert found == ["weak"] and table.p_holm.notna().sum() == 2
    assert np.isnan(table.p_holm["few"])  # under 30 faces, however few are correct


def test_low_accuracy_by_chance_is_not_significant():
    table, found = sliced({"low": (26, 30), "rest": (180, 200)})
    assert found == [] and table.p_holm.notna().sum() == 2


def test_photos_of_a_single_person_show_nothing():
    predictions = predictions_of(
        np.ones(140, int), np.repeat([0.2, 0.8], [40, 100]),
        ["one"] * 40 + [f"p{number}" for number in range(100)],
    ).assign(source=["a"] * 40 + ["b"] * 100)  # fmt: skip
    _, found = result_of(predictions)
    assert found == []


@pytest.mark.parametrize(("faces", "tested"), [(900, True), (901, False)])
def test_slice_of_more_than_nine_tenths_of_the_set_is_not_tested(faces, tested):
    table, _ = sliced({"most": (800, faces), "rest": (50, 1000 - faces)})
    assert table.p_holm.notna()["most"] == tested


def test_equal_slices_with_people_that_repeat_are_rarely_called_weaker():
    random = np.random.default_rng(4)
    called = 0
    for _ in range(100):
        person = random.integers(150, size=600)
        skill = random.beta(9, 1, 150)  # of each person: their photos are alike
        right = random.random(600) < skill[person]
        predictions = predictions_of(
            np.ones(600, int), np.where(right, 0.8, 0.2), [f"p{number}" for number in person]
        ).assign(source=[f"s{number % 10}" for number in person])
        called += bool(result_of(predictions)[1])
    assert called / 100 <= ALPHA + 0.03


def by_age(recalls: dict[int, tuple[float, float]], faces: int = 200) -> pd.DataFrame:
    """Predictions of so many women and men of each age, with these recalls of female and male."""
    parts = []
    for age, of_age in recalls.items():
        for target, recall in enumerate(of_age):
            right = np.arange(faces) < recall * faces
            p_male = np.where(right == (target == 1), 0.8, 0.2)
            parts.append(predictions_of(np.full(faces, target), p_male, age=age))
    whole = pd.concat(parts, ignore_index=True)
    return whole.assign(subject=[f"p{number}" for number in range(len(whole))])


def gaps_of(predictions: pd.DataFrame) -> tuple[dict[str, float], int]:
    """The significant differences by the value of the slice, and the number of tests."""
    in_training = pd.Series(data=False, index=predictions.index)
    table = slices.tabulate(predictions, slices.assign(predictions, in_training))
    significant = table[table.gap_p_holm <= ALPHA]
    return significant.set_index("value").gap.to_dict(), int(table.gap_p_holm.notna().sum())


def test_gaps_of_opposite_sign_are_both_found_although_the_whole_set_has_none():
    found, tested = gaps_of(by_age({5: (0.95, 0.8), 25: (0.9, 0.9), 75: (0.8, 0.95)}))
    assert found == {
        "0–9 years": pytest.approx(-0.15), "70 years and more": pytest.approx(0.15),
    }  # fmt: skip
    assert tested == 3  # the one source and the one colour are the whole set


def test_gap_of_a_few_faces_is_not_tested():
    predictions = by_age({25: (1.0, 1.0), 45: (1.0, 1.0)})
    young = by_age({5: (0.0, 1.0)}, faces=9)
    assert gaps_of(pd.concat([predictions, young], ignore_index=True)) == ({}, 2)


def test_gap_of_nearly_the_whole_set_is_not_tested():
    assert gaps_of(by_age({25: (0.9, 0.9), 75: (0.5, 1.0)}).head(430))[1] == 0


@pytest.mark.parametrize(("women", "found"), [(1, False), (40, True)])
def test_one_woman_is_no_evidence_about_women(women, found):
    predictions = by_age({25: (0.97, 0.97), 75: (0.0, 0.97)}, faces=100)
    is_old_woman = (predictions.age == 75) & (predictions.target == 0)
    numbers = predictions.index.to_series() % women
    subject = predictions.subject.mask(is_old_woman, "woman " + numbers.astype(str))
    differing, _ = gaps_of(predictions.assign(subject=subject))
    assert ("70 years and more" in differing) == found
