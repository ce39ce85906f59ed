"""The lead of the best run over the others, for the head of index.html."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Lead:
    """The lead of the best run over the others on the set that chose it."""

    set: str
    unclear: int  # number of runs over which the lead can be chance
    nearest: pd.Series  # row of comparison.csv of the smallest lead, of those if there are
    equal: list[str]  # runs of the same metric, and of a higher log loss


def find_lead(rows: pd.DataFrame, seeds: Sequence[Sequence[str]] = ()) -> Lead | None:
    """The lead by the rows of comparison.csv that have the best run as `other`; None without rows.

    `seeds` are groups of runs that differ by their seeds alone.
    """
    if rows.empty:
        return None
    rows = rows.sort_values("value", ascending=False, kind="stable")
    same = {name for group in seeds if rows.other.iloc[0] in group for name in group}
    others = rows if rows.run.isin(same).all() else rows[~rows.run.isin(same)]
    unclear = others[others.significant != 1]
    return Lead(
        set=rows.set.iloc[0],
        unclear=len(unclear),
        nearest=(others if unclear.empty else unclear).iloc[0],
        equal=rows.run[np.isclose(rows.value, rows.other_value)].tolist(),
    )
