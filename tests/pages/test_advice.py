"""What the pages advise where a network is not shown to be better than the baseline."""

import pytest

from renet.pages.results import Advice, advise


@pytest.mark.parametrize(
    ("updates", "training", "test", "expected"),
    [
        (6, 0.8, 0.6, Advice.FEW_UPDATES),
        (99, 0.8, 0.5, Advice.FEW_UPDATES),
        (30, 1.0, 0.7, Advice.FEW_PHOTOS),
        (100, 0.6, 0.6, Advice.NOT_LEARNT),
        (5000, 0.67, 0.4, Advice.NOT_LEARNT),
        (180, 0.95, 0.7, Advice.FEW_PHOTOS),
        (180, 0.72, 0.7, Advice.FEW_TEST_FACES),
        (None, 0.6, 0.6, Advice.FEW_TEST_FACES),
        (None, 1.0, 0.6, Advice.FEW_PHOTOS),
    ],
)
def test_advice_follows_from_training_accuracy_updates_and_gap(updates, training, test, expected):
    assert advise(updates, training, 0.6, test) is expected
