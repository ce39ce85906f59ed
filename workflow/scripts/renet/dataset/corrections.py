"""Corrections: a person's verdicts on labels, applied after the faces are split.

The split does not depend on them: each face stays in its subset, so that trainings before and after
a correction are comparable. Columns of the CSV: `id` (of a face, source and row), `gender` (the
right one, or `drop`), and optionally `note`. See `renet.common.user_tables` for the format.
"""

import enum
import logging
from pathlib import Path

import pandas as pd

from renet.common import user_tables
from renet.common.errors import InputError
from renet.dataset.tables import CORRECTED

DROP = "drop"


class Outcome(enum.StrEnum):
    """What became of a correction."""

    CORRECTED = enum.auto()
    CONFIRMED = enum.auto()  # it repeats the label
    DROPPED = enum.auto()
    NO_EFFECT = enum.auto()  # the row is dropped for another reason


def read(file: str | Path) -> pd.DataFrame:
    """Read a table of corrections: `id`, `gender` (0, 1, or NaN to drop the face) and `note`.

    Raises:
        InputError: the file is not such a table, or has an id twice or a gender that is none.
    """
    table = user_tables.read(file, ["id", "gender"], ["note"])
    gender = user_tables.genders(table.gender, file, further=[DROP])
    is_open = gender.isna() & (table.gender.str.lower() != DROP)
    user_tables.refuse(is_open, table.gender, "is no verdict; write female, male or drop", file)
    fault = "is on an earlier line, too; keep one verdict for each id"
    user_tables.refuse(table.id.duplicated(), table.id, fault, file)
    return table.assign(gender=gender)


def correct(
    samples: pd.DataFrame, all_rows: pd.DataFrame, file: Path | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The samples with a person's corrections, and what became of each (`CORRECTED`).

    Args:
        samples: all faces, with `id`, `subset` and `target`.
        all_rows: of the sources, kept or not, with `id`.
        file: the table of corrections; without one, nothing changes.

    Raises:
        InputError: the file is no table of corrections, names no row of the sources, or drops all
            faces of a subset.
    """
    if not file:
        return samples, CORRECTED.frame([])
    given = read(file)
    fault = "is no id of the sources; ids are those of split.csv, such as " + all_rows.id.iloc[0]
    user_tables.refuse(~given.id.isin(all_rows.id), given.id, fault, file)
    remaining, applied = apply(samples, given)
    if emptied := sorted(set(samples.subset) - set(remaining.subset)):
        raise InputError(
            f"{file} drops all faces of the subset {emptied[0]}; drop fewer, or change the section "
            "split."
        )
    return remaining, applied


def apply(samples: pd.DataFrame, given: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Change the labels of faces, and drop faces.

    Args:
        samples: all faces, with `id`, `subset` and `target`.
        given: as from `read`, checked.

    Returns:
        The remaining samples, in the same order; and the table `CORRECTED`, a row for each
        correction.
    """
    faces = samples.set_index("id")
    known = given.id.isin(faces.index)
    recorded = faces.target.reindex(given.id).set_axis(given.index)
    outcome = pd.Series(Outcome.CORRECTED, index=given.index, dtype=object)
    outcome[given.gender == recorded] = Outcome.CONFIRMED
    outcome[given.gender.isna()] = Outcome.DROPPED
    outcome[~known] = Outcome.NO_EFFECT
    table = given.assign(
        subset=faces.subset.reindex(given.id).fillna("").to_numpy(),
        recorded=recorded,
        outcome=outcome,
    )
    changed = table[outcome == Outcome.CORRECTED].set_index("id").gender
    target = samples.id.map(changed).fillna(samples.target).astype(int)
    is_dropped = samples.id.isin(table.id[outcome == Outcome.DROPPED])
    counts = outcome.value_counts()
    logging.info(
        "%d corrections: %s", len(table), ", ".join(f"{n} {name}" for name, n in counts.items())
    )
    return samples.assign(target=target)[~is_dropped], CORRECTED.frame(
        table[list(CORRECTED.columns)].to_dict("records")
    )
