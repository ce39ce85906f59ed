"""Size of the test set, and faces that are left out, where people share photos, simulated.

    python benchmarks/shared_photos.py

A second person is on some of the photos: any other one, or one of the first person's couple or
family of four. A cell has the mean number of test faces, where all people who are linked by photos
are in one subset (one that is refused has no test face) → now, of all faces; the percentage of the
faces that are left out now; and the percentage of the other faces that the training of one of five
folds leaves out.
"""

import itertools
import logging
from unittest import mock

import measuring
import numpy as np
import pandas as pd

from renet.common.errors import InputError
from renet.config.split import SplitSettings
from renet.dataset import splits

SIZES = ((100, 60), (120, 40), (300, 100))  # photos and people
FRACTIONS = (0.25, 0.5, 1)  # of the photos, with a second person
COMPANIONS = {"anyone": 100, "couple": 2, "family of four": 4}  # people who are on photos together
FOLDS = 5


def taken(
    random: np.random.Generator, photos: int, people: int, fraction: float, companions: int
) -> pd.DataFrame:
    """The faces of photos, with the columns that a split needs."""
    first = random.integers(people, size=photos)
    home = first // companions * companions  # the first number of the family
    size = np.minimum(companions, people - home)
    second = home + (first - home + random.integers(1, size)) % size
    is_shared = random.random(photos) < fraction
    person = np.concatenate([first, second[is_shared]])
    photo = np.concatenate([np.arange(photos), np.flatnonzero(is_shared)])
    faces = pd.DataFrame(
        {"subject": person, "photo_digest": photo, "digest": np.arange(len(person))}
    )
    return faces.astype(str).assign(source="own", target=person % 2)


def subsets(faces: pd.DataFrame, linked: float) -> pd.Series:
    """How many faces each subset has, given the value of `splits.LINKED`."""
    with mock.patch.object(splits, "LINKED", linked):
        try:
            return splits.split(faces, SplitSettings()).subset.value_counts()
        except InputError:
            return pd.Series({"test": 0})


def left_out_of_folds(faces: pd.DataFrame) -> float:
    """The fraction of the faces of the other folds that share a photo with one of a fold."""
    fold, photo = splits.folds(faces, FOLDS, seed=1), faces.photo_digest
    left_out = [
        np.isin(photo[fold != held_out], photo[fold == held_out]).mean()
        for held_out in range(FOLDS)
    ]
    return float(np.mean(left_out))


def outcome(repeats: int, *case: object) -> str:
    """The means of some simulations, as the cell of a table; `taken` explains `case`."""
    random, limit, found = np.random.default_rng(1), splits.LINKED, []
    for _ in range(repeats):
        faces = taken(random, *case)
        before, now = subsets(faces, 1), subsets(faces, limit)
        shares = 1 - now.sum() / len(faces), left_out_of_folds(faces)
        found.append((before["test"], now["test"], len(faces), *(100 * share for share in shares)))
    return "{:.0f} → {:.0f} of {:.0f}; {:.0f} %; {:.0f} %".format(*np.mean(found, axis=0))


def main() -> None:
    """Print the table."""
    parser = measuring.parser(__doc__)
    parser.add_argument("--repeats", type=int, default=40)
    repeats = parser.parse_args().repeats
    logging.disable()
    rows = [
        [f"{photos}/{people}, {kind}"]
        + [outcome(repeats, photos, people, fraction, companions) for fraction in FRACTIONS]
        for (photos, people), (kind, companions) in itertools.product(SIZES, COMPANIONS.items())
    ]
    columns = [f"{100 * fraction:g} % of the photos" for fraction in FRACTIONS]
    measuring.print_table(["photos/people, second person", *columns], rows)


if __name__ == "__main__":
    main()
