"""The intervals hold the true value about as often as they say, also where people repeat."""

import interval_coverage as simulation
import pytest

from renet.evaluation import confidence_intervals

LIKE_A_TEST_SET, FEW_PEOPLE = simulation.World(800, 128), simulation.World(50, 17)


@pytest.mark.slow
@pytest.mark.parametrize("world", [LIKE_A_TEST_SET, FEW_PEOPLE])
def test_intervals_cover_the_true_value_in_simulations(world, monkeypatch):
    monkeypatch.setattr(confidence_intervals, "RESAMPLES", 50)
    monkeypatch.setattr(simulation, "LARGE", 100_000)
    found = simulation.coverage(world, repeats=300)
    for name in (
        "accuracy",
        "balanced accuracy",
        "male - female",
        "accuracy - baseline",
        "temperature",
    ):
        assert found[name] >= 0.88, name
    if world == LIKE_A_TEST_SET:  # the simulation finds what takes photos as independent
        assert found["accuracy, Wilson on faces"] < 0.82
