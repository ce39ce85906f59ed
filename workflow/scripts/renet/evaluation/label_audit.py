"""Which labels are likely to be wrong.

Each face is judged by a network that saw neither it nor any other photo of the person (k folds by
person); confident learning (Northcutt et al. 2021, arXiv:1911.00068, by cleanlab) ranks the labels
by what these networks say. Beside it stands how far the labels of one person disagree.
"""

import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from sklearn.model_selection import StratifiedGroupKFold

from renet.common.errors import InputError
from renet.dataset import splits

PROBABILITIES = ["p_female", "p_male"]
COLUMNS = [
    "rank", "id", "path", "source", "subject", "subset", "target", *PROBABILITIES, "label_quality",
    "suspect", "person_photos", "person_disagreement",
]  # fmt: skip


def folds(samples: pd.DataFrame, count: int, seed: int) -> np.ndarray:
    """The fold (from 0) that holds each sample out, shape (samples,); a person is in one of them.

    Args:
        samples: the table beside the HDF5 files, with `subject`, `digest` and `target`.

    Raises:
        InputError: there are fewer people than folds.
    """
    group = splits.groups(samples, "subject")
    if group.max() + 1 < count:
        raise InputError(
            f"{group.max() + 1} people cannot be divided into {count} folds; lower audit.folds."
        )
    fold = np.empty(len(samples), dtype=int)
    dealer = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    for number, (_, held_out) in enumerate(dealer.split(fold, samples.target, group)):
        fold[held_out] = number
    return fold


def rank(samples: pd.DataFrame, probabilities: np.ndarray) -> pd.DataFrame:
    """The samples, the most doubtful label first.

    Args:
        samples: the table beside the HDF5 files.
        probabilities: (samples, 2), out of fold.

    Returns:
        The columns `COLUMNS`. `label_quality` is from 0 to 1, low where the networks are sure of
        the other class; `suspect` is 1 where confident learning calls the label an error.
        `person_disagreement` is the share of the person's other photos that are labelled
        otherwise, empty for a person with one photo.
    """
    labels = samples.target.to_numpy()
    quality = get_label_quality_scores(labels, probabilities)
    suspect = find_label_issues(labels, probabilities, n_jobs=1)
    audited = samples.assign(
        **dict(zip(PROBABILITIES, probabilities.T, strict=True)),
        label_quality=quality,
        suspect=suspect.astype(int),
        **_within_persons(samples),
    )
    audited = audited.sort_values("label_quality", kind="stable")
    return audited.assign(rank=np.arange(1, len(audited) + 1))[COLUMNS]


def _within_persons(samples: pd.DataFrame) -> dict[str, pd.Series]:
    of_person = samples.groupby("subject").target
    photos, male = of_person.transform("size"), of_person.transform("sum")
    otherwise = male.where(samples.target == 0, photos - male)
    return {
        "person_photos": photos,
        "person_disagreement": (otherwise / (photos - 1)).where(photos > 1),
    }


def precision_and_recall(found: np.ndarray, wrong: np.ndarray, counts: list[int]) -> pd.DataFrame:
    """How many of the first n of a ranking are among the labels that are known to be wrong.

    Args:
        found: identifiers in the order of the ranking.
        wrong: identifiers of the wrong labels.
        counts: the n.

    Returns:
        The columns `n`, `hits`, `precision`, `recall`.
    """
    hits = np.isin(found, wrong).cumsum()
    rows = [(n, hits[n - 1], hits[n - 1] / n, hits[n - 1] / len(wrong)) for n in counts]
    return pd.DataFrame(rows, columns=["n", "hits", "precision", "recall"])
