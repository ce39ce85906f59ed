"""How good the answers are, computed from an inference table alone."""

import numpy as np
import pandas as pd
from sklearn import metrics

from renet.imdb_wiki import CLASSES

LABELS = list(range(len(CLASSES)))


def summarise(answers: pd.DataFrame) -> dict:
    """The figures of one subset, as metrics.json has them.

    Args:
        answers: an inference table (`inference.tabulate`), not empty.

    Returns:
        `n`; `accuracy`; `balanced_accuracy`, the mean of the classes' recalls; `recall` by class;
        `loss`, mean cross-entropy with the natural logarithm; `confusion_matrix`, rows are the
        recorded and columns the predicted class, in the order of `classes`; `majority_baseline`,
        the accuracy of always answering the most frequent class; `answers_one_class`, true where
        the network does no better than that because it says the same of every face.
    """
    targets, predicted = answers.target.to_numpy(), answers.predicted.to_numpy()
    matrix = metrics.confusion_matrix(targets, predicted, labels=LABELS)
    present = matrix.sum(axis=1) > 0
    recalls = np.diag(matrix)[present] / matrix.sum(axis=1)[present]
    majority = int(matrix.sum(axis=1).argmax())
    return {
        "n": len(answers),
        "classes": list(CLASSES),
        "accuracy": float((targets == predicted).mean()),
        "balanced_accuracy": float(recalls.mean()),
        "recall": dict(zip(np.array(CLASSES)[present].tolist(), recalls.tolist(), strict=True)),
        "loss": float(
            metrics.log_loss(targets, answers[["p_female", "p_male"]].to_numpy(), labels=LABELS)
        ),
        "confusion_matrix": matrix.tolist(),
        "majority_baseline": {
            "class": CLASSES[majority],
            "accuracy": float((targets == majority).mean()),
        },
        "answers_one_class": bool(len(np.unique(predicted)) == 1),
    }
