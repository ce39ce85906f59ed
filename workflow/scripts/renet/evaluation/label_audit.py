"""Label audit: rank the labels by how likely they are to be wrong.

Each face is predicted by a network that was trained without any photo of the person (k folds by
person). Confident learning (Northcutt et al. 2021, arXiv:1911.00068, as cleanlab implements it)
ranks the labels by these predictions. The disagreement between the labels of one person is given,
too.
"""

import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from sklearn.model_selection import StratifiedGroupKFold

from renet.common.errors import InputError
from renet.dataset import splits
from renet.evaluation.tables import LABELS


def folds(samples: pd.DataFrame, count: int, seed: int) -> np.ndarray:
    """The fold of each sample, from 0, (samples,); all photos of a person are in one fold.

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
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    for number, (_, held_out) in enumerate(splitter.split(fold, samples.target, group)):
        fold[held_out] = number
    return fold


def rank(samples: pd.DataFrame, probabilities: np.ndarray) -> pd.DataFrame:
    """The samples, the label that is most likely to be wrong first.

    Args:
        samples: the table beside the HDF5 files.
        probabilities: (samples, 2), out of fold.

    Returns:
        The columns `tables.LABELS`. `label_quality` is from 0 to 1, low where the networks predict
        the other class with high confidence; `suspect` is 1 where confident learning finds a label
        error. `person_disagreement` is the fraction of the person's other photos that have the
        other label, NaN for a person with one photo.
    """
    labels = samples.target.to_numpy()
    of_person = samples.groupby("subject").target
    photos, male = of_person.transform("size"), of_person.transform("sum")
    other_label = male.where(samples.target == 0, photos - male)
    audited = samples.assign(
        p_female=probabilities[:, 0],
        p_male=probabilities[:, 1],
        label_quality=get_label_quality_scores(labels, probabilities),
        suspect=find_label_issues(labels, probabilities, n_jobs=1).astype(int),
        person_photos=photos,
        person_disagreement=(other_label / (photos - 1)).where(photos > 1),
    )
    audited = audited.sort_values("label_quality", kind="stable")
    return audited.assign(rank=np.arange(1, len(audited) + 1))[list(LABELS.columns)]
