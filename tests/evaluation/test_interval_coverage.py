"""The intervals hold the true value about as often as they say, also where people repeat."""

import interval_coverage as simulation
import pytest

from renet.evaluation import confidence_intervals

LIKE_A_TEST_SET, FEW_PEOPLE = simulation.Scenario(800, 128), simulation.Scenario(50, 17)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", [LIKE_A_TEST_SET, FEW_PEOPLE])
def test_intervals_cover_the_true_value_in_simulations(scenario, monkeypatch):
    monkeypatch.setattr(confidence_intervals, "RESAMPLES", 50)
    monkeypatch.setattr(simulation, "LARGE", 100_000)
    found = simulation.coverage(scenario, repeats=300)
    for name in (
        "accuracy",
        "balanced accuracy",
        "male - female",
        "accuracy - baseline",
        "temperature",
    ):
        assert found[name] >= 0.88, name
    if scenario == LIKE_A_TEST_SET:  # the simulation finds what takes photos as independent
        assert found["accuracy, Wilson on faces"] < 0.82
