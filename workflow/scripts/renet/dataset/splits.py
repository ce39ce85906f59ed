"""Assign each face to a subset, in a random order."""

import dataclasses
from typing import Literal

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from renet.common.errors import InputError
from renet.common.imdb_wiki import CLASSES
from renet.dataset.tables import SUBSETS


@dataclasses.dataclass(frozen=True)
class SplitSettings:
    """The config's section `split`.

    Attributes:
        validation, test: fractions of these subsets; the rest is for training.
        by: `subject` keeps each person in one subset; `image` splits at random, as the course did.
        near_duplicates: whether near-duplicates of a photo stay in one subset, too.
        seed: of the random order.
    """

    validation: float = 0.1
    test: float = 0.1
    by: Literal["subject", "image"] = "subject"
    near_duplicates: bool = True
    seed: int = 42


def shared(samples: pd.DataFrame) -> dict[str, pd.Series]:
    """What faces of one subset can share, by name: faces with the same value share it.

    Args:
        samples: at least `subject`, `source`, `path` and `digest`, and `copies` if near-duplicates
            have the same number there.
    """
    keys = {
        "people": samples.subject,
        "photos": samples.source + ":" + samples.path,
        "pixels": samples.digest,
    }
    return keys | ({"near-duplicates": samples.copies} if "copies" in samples else {})


def groups(samples: pd.DataFrame, by: str) -> np.ndarray:
    """The number of each sample's group, shape (samples,); a group stays in one subset.

    Faces that share any of `shared` are in one group, as two people on a photo, or two names of
    which one photo is recorded. With `by="image"` people do not count.
    """
    keys = shared(samples)
    if by == "image":
        del keys["people"]
    count = len(samples)
    ends, total = [], count
    # Nodes: the samples and the values of each key; edges from each sample to its values.
    for key in keys.values():
        number, values = key.factorize()
        ends.append(total + number)
        total += len(values)
    edges = np.tile(np.arange(count), len(ends)), np.concatenate(ends)
    graph = coo_array((np.ones(len(edges[0])), edges), shape=(total, total))
    return connected_components(graph, directed=False)[1][:count]


def assign_subsets(
    samples: pd.DataFrame,
    group: np.ndarray,
    fractions: dict[str, float],
    random: np.random.Generator,
) -> np.ndarray:
    """Assign each `group` to one subset: stratified by class as far as undivided groups allow.

    Groups are assigned in descending order of size, those of one size in random order. Each goes to
    the subset that lacks most of its classes, among those with enough room; if none has enough
    room, to the one that lacks most faces.

    Args:
        fractions: of each subset; they add up to 1.

    Returns:
        The name of each sample's subset.
    """
    counts = np.zeros((group.max() + 1, len(CLASSES)))
    np.add.at(counts, (group, samples.target.to_numpy()), 1)
    missing = np.outer(list(fractions.values()), counts.sum(axis=0))
    wanted = missing.clip(min=1)
    order = random.permutation(len(counts))
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    subset_of_group = np.empty(len(counts), dtype=int)
    for number in order:
        room = missing.sum(axis=1)
        fits = room >= counts[number].sum()
        need = (missing / wanted) @ counts[number]
        chosen = np.where(fits, need, -np.inf).argmax() if fits.any() else room.argmax()
        subset_of_group[number] = chosen
        missing[chosen] -= counts[number]
    return np.array(list(fractions))[subset_of_group[group]]


def split(samples: pd.DataFrame, settings: SplitSettings) -> pd.DataFrame:
    """Assign each sample to a subset, in a random order.

    Args:
        samples: one row for each face, with `target` and the columns of `shared`.
        settings: see `SplitSettings`.

    Returns:
        The samples with a column `subset`, subset after subset, each in its random order: neon does
        not shuffle in training, so that this is the order of training.

    Raises:
        InputError: a subset would be empty.
    """
    if samples.empty:
        raise InputError("No face is left to split; funnel.csv of each source shows why.")
    random = np.random.default_rng(settings.seed)
    validation, test = settings.validation, settings.test
    fractions = {"train": 1 - validation - test, "validation": validation, "test": test}
    group = groups(samples, settings.by)
    subset = assign_subsets(samples, group, fractions, random)
    shuffled = samples.assign(subset=subset).iloc[random.permutation(len(samples))]
    empty = [name for name, part in fractions.items() if part > 0 and name not in set(subset)]
    if empty:
        raise InputError(
            f"{len(samples)} faces in {group.max() + 1} groups are too few for the subset "
            f"{empty[0]}; add a source, loosen the filter or change the section split."
        )
    place = shuffled.subset.map(SUBSETS.index).to_numpy()
    return shuffled.iloc[place.argsort(kind="stable")].reset_index(drop=True)


def contradictions(samples: pd.DataFrame) -> pd.DataFrame:
    """The samples whose pixels are also those of a sample with another label."""
    labels = samples.groupby("digest").target.transform("nunique")
    return samples[labels > 1].sort_values(["digest", "source", "row"])
