"""The intervals hold the true value about as often as they say, also where people repeat."""

import auc_and_temperature
import interval_coverage as simulation
import numpy as np
import pytest

LIKE_A_TEST_SET, FEW_PEOPLE = simulation.Scenario(800, 128), simulation.Scenario(50, 17)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", [LIKE_A_TEST_SET, FEW_PEOPLE])
def test_intervals_cover_the_true_value_in_simulations(scenario):
    found = simulation.coverage(scenario, repeats=300)
    for name in ("accuracy", "balanced accuracy", "male - female", "accuracy - baseline"):
        assert found[name] >= 0.88, name
    if scenario == LIKE_A_TEST_SET:  # the simulation finds what takes photos as independent
        assert found["accuracy, Wilson on faces"] < 0.82


def test_temperature_is_covered_more_often_where_few_people_have_most_photos():
    few = auc_and_temperature.Scenario(221, 40, 0.5)
    found = auc_and_temperature.temperature_intervals(few, np.random.default_rng(1))
    (covered, before), _, _ = auc_and_temperature.coverage(
        found, auc_and_temperature.TEMPERATURE, repeats=150
    )
    assert covered > before
