"""Apply a person's corrections of labels: a CSV with the columns `id`, `gender`, `photo_digest`.

Corrections are applied after the split. Faces stay in their subsets, so that trainings before and
after a correction are comparable. Own photos need `photo_digest`, because files can be replaced.
"""

import enum
import logging
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from renet.common.errors import InputError
from renet.common.imdb_wiki import CLASSES
from renet.dataset.tables import CORRECTED
from renet.metadata import user_tables

DROP = "drop"
COLUMNS = ["id", "gender", "photo_digest", "note"]


class Outcome(enum.StrEnum):
    """Effect of a correction."""

    CORRECTED = enum.auto()
    CONFIRMED = enum.auto()  # the label was already the same
    DROPPED = enum.auto()
    NO_EFFECT = enum.auto()  # the row is dropped for another reason
    OTHER_PHOTO = enum.auto()  # an own photo is gone, or another file has its path


APPLIED = [Outcome.CORRECTED, Outcome.CONFIRMED, Outcome.DROPPED]
NAMED = 10  # corrections without an effect that the log names


def read(file: str | Path) -> pd.DataFrame:
    """Read a table of corrections; `gender` is 0, 1, or NaN to drop the face."""
    table = user_tables.read(file, ["id", "gender"], ["note", "photo_digest"])
    word = table.gender.str.lower()
    gender = word.map(user_tables.GENDERS).astype(float)
    fault = "is not a correction; write female (f, 0), male (m, 1) or drop"
    user_tables.refuse(gender.isna() & (word != DROP), table.gender, fault)
    fault = "is also on an earlier line; keep one correction for each id"
    user_tables.refuse(table.id.duplicated(), table.id, fault)
    return table.assign(gender=gender)


def as_written(file: Path | None) -> list[tuple[str, str]]:
    """Return ("", the CSV header), then (id, CSV line) of each correction."""
    given = read(file) if file else pd.DataFrame(columns=COLUMNS)
    genders = given.gender.map(dict(enumerate(CLASSES))).fillna(DROP)
    text = given.assign(gender=genders)[COLUMNS].to_csv(index=False)
    return list(zip(["", *given.id], text.removesuffix("\n").split("\n"), strict=True))


def correct(
    samples: pd.DataFrame, all_rows: pd.DataFrame, file: Path | None, own: Collection[str] = ()
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the corrected samples, and the table `CORRECTED` of the corrections' outcomes.

    Args:
        all_rows: rows of the sources, kept or dropped.
        own: sources of the user's own photos.
    """
    if not file:
        return samples, CORRECTED.frame([])
    given = read(file)
    is_own = given.id.str.split(":").str[0].isin(own)
    is_gone = ~given.id.isin(all_rows.id)
    fault = "is not an id of the sources; copy an id of split.csv, such as " + all_rows.id.iloc[0]
    user_tables.refuse(is_gone & ~is_own, given.id, fault)
    fault = "is one of your own photos and has no photo_digest; copy it from split.csv"
    user_tables.refuse(is_own & (given.photo_digest == ""), given.id, fault)
    faces = samples.set_index("id").reindex(given.id).set_axis(given.index)
    known = given.id.isin(samples.id)
    outcome = pd.Series(Outcome.CORRECTED, index=given.index, dtype=object)
    outcome[given.gender == faces.target] = Outcome.CONFIRMED
    outcome[given.gender.isna()] = Outcome.DROPPED
    outcome[~known] = Outcome.NO_EFFECT
    has_other = known & (given.photo_digest != "") & (faces.photo_digest != given.photo_digest)
    outcome[is_gone | has_other] = Outcome.OTHER_PHOTO
    table = given.assign(subset=faces.subset.fillna(""), recorded=faces.target, outcome=outcome)
    remaining = samples[~samples.id.isin(table.id[outcome == Outcome.DROPPED])]
    if emptied := sorted(set(samples.subset) - set(remaining.subset)):
        raise InputError(
            f"{file} drops all faces of the subset {emptied[0]}; remove some of these lines."
        )
    stated = ", ".join(f"{(outcome == kind).sum()} {kind}" for kind in APPLIED)
    ids = given.id[~outcome.isin(APPLIED)]
    logging.info("%d of %d corrections are applied: %s", len(given) - len(ids), len(given), stated)
    if len(ids):
        more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
        logging.warning(
            "%d corrections are not applied, because the photo is dropped, gone or replaced: %s%s",
            len(ids), ", ".join(ids[:NAMED]), more,
        )  # fmt: skip
    changed = table[outcome == Outcome.CORRECTED].set_index("id").gender
    target = remaining.id.map(changed).fillna(remaining.target).astype(int)
    return remaining.assign(target=target), table[list(CORRECTED.columns)]
