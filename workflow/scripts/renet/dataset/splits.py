"""Assign each face to a subset, in a random order."""

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd

from renet.common.errors import InputError
from renet.common.imdb_wiki import CLASSES, SUBSETS
from renet.config.split import SplitSettings
from renet.dataset import near_duplicates
from renet.metadata.subjects import are_photos

LINKED = 0.1  # people who share photos stay together up to this fraction of all faces
FILLED = ["test", "validation", "train"]  # test comes first, so that it ignores `validation`


def shared(samples: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the keys that link samples, by name: samples with equal values are linked."""
    keys = {
        "people": samples.subject,
        "photos": samples.photo_digest,  # a file can have two names, for instance by person
        "pixels": samples.digest,
    }
    return keys | ({"near-duplicates": samples.copies} if "copies" in samples else {})


def groups(samples: pd.DataFrame, by: str, fixed: pd.Series | None = None) -> np.ndarray:
    """Return the number of each sample's group, (samples,); a group stays in one subset.

    A group is a component of `linked`. But if a component has more than `LINKED` of the faces, or
    if `fixed` (see `split`) puts a component into several subsets, each of its people is a group.
    """
    group = linked(samples, by)
    is_apart = np.bincount(group)[group] > LINKED * len(samples)
    if fixed is not None:
        is_apart |= _is_divided(group, fixed)
    if by == "image" or not is_apart.any():
        return group
    # A photo without a recorded person is a person, together with its copies.
    is_photo = are_photos(samples.subject)
    people = samples.subject.mask(is_photo | ~is_apart, "")
    parts = [group, people, np.where(is_photo & is_apart, linked(samples, "image"), -1)]
    return pd.MultiIndex.from_arrays(parts).factorize()[0]


def linked(samples: pd.DataFrame, by: str) -> np.ndarray:
    """Return the number of each sample's connected component by the keys `shared`, (samples,)."""
    keys = shared(samples)
    if by == "image":
        del keys["people"]
    # Each sample is linked to the first one that has the same value of a key.
    first = [np.flatnonzero(~key.duplicated())[key.factorize()[0]] for key in keys.values()]
    rows = np.tile(np.arange(len(samples)), len(first))
    return near_duplicates.components(rows, np.concatenate(first), len(samples))


def parts(samples: pd.DataFrame, fractions: Sequence[float], seed: int, by: str) -> np.ndarray:
    """Divide whole groups by `fractions` of each class; return each sample's part, (samples,)."""
    group = groups(samples, by)
    free = np.full(group.max() + 1, len(fractions))
    return _filled(free, np.array(fractions), _in_stable_order(samples, group, by, seed))[group]


def _filled(
    part: np.ndarray, fractions: np.ndarray, classes: Iterable[tuple[np.ndarray, np.ndarray]]
) -> np.ndarray:
    """Choose the part of each group whose `part` is `len(fractions)`; change and return `part`.

    `classes` is from `_in_stable_order`. If faces are added, groups move to another part only at
    the bounds of a part, or if new faces join two groups.
    """
    for chosen, sizes in classes:
        held = np.bincount(part[chosen], weights=sizes, minlength=len(fractions) + 1)[:-1]
        wanted = (fractions * sizes.sum() - held).clip(min=0)
        free = part[chosen] == len(fractions)
        part[chosen[free]] = cut(sizes[free], wanted, (held == 0) & (fractions > 0))
    return part


def cut(sizes: np.ndarray, wanted: np.ndarray, needed: np.ndarray) -> np.ndarray:
    """Return the index of each group's part, (groups,), by the groups' `sizes` in faces.

    The groups fill the parts in order, as close to the `wanted` numbers of faces as whole groups
    allow. A `needed` part has at least one group. Groups larger than the smallest needed part are
    placed last, so that they do not fill a small part.
    """
    count, first = len(sizes), np.cumsum(needed)
    order = np.argsort(sizes > wanted[needed].min(initial=sizes.sum()), kind="stable")
    middles = sizes[order].cumsum() - sizes[order] / 2
    ends = np.searchsorted(middles, wanted.cumsum()[:-1])
    last = (count - first[-1] + first[:-1]).clip(0, count)
    ends = np.minimum(np.maximum(ends, first[:-1]), last)
    part = np.empty(count, dtype=int)
    part[order] = np.searchsorted(ends, np.arange(count), side="right")
    return part


def _in_stable_order(
    samples: pd.DataFrame, group: np.ndarray, by: str, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (groups, numbers of faces) for each class; most of a group's faces decide its class.

    Groups are sorted by a hash of the seed and of the group's alphabetically first person or photo.
    """
    names = samples.subject if by == "subject" else samples.source + ":" + samples.path
    names = names.groupby(group).min()
    digests = names.map(lambda name: hashlib.sha256(f"{seed} {name}".encode()).hexdigest())
    order = digests.argsort().to_numpy()
    counts = np.zeros((len(digests), len(CLASSES)))
    np.add.at(counts, (group, samples.target.to_numpy()), 1)
    for number in range(len(CLASSES)):
        chosen = order[counts[order].argmax(axis=1) == number]
        yield chosen, counts[chosen].sum(axis=1)


def nested(samples: pd.DataFrame, fraction: float, seed: int, by: str) -> np.ndarray:
    """Whether each sample is chosen, (samples,): the first groups, with `fraction` of each class.

    A larger fraction has all samples of a smaller fraction. Each class has at least one group.
    """
    group = groups(samples, by)
    is_taken = np.zeros(group.max() + 1, dtype=bool)
    for chosen, sizes in _in_stable_order(samples, group, by, seed):
        middles = sizes.cumsum() - sizes / 2
        is_taken[chosen] = (middles <= fraction * sizes.sum()) | (np.arange(len(sizes)) == 0)
    return is_taken[group]


def folds(samples: pd.DataFrame, count: int, seed: int, by: str = "subject") -> np.ndarray:
    """Return each sample's fold, from 0, (samples,); raise an InputError if a fold is empty."""
    fold = parts(samples, [1 / count] * count, seed, by)
    if (filled := len(set(fold))) < count:
        raise InputError(
            f"The {len(samples)} faces are of too few people or photos for {count} folds; lower "
            f"`folds`, for example to {filled}."
        )
    return fold


def split(
    samples: pd.DataFrame, settings: SplitSettings, fixed: pd.Series | None = None
) -> pd.DataFrame:
    """Assign each sample to a subset: whole groups (`groups`), the same fraction of each class.

    Added faces move few other faces. The order in each subset is random, and trainings keep it.

    Args:
        samples: one row for each face, with `target` and the columns of `shared`.
        fixed: given subset of each sample, or "". If each is train or test, the validation set is
            drawn from the training set.

    Returns:
        The samples with a column `subset`, subset after subset. If a photo shows people of several
        subsets, only its faces in a given subset, or else in the first of `FILLED`, are kept.
    """
    if samples.empty:
        raise InputError(
            "No face is left to split; read why in the column `reason` of metadata.csv."
        )
    fixed = pd.Series("", index=samples.index) if fixed is None else fixed
    refuse_leaks(samples, fixed, settings)
    group = groups(samples, settings.by, fixed)
    # If `fixed` divides a group, the faces in each subset become a group of their own.
    parts = [group, fixed.where(_is_divided(group, fixed), "")]
    group = pd.MultiIndex.from_arrays(parts).factorize()[0]
    photo, is_fixed = linked(samples, "image"), fixed != ""
    is_divided = _is_divided(photo, fixed)
    # A person without a given subset whose photos all have a given subset is new, or was left out
    # of an earlier split. This person is for training, but is left out on photos of other subsets.
    on_fixed = is_fixed.groupby(photo).transform("any").groupby(group).transform("all")
    fixed = fixed.mask(on_fixed & ~is_fixed.groupby(group).transform("any"), "train")
    if set(fixed) == {"train", "test"}:
        settings = settings.replace(test=0)
        fixed = fixed.replace("train", "")
    fractions = np.array([settings.test, settings.validation, 1])
    fractions[2] -= fractions[:2].sum()
    part = np.full(group.max() + 1, len(FILLED))  # no part yet
    np.minimum.at(part, group, list(map([*FILLED, ""].index, fixed)))
    classes = _in_stable_order(samples, group, settings.by, settings.seed)
    place = pd.Series(_filled(part, fractions, classes)[group], samples.index)
    subset = np.array(FILLED)[place]
    # Keep a photo's faces in one subset alone: a given subset, or else the first of FILLED.
    first = place.where(fixed == "", place - len(FILLED)).groupby(photo).transform("min")
    is_kept = np.where(is_divided, is_fixed, place == first % len(FILLED))
    if left_out := (~is_kept).sum():
        logging.warning(
            "%d of %d faces are left out (shared_photo), because their photo also shows a "
            "person of another subset. `split: {by: image}` keeps them, but divides people.",
            left_out, len(samples),
        )  # fmt: skip
    wanted = {"train": 1, "validation": settings.validation, "test": settings.test}
    empty = [name for name, part in wanted.items() if part > 0 and name not in subset[is_kept]]
    if empty and (fixed != "").all():
        raise InputError(
            f"The subset {empty[0]} has no face, because the table of the photos or `split.from` "
            "puts every face into another subset; assign some faces to this subset."
        )
    if empty:
        by_image = "set `split: {by: image}`, " if settings.by == "subject" else ""
        raise InputError(
            f"The subset {empty[0]} has no face: {len(samples)} faces of {group.max() + 1} people "
            f"are too few. {left_out} faces are left out, because several people are in one photo. "
            f"Add photos of other people, {by_image}or change `filter` or the fractions in `split`."
        )
    counts = pd.Series(subset[is_kept]).value_counts()
    for name in ("validation", "test"):
        is_drawn = is_fixed.any() and name not in set(fixed)
        if is_drawn and counts.get(name, 0) < wanted[name] * len(samples) / 2:
            logging.warning(
                "The given subsets leave %d faces for the subset %s, less than half of `split.%s`. "
                "Its metrics and choices depend on these few faces.", counts[name], name, name,
            )  # fmt: skip
    order = np.random.default_rng(settings.seed).permutation(len(samples))
    shuffled = samples.assign(subset=subset).iloc[order[is_kept[order]]]
    return pd.concat([shuffled[shuffled.subset == name] for name in SUBSETS], ignore_index=True)


def _is_divided(group: np.ndarray, fixed: pd.Series) -> np.ndarray:
    """Whether `fixed` puts each sample's group into several subsets, (samples,) bool."""
    return (fixed.where(fixed != "").groupby(group).transform("nunique") > 1).to_numpy()


def refuse_leaks(samples: pd.DataFrame, fixed: pd.Series, settings: SplitSettings) -> None:
    """Raise an InputError if given subsets divide a person or photo; only log allowed leaks."""
    given = samples.assign(fixed=fixed)[fixed != ""]
    if given.empty:
        return
    given["group"] = linked(given, settings.by)
    subsets = given.groupby("group").fixed.nunique()
    divided = subsets.index[subsets > 1]
    if divided.empty:
        return
    faces = given[given.group == divided[0]].drop_duplicates("fixed").iloc[:2]
    (face, first), (other, second) = zip(faces.id, faces.fixed, strict=True)
    sentence = (
        f"{face} is put into the subset {first} and {other} into {second}, but they must stay "
        f"together. Two subsets share {leaks(in_two_subsets(given, given.fixed), settings.by)} in "
        f"{len(divided)} such groups, so that the metrics can be too high"
    )
    if not settings.allow_leaks:
        raise InputError(
            f"{sentence}. Put each group into one subset, or set `split.by: image` (for people), "
            "`split.near_duplicates: false` (for copies) or `split.allow_leaks: true` (for all)."
        )
    logging.warning("%s; `split.allow_leaks` allows it.", sentence)


def in_two_subsets(samples: pd.DataFrame, subset: pd.Series) -> dict[str, int]:
    """Return the number of values in more than one subset, for each key of `shared`."""
    keys = shared(samples).items()
    return {name: int((subset.groupby(key, sort=False).nunique() > 1).sum()) for name, key in keys}


def leaks(found: dict[str, int], by: str) -> str:
    """Return the leaks that a split must not have, such as `people (2), photos (1)`, or ""."""
    refused = {name: n for name, n in found.items() if n and (name, by) != ("people", "image")}
    return ", ".join(f"{name} ({count:,})" for name, count in refused.items())
