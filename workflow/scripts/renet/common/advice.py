"""What may help where a network is not better than always predicting the majority class."""

FEW_UPDATES = 100  # of the weights; on 80 faces, renet and cnn took up to 60 until they settled
LEARNT = 0.8  # of the baseline's errors; a network that makes more in the training has not learnt
GAP = 0.1  # training above test accuracy, from which there are too few photos
MORE_EPOCHS = (
    "The training made {} updates of the weights, which are few: raise train.epochs, or try "
    "another train.learning_rate."
)
NOT_LEARNT = "The network has not learnt: lower train.learning_rate, or try another train.seed."
MEMORISED = 0.25  # of the baseline's errors; with fewer, the training faces are learnt by heart
FEW_PHOTOS = "The training faces are predicted much better than the test faces: add photos{}."
AUGMENT = ", or set train.augment to [flip, affine], which varies the training photos"
FEW_TEST_FACES = "Training and test faces are predicted alike: add photos, or try another network."


def of_result(updates: int | None, training: float, majority: float, test: float) -> str:
    """What may help a trained network that is not better than the baseline.

    Args:
        updates: of the weights; None for a kind of network that is fitted without.
        training: accuracy on the training faces, in the last epoch.
        majority: fraction of the majority class in the training set.
        test: accuracy on the test faces.
    """
    is_gap = training > test + GAP
    few_photos = FEW_PHOTOS.format("" if updates is None else AUGMENT)
    rules = (
        (is_gap and 1 - training < MEMORISED * (1 - majority), few_photos),
        (updates is not None and updates < FEW_UPDATES, MORE_EPOCHS.format(updates)),
        (updates is not None and 1 - training > LEARNT * (1 - majority), NOT_LEARNT),
        (is_gap, few_photos),
    )
    return next((advice for holds, advice in rules if holds), FEW_TEST_FACES)
