"""External test sets: the faces of a source that are new to the networks."""

import numpy as np
import pandas as pd

from renet.common.drop_reasons import ExternalReason
from renet.common.errors import InputError
from renet.dataset import near_duplicates
from renet.dataset.tables import DEVELOPMENT
from renet.faces.hash_distance import as_words


def drop_known(rows: pd.DataFrame, split: pd.DataFrame, near: bool = True) -> pd.DataFrame:
    """Return all rows, with a drop reason if their person or photo is in training or validation."""
    seen = split[split.subset.isin(DEVELOPMENT)]
    reason = rows.reason
    known_photos = rows.digest.isin(seen.digest) | rows.photo_digest.isin(seen.photo_digest)
    if near:
        faces = rows.phash[reason == ""]
        known_photos[faces.index] |= near_duplicates.is_known(faces, as_words(seen.phash))
    known_photos = known_photos.groupby(rows.photo_digest, dropna=False).transform("any")
    known_people = rows.subject.isin(seen.subject)
    reason = reason.mask((reason == "") & known_people, ExternalReason.KNOWN_PERSON)
    reason = reason.mask((reason == "") & known_photos, ExternalReason.KNOWN_PHOTO)
    if (reason != "").all():
        source = rows.source.iloc[0]
        raise InputError(
            f"No face of the external set {source} is left, because training and validation have "
            "all of its people or photos, or no face could be cropped. Remove it from `external` "
            f"or, if names match by chance, write `subjects: own` under `archives.{source}`."
        )
    return rows.assign(reason=reason)


def shuffle(samples: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return the samples in a random order, with the name of their source as the subset."""
    order = np.random.default_rng(seed).permutation(len(samples))
    return samples.assign(subset=samples.source).iloc[order].reset_index(drop=True)
