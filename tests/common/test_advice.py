"""What the pages advise where a network is not better than the baseline."""

import pytest

from renet.common import advice

FEW_PHOTOS = advice.FEW_PHOTOS.format(advice.AUGMENT)


@pytest.mark.parametrize(
    ("updates", "training", "test", "expected"),
    [
        (6, 0.8, 0.6, "The training made 6 updates of the weights, which are few: raise train.ep"),
        (99, 0.8, 0.5, "The training made 99 updates"),
        (30, 1.0, 0.7, FEW_PHOTOS),
        (100, 0.6, 0.6, advice.NOT_LEARNT),
        (5000, 0.67, 0.4, advice.NOT_LEARNT),
        (180, 0.95, 0.7, FEW_PHOTOS),
        (180, 0.72, 0.7, advice.FEW_TEST_FACES),
        (None, 0.6, 0.6, advice.FEW_TEST_FACES),
        (None, 1.0, 0.6, advice.FEW_PHOTOS.format("")),
    ],
)
def test_advice_follows_from_training_accuracy_updates_and_gap(updates, training, test, expected):
    assert advice.of_result(updates, training, 0.6, test).startswith(expected)
