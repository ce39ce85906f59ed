"""Label audit: rank the labels by how likely they are to be wrong.

Each face is predicted by a network that was trained without any photo of the person (k folds by
person). Confident learning (Northcutt et al. 2021, arXiv:1911.00068, as cleanlab implements it)
ranks the labels by these predictions. The table also states how far a person's labels disagree.
"""

import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores

from renet.common.imdb_wiki import CLASSES, PROBABILITIES
from renet.common.table import Table
from renet.evaluation import metrics
from renet.evaluation.inference_table import SAMPLE
from renet.metadata import subjects

# audit/labels.csv: all labels, the lowest label quality first.
LABELS = Table(
    {
        "rank": int, **SAMPLE, "photo_digest": str, **PROBABILITIES, "label_quality": float,
        "suspect": int, "person_photos": int, "person_disagreement": float,
    }
)  # fmt: skip

# audit/suspects.csv: the suspects in the format of the config's corrections.
PROPOSALS = Table({"id": str, "gender": str, "photo_digest": str, "note": str})


def rank(samples: pd.DataFrame, probabilities: np.ndarray) -> pd.DataFrame:
    """Rank the samples; the label that is most likely to be wrong comes first.

    Args:
        samples: the table beside the HDF5 files.
        probabilities: out-of-fold probabilities of female and male, (samples, 2).

    Returns:
        The table `LABELS`. `label_quality` is from 0 to 1, low where the networks predict another
        class than the label with high confidence; `suspect` is 1 where confident learning finds a
        label error. `person_disagreement` is the fraction of the person's other photos whose label
        differs; it is NaN for a person with one photo, and for a photo without a recorded person.
    """
    labels = samples.target.to_numpy()
    people = samples.subject.mask(subjects.are_photos(samples.subject), samples.id)
    of_person = samples.groupby(people).target
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


def skill(labels: pd.DataFrame) -> dict:
    """Compare the accuracy of the predictions in a table `LABELS` with the majority baseline's.

    The difference and its interval are as in `above_baseline` of metrics.json.
    """
    given = labels.assign(correct=(_predicted(labels) == labels.target).astype(int))
    majority = int(labels.target.mean() >= 0.5)
    return {
        "accuracy": given.correct.mean(),
        "baseline": (labels.target == majority).mean(),
        "majority": CLASSES[majority],
        **metrics.claim(*metrics.over_baseline(given, majority)),
    }


def proposals(suspects: pd.DataFrame) -> pd.DataFrame:
    """Return the table `PROPOSALS`, which proposes each suspect's predicted class as its label."""
    confidence = suspects[["p_female", "p_male"]].max(axis=1)
    notes = [
        f"was {CLASSES[target]}, predicted with {100 * p:.1f} %"
        for target, p in zip(suspects.target, confidence, strict=True)
    ]
    genders = [CLASSES[new] for new in _predicted(suspects)]
    return suspects.assign(gender=genders, note=notes)[list(PROPOSALS.columns)]


def _predicted(labels: pd.DataFrame) -> pd.Series:
    return (labels.p_male > labels.p_female).astype(int)
