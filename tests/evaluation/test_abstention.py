"""The threshold of "unsure": the error of the accepted predictions stays below the stated rate."""

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import binomtest

from helpers.predictions import predictions_of
from renet.evaluation import abstention

LEVEL = 1 - (1 - abstention.LEVEL) / abstention.SEQUENCES


@pytest.mark.parametrize(
    "error_of",  # the probability of an error at a confidence
    [
        lambda confidence: np.full_like(confidence, 0.0502),  # so that every choice is wrong
        lambda confidence: (1 - confidence) ** 2 * 1.2,
        lambda confidence: 0.02 + 0.1 * (confidence > 0.9),
    ],
    ids=["constant", "rising", "worst at the top"],
)
def test_error_of_accepted_predictions_exceeds_the_rate_in_a_twentieth_of_samples(error_of):
    random, grid, violations = np.random.default_rng(7), np.linspace(0.5, 1, 2001), 0
    risk_above = np.cumsum(error_of(grid)[::-1])[::-1] / np.arange(len(grid), 0, -1)
    for _ in range(1500):
        confidence = random.uniform(0.5, 1, 600)
        correct = (random.random(600) > error_of(confidence)).astype(int)
        threshold = abstention.choose(confidence, correct, 0.05)["threshold"]
        if threshold is not None:
            violations += np.interp(max(threshold, 0.5), grid, risk_above) > 0.05
    assert violations / 1500 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1500)


def test_one_early_error_does_not_end_the_search():
    confidence = np.linspace(1, 0.5, 1000)
    correct = np.ones(1000, int)
    correct[3] = 0
    chosen = abstention.choose(confidence, correct, 0.02)
    assert chosen["threshold"] == abstention.ACCEPT_ALL
    assert (chosen["accepted"], chosen["errors"]) == (1000, 1)


def test_bound_is_clopper_and_pearsons():
    interval = binomtest(3, 400).proportion_ci(1 - 2 * (1 - LEVEL), method="exact")
    assert abstention.upper_bound(np.array([3]), np.array([400])) == pytest.approx(interval.high)
    assert abstention.upper_bound(np.array([5, 0]), np.array([5, 0])).tolist() == [1, 1]


def test_too_few_people_reach_no_threshold_and_the_number_needed_is_said():
    for people, reached in ((227, False), (228, True)):
        chosen = abstention.choose(np.linspace(1, 0.6, people), np.ones(people, int), 0.02)
        assert (chosen["threshold"] is not None) == reached
        assert chosen["needed"] == 228


def test_equal_confidences_are_all_accepted_or_all_unsure():
    confidence = np.repeat([0.9, 0.8], [300, 300])
    correct = np.repeat([1, 0], [300, 300])
    chosen = abstention.choose(confidence, correct, 0.05)
    assert chosen["threshold"] == 0.8 and chosen["accepted"] == 300


def by_log_odds(odds, correct=None):
    """An inference table of men with these log-odds, all predictions right unless said."""
    odds = np.asarray(odds, float)
    targets = np.ones(len(odds), int) if correct is None else np.asarray(correct)
    table = predictions_of(targets, expit(odds))
    return table.assign(p_female=expit(-odds))  # 1 - p_male would be 0


def chosen_on(table, temperature, max_error=0.02):
    return abstention.summarise(table, table, temperature, max_error)


@pytest.mark.parametrize("temperature", [0.05, 1, 20])
def test_right_predictions_are_all_accepted_where_their_confidence_is_rounded_to_one(temperature):
    found = chosen_on(by_log_odds(np.linspace(3, 60, 1000)), temperature)
    assert (found["threshold"], found["accepted"]) == (0, 1000)
    assert found["test"]["coverage"] == 1


def test_temperature_changes_the_threshold_alone_and_not_the_choice():
    random = np.random.default_rng(8)
    odds = random.exponential(4, 3000)
    correct = (random.random(3000) < expit(0.7 * odds)).astype(int)
    table = by_log_odds(odds, correct)
    found = {temperature: chosen_on(table, temperature) for temperature in (0.05, 0.3, 1, 5)}
    assert 500 < found[1]["accepted"] < 2500
    same = ("accepted", "errors", "upper_bound")
    for temperature, of_one in found.items():
        assert [of_one[key] for key in same] == [found[1][key] for key in same], temperature
    assert found[0.3]["test"] == found[1]["test"] == found[5]["test"]
    odds_of = {temperature: found[temperature]["threshold"] for temperature in (1, 5)}
    assert logit(odds_of[5]) * 5 == pytest.approx(logit(odds_of[1]), rel=1e-9)


def test_threshold_is_the_confidence_of_a_prediction_at_the_temperature():
    odds = np.append(np.linspace(2, 8, 990), np.linspace(0.1, 1.9, 200))
    found = chosen_on(by_log_odds(odds, np.append(np.ones(990, int), np.zeros(200, int))), 2.0)
    assert found["test"]["accepted"] == found["accepted"] > 900
    assert np.isclose(expit(odds / 2), found["threshold"], rtol=1e-12).sum() == 1


def test_curve_has_the_error_at_each_coverage():
    correct = np.array([1, 1, 0, 0])
    coverage, risk = abstention.risk_coverage(np.array([0.9, 0.8, 0.7, 0.6]), correct)
    assert coverage.tolist() == [0.25, 0.5, 0.75, 1]
    np.testing.assert_allclose(risk, [0, 0, 1 / 3, 1 / 2])
    _, risk = abstention.risk_coverage(np.full(4, 0.7), correct)
    np.testing.assert_allclose(risk, 0.5)


def test_person_with_two_photos_counts_once():
    random = np.random.default_rng(2)
    targets = random.integers(0, 2, 2000)
    p_male = np.where(targets == 1, 0.99, 0.2)
    p_male[:4] = 1 - p_male[:4]
    validation = predictions_of(targets, p_male, [f"p{number // 2}" for number in range(2000)])
    found = chosen_on(validation, 1.0)
    assert found["people"] == 1000 and found["threshold"] is not None
    assert found["test"]["accepted"] == round(found["test"]["coverage"] * 2000)
    assert found["test"]["error_of_all"] == 4 / 2000


def test_wrong_further_photos_of_people_raise_the_threshold():
    odds = np.append(np.linspace(3, 9, 1000), np.full(500, 4.0))
    table = by_log_odds(odds, np.repeat([1, 0], [1000, 500]))
    table["subject"] = [f"p{number % 1000}" for number in range(1500)]  # the first photos are right
    assert chosen_on(table, 1.0)["threshold"] > expit(4.0)


def test_photos_of_a_person_that_are_all_right_or_all_wrong_count_as_one():
    table = by_log_odds(np.full(1000, 4.0), np.repeat([1, 0], [980, 20]))
    table["subject"] = [f"p{number // 20}" for number in range(1000)]
    expected = abstention.upper_bound(1, 50)
    assert abstention._error_bound(table)(3.0) == pytest.approx(expected, rel=0.1)
