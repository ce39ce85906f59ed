"""The verdict at the head of the pages: how sure it is, and over which runs the best one leads."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from renet.evaluation.tables import OUT_OF_FOLD
from renet.pages.metric_tables import BY_NAME, Metric
from renet.pages.results import DataResults, RunResults


@dataclass(frozen=True)
class Lead:
    """The lead of the best run over the others on the set that chose it."""

    set: str
    others: int  # number of runs of other recipes
    unclear: list[str]  # those of them over which the lead can be chance
    nearest: pd.Series  # row of comparison.csv of the smallest lead, of those if there are
    equal: list[str]  # runs of the same metric, and of a higher log loss


@dataclass(frozen=True)
class Verdict:
    """What the head of a page says of a run, by `run.stated`."""

    run: RunResults
    metric: Metric
    of_new_people: bool  # persons are recorded, and no subset shares one
    above: list[str]  # sets that show that the run is above the baseline, by Holm over them
    not_above: list[str]
    also_chose: bool  # whether the faces of the verdict also chose the run among several
    lead: Lead | None  # on the page over several runs


def of_run(run: RunResults, data: DataResults, seeds: Sequence[Sequence[str]] = ()) -> Verdict:
    """The verdict on a run; `seeds` are groups of runs that differ by their seeds alone."""
    same = {name for group in seeds if run.name in group for name in group}
    metric, stated = BY_NAME[data.choice_metric], run.stated
    found = run.above_baseline(metric.name)
    leaks = run.metrics["leakage"]["in_two_subsets"]
    is_best = not data.of_best.empty and data.of_best.other.iloc[0] == run.name
    return Verdict(
        run=run,
        metric=metric,
        of_new_people=not (any(leaks.values()) or stated.test["unnamed_photos"]),
        above=[name for name, is_above in found.items() if is_above],
        not_above=[name for name, is_above in found.items() if not is_above],
        also_chose=is_best and stated.set == OUT_OF_FOLD,
        lead=_lead(data.of_best, same) if is_best else None,
    )


def _lead(of_best: pd.DataFrame, same: set[str]) -> Lead:
    rows = of_best.sort_values("value", ascending=False, kind="stable")
    others = rows if rows.run.isin(same).all() else rows[~rows.run.isin(same)]
    unclear = others[others.significant != 1]
    return Lead(
        set=rows.set.iloc[0],
        others=len(others),
        unclear=unclear.run.tolist(),
        nearest=(others if unclear.empty else unclear).iloc[0],
        equal=rows.run[np.isclose(rows.value, rows.other_value)].tolist(),
    )


def chosen_run(runs: list[RunResults], data: DataResults) -> RunResults:
    """The best run of all, by the comparison on the same faces where there are several runs."""
    if len(runs) == 1:
        return runs[0]
    return next(run for run in runs if run.name == data.of_best.other.iloc[0])
