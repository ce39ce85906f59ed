"""Which face goes into which subset, and in which order."""

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from renet.common.errors import InputError
from renet.common.imdb_wiki import CLASSES

SUBSETS = ("train", "validation", "test")
COLUMNS = [
    "id", "subset", "source", "row", "path", "subject", "target", "age", "year", "face_score",
    "crop_width", "crop_height", "grey", "shard", "index", "digest",
]  # fmt: skip


def groups(samples: pd.DataFrame, by: str) -> np.ndarray:
    """Number the groups of samples that have to stay in one subset, shape (samples,).

    Photos with the same pixels always stay together; with `by="subject"` also all photos of one
    person, and so, by way of a shared photo, those of two spellings of a name.
    """
    digests = samples.digest.factorize()[0]
    if by == "image":
        return digests
    subjects = samples.subject.factorize()[0]
    count = len(samples)
    nodes = np.arange(count)
    # One node a sample, then one a subject, then one a digest; a sample is tied to its two.
    ties = np.concatenate([count + subjects, count + subjects.max() + 1 + digests])
    total = ties.max() + 1
    graph = coo_array((np.ones(2 * count), (np.tile(nodes, 2), ties)), shape=(total, total))
    return connected_components(graph, directed=False)[1][:count]


def assign_subsets(
    samples: pd.DataFrame, group: np.ndarray, shares: dict[str, float], random: np.random.Generator
) -> np.ndarray:
    """Give each group to one subset so that sizes and class shares come out as asked.

    Groups are taken in random order, but large ones first, while there is room to make up for
    them. Each goes where its classes are missed most, among the subsets that it fits into; one that
    fits nowhere goes where most faces are missing. That is stratification as far as undivided
    groups allow.

    Args:
        samples: with the column `target`.
        group: as from `groups`.
        shares: wanted share of each subset; they add up to 1.

    Returns:
        The subset's name for each sample.
    """
    counts = np.zeros((group.max() + 1, len(CLASSES)))
    np.add.at(counts, (group, samples.target.to_numpy()), 1)
    missing = np.outer(list(shares.values()), counts.sum(axis=0))
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
    return np.array(list(shares))[subset_of_group[group]]


def split(
    samples: pd.DataFrame, *, validation: float, test: float, by: str, seed: int
) -> pd.DataFrame:
    """Decide subset and order of every sample.

    Args:
        samples: one row for each face, with at least `subject`, `target` and `digest`.
        validation, test: wanted shares of these subsets; the rest is for training.
        by: `subject` keeps each person in one subset; `image` splits at random, as the course did.
        seed: of the random order.

    Returns:
        The samples with a column `subset`, subset after subset, each in its random order: neon
        never reshuffles, so the order here is the order of training.

    Raises:
        InputError: a subset would be empty.
    """
    if samples.empty:
        raise InputError("No face is left to split: funnel.csv of each source says why.")
    random = np.random.default_rng(seed)
    shares = {"train": 1 - validation - test, "validation": validation, "test": test}
    subset = assign_subsets(samples, groups(samples, by), shares, random)
    shuffled = samples.assign(subset=subset).iloc[random.permutation(len(samples))]
    empty = [name for name, share in shares.items() if share > 0 and name not in set(subset)]
    if empty:
        raise InputError(
            f"{len(samples)} faces in {groups(samples, by).max() + 1} groups are too few for the "
            f"subset {empty[0]}; add a source, loosen the filter or change the section split."
        )
    return shuffled.sort_values(
        "subset", key=lambda names: names.map(SUBSETS.index), kind="stable"
    ).reset_index(drop=True)
