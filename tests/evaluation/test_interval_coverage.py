"""The intervals hold the true value about as often as they say, also where people repeat."""

import auc_and_temperature
import numpy as np
import pytest
from interval_coverage import Scenario, coverage

LIKE_A_TEST_SET = Scenario(800, 128)


@pytest.mark.slow
@pytest.mark.parametrize("recalls", [(0.80, 0.95), (0.995, 0.995)])
@pytest.mark.parametrize("scenario", [LIKE_A_TEST_SET, Scenario(50, 17), Scenario(30, 30)])
def test_intervals_cover_the_true_value_in_simulations(scenario, recalls):
    found = coverage(scenario, 300, recalls)
    assert min(found[name] for name in found if "faces" not in name) >= 0.91, found
    if scenario == LIKE_A_TEST_SET:  # the simulation finds what takes photos as independent
        assert found["accuracy, by faces"] < found["accuracy"] - 0.02


@pytest.mark.parametrize("auc", auc_and_temperature.TRUE_AUCS)
def test_auc_is_covered_where_one_gender_is_rare(auc):
    rare = auc_and_temperature.Scenario(600, 600, male=0.05)
    found = auc_and_temperature.auc_intervals(rare, auc, np.random.default_rng(1))
    (covered,), _, without = auc_and_temperature.coverage(found, auc, repeats=300)
    assert covered >= 0.94 and without == 0


def test_temperature_is_covered_more_often_where_few_people_have_most_photos():
    few = auc_and_temperature.Scenario(221, 40, 0.5)
    found = auc_and_temperature.temperature_intervals(few, np.random.default_rng(1))
    (covered, before), _, _ = auc_and_temperature.coverage(
        found, auc_and_temperature.TEMPERATURE, repeats=150
    )
    assert covered > before
