"""Which slices differ significantly from the other faces, and in which women and men differ."""

import numpy as np
import pandas as pd
import pytest

from helpers.predictions import predictions_of
from renet.evaluation import slices
from renet.evaluation.confidence_intervals import combination, difference_p_value, holm, proportion
from renet.evaluation.tables import ALPHA


def sliced(correct: dict[str, tuple[int, int]], people: dict[str, int] = {}) -> pd.DataFrame:  # noqa: B006
    """slices.csv by the source, with so many correct of so many faces, perhaps of few people.

    All are male, so that the accuracy compares them.
    """
    right = np.concatenate([np.repeat([1, 0], [yes, of - yes]) for yes, of in correct.values()])
    source = np.repeat(list(correct), [of for _, of in correct.values()])
    predictions = predictions_of(np.ones(len(right), int), np.where(right, 0.8, 0.2))
    number = predictions.groupby(source).cumcount() % pd.Series(source).map(people).fillna(10**6)
    return result_of(
        predictions.assign(source=source, subject=source + number.astype(str)), metric="accuracy"
    )


def result_of(
    predictions: pd.DataFrame, *columns: str, metric: str = "balanced_accuracy"
) -> pd.DataFrame:
    """slices.csv by the source and further columns."""
    groups = predictions[["source", *columns]].astype("category")
    return slices.tabulate(predictions, groups, metric).set_index("value")


def test_holms_adjustment_agrees_with_a_table_by_hand():
    adjusted = holm(np.array([0.01, 0.04, 0.03, 0.005]))
    # In order: 4 * 0.005, 3 * 0.01, 2 * 0.03; the last cannot be below the one before.
    assert adjusted == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_slice_is_compared_with_the_other_faces_and_has_one_test_with_its_complement():
    table = sliced({"a": (290, 300), "b": (30, 40)})
    parts = [proportion(np.arange(of) < yes, np.arange(of)) for yes, of in ((290, 300), (30, 40))]
    assert table.difference["b"] == -table.difference["a"] == pytest.approx(30 / 40 - 290 / 300)
    assert table.p.tolist() == [pytest.approx(difference_p_value((1, -1), parts))] * 2
    assert table.p_holm["b"] == table.p["b"] and np.isnan(table.p_holm["a"])


def test_equal_slices_with_two_names_are_one_test():
    predictions = predictions_of(np.arange(300) % 2, np.linspace(0, 1, 300))
    source = np.repeat(["a", "b", "c"], 100)
    predictions = predictions.assign(source=source, glasses=np.char.upper(source))
    table = result_of(predictions, "glasses")
    for p_holm in (table.p_holm, table.gap_p_holm):
        assert p_holm.index[p_holm.notna()].tolist() == list("abc")


def test_higher_and_lower_accuracies_than_those_of_the_other_faces_are_found():
    table = sliced({"few": (1, 29), "weak": (60, 100), "strong": (880, 900)})
    assert table.index[table.p_holm <= ALPHA].tolist() == ["strong", "weak"]
    assert table.p_holm.notna().sum() == 2
    assert np.isnan(table.p_holm["few"])  # under 30 faces, however few are correct


@pytest.mark.parametrize(
    ("faces", "people", "is_tested"), [(30, 10, True), (29, 29, False), (200, 9, False)]
)
def test_slice_and_rest_need_enough_faces_and_people(faces, people, is_tested):
    table = sliced({"rest": (300, 400), "slice": (faces // 2, faces)}, {"slice": people})
    assert table.p.notna().tolist() == [is_tested] * 2  # each is the rest of the other


def named(*parts: pd.DataFrame) -> pd.DataFrame:
    """Predictions of different people."""
    whole = pd.concat(parts, ignore_index=True)
    return whole.assign(subject=[f"p{number}" for number in range(len(whole))])


def by_age(recalls: dict[int, tuple[float, float]], faces: int = 200) -> pd.DataFrame:
    """Predictions of so many women and men of each age, with these recalls of female and male."""
    parts = []
    for age, of_age in recalls.items():
        for target, recall in enumerate(of_age):
            right = np.arange(faces) < recall * faces
            p_male = np.where(right == (target == 1), 0.8, 0.2)
            parts.append(predictions_of(np.full(faces, target), p_male, age=age))
    return named(*parts)


def all_slices(predictions: pd.DataFrame, metric: str = "balanced_accuracy") -> pd.DataFrame:
    assigned = slices.assign(predictions, predictions.target < 0)
    return slices.tabulate(predictions, assigned, metric)


def gaps_of(predictions: pd.DataFrame) -> tuple[dict[str, float], int]:
    """The significant differences by the value of the slice, and the number of tests."""
    table = all_slices(predictions)
    significant = table[table.gap_p_holm <= ALPHA]
    return significant.set_index("value").gap.to_dict(), int(table.gap_p_holm.notna().sum())


def test_gaps_of_opposite_sign_are_both_found_although_the_whole_set_has_none():
    found, tested = gaps_of(by_age({5: (0.95, 0.8), 25: (0.9, 0.9), 75: (0.8, 0.95)}))
    assert found == pytest.approx({"0–9 years": -0.15, "70 years and more": 0.15})
    assert tested == 3  # the one source and the one colour are the whole set


def test_gap_of_a_few_faces_is_not_tested():
    predictions = by_age({25: (1.0, 1.0), 45: (1.0, 1.0)})
    young = by_age({5: (0.0, 1.0)}, faces=9)
    assert gaps_of(pd.concat([predictions, young], ignore_index=True)) == ({}, 2)


def test_genders_and_slices_that_age_and_source_explain_are_not_tested():
    predictions = by_age({25: (0.9, 0.9), 75: (0.5, 1.0)})
    predictions["year"] = predictions.age + 1925
    predictions["crop_width"] = predictions.crop_height = predictions.face_score = predictions.age
    table = all_slices(predictions)
    assert set(table.slice[table.p.notna()]) == {"age"}
    assert set(table.slice[table.gap_p_holm.notna()]) == {"age"}


@pytest.mark.parametrize(("women", "found"), [(1, False), (40, True)])
def test_one_woman_is_no_evidence_about_women(women, found):
    predictions = by_age({25: (0.97, 0.97), 75: (0.0, 0.97)}, faces=100)
    is_old_woman = (predictions.age == 75) & (predictions.target == 0)
    numbers = predictions.index.to_series() % women
    subject = predictions.subject.mask(is_old_woman, "woman " + numbers.astype(str))
    differing, _ = gaps_of(predictions.assign(subject=subject))
    assert ("70 years and more" in differing) == found


def test_group_of_more_men_with_the_recalls_of_the_others_differs_by_accuracy_alone():
    recalls = (0.7, 0.95)
    old = by_age({75: recalls}, faces=400)
    faces = named(by_age({25: recalls}), old[:400:10], old[400:])
    for metric, differs in (("accuracy", True), ("balanced_accuracy", False)):
        table = all_slices(faces, metric)
        assert (table.p_holm.dropna() <= ALPHA).tolist() == [differs]


@pytest.mark.parametrize(("women", "is_tested"), [(10, True), (9, False)])
def test_group_is_tested_by_both_recalls_of_at_least_ten_faces(women, is_tested):
    old = by_age({75: (0.5, 0.5)}, faces=60).tail(60 + women)
    faces = named(by_age({25: (0.95, 0.95)}), old)
    row = all_slices(faces).set_index("value").loc["70 years and more"]
    recalls = [
        proportion(part.correct, part.subject)
        for is_old in (True, False)
        for label in (0, 1)
        for part in [faces[((faces.age == 75) == is_old) & (faces.target == label)]]
    ]
    weights = (0.5, 0.5, -0.5, -0.5)
    assert row.difference == pytest.approx(np.dot(weights, [one.value for one in recalls]))
    bounds = combination(weights, recalls)
    assert (row.difference_low, row.difference_high) == pytest.approx(bounds)
    p = difference_p_value(weights, recalls) if is_tested else np.nan
    assert row.p == pytest.approx(p, nan_ok=True)
    assert (row.recall_female_low, row.recall_female_high) == recalls[0].interval()
