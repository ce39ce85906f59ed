"""Find near-duplicates, faces from copies of one photo (also mirrored), by perceptual hashes.

A band is a random choice of bits that mirroring does not change. Two hashes are compared if they
agree in a whole band. This finds nearly all pairs that differ in at most 30 bits, and 96 % of the
pairs that differ in 38 bits.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from renet.common.progress import Progress
from renet.faces.hash_distance import LARGEST_DISTANCE, MIRRORED, as_words, distances

BANDS = 96
BITS_OF_BAND = 18
SEED = 1  # for the bands


def groups(hashes: Sequence[str] | np.ndarray) -> np.ndarray:
    """Return the number of each face's group, (faces,): near-duplicates are in one group."""
    if not len(hashes):
        return np.empty(0, dtype=np.int64)
    words = hashes if isinstance(hashes, np.ndarray) else as_words(hashes)
    words, position = np.unique(words, axis=0, return_inverse=True)
    columns = np.ascontiguousarray(words.view(np.uint8).T)
    group = np.arange(len(words))
    random = np.random.default_rng(SEED)
    for _ in Progress(range(BANDS), desc="near-duplicates", unit=" bands"):
        band = 2 * random.choice(4 * len(columns), BITS_OF_BAND, replace=False)
        for pairs in agreeing(columns, band):
            apart = pairs[:, group[pairs[0]] != group[pairs[1]]]
            one, other = (words.take(end, axis=0) for end in apart)  # faster than words[end]
            differ = np.minimum(distances(one, other), distances(one, other ^ MIRRORED))
            near = apart[:, differ <= LARGEST_DISTANCE]
            if near.size:
                ones, others = group[near]
                group = components(ones, others, len(words))[group]
    return group[position]


def is_known(hashes: Sequence[str], known: np.ndarray) -> np.ndarray:
    """Whether each face is a near-duplicate of a `known` hash (from `as_words`), (faces,) bool."""
    group = groups(np.concatenate([known, as_words(hashes)]))
    return np.isin(group[len(known) :], group[: len(known)])


def agreeing(columns: np.ndarray, band: np.ndarray) -> Iterator[np.ndarray]:
    """Yield (2, pairs) positions of hashes in `columns` (bytes, hashes) that agree in a band."""
    keys = np.zeros(columns.shape[1], dtype=np.uint32)
    for bit in band:
        keys = keys << 1 | (columns[bit // 8] >> (7 - bit % 8) & 1)
    order = np.argsort(keys)
    ordered = keys[order]
    start, step = np.flatnonzero(ordered[1:] == ordered[:-1]), 1
    while len(start):  # pairs with equal keys that are `step` places apart
        yield np.stack([order[start], order[start + step]])
        step += 1
        start = start[start + step < len(keys)]
        start = start[ordered[start] == ordered[start + step]]


def components(ones: np.ndarray, others: np.ndarray, count: int) -> np.ndarray:
    """Return the number of each node's connected component; edges link `ones` to `others`."""
    graph = coo_array((np.ones(len(ones)), (ones, others)), shape=(count, count))
    return connected_components(graph, directed=False)[1]
