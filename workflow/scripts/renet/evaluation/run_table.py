"""Table `RUNS`: the metric of each run on each set, and whether it is above the baseline."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from renet.evaluation import metrics
from renet.evaluation.confidence_intervals import holm
from renet.evaluation.inference_table import OUT_OF_FOLD
from renet.evaluation.summary import ByMetric, SetSummary, Summary
from renet.evaluation.tables import ALPHA, RUN, RUNS, SEEDS

# Columns in which runs that differ in their seeds alone have equal values on a set.
ALIKE = ["set", "metric", "faces", "small", "few", "ranked", "baseline", "baseline_class"]


def summaries(
    own: Summary, external: Mapping[str, SetSummary], ranking: str, same_faces: pd.DataFrame
) -> dict[str, SetSummary]:
    """Return the metrics of a run by set; the set `ranking` comes first.

    Args:
        own: metrics of the run; `external` has the metrics on each external set.
        ranking: the set that chooses the best run.
        same_faces: the run's predictions for the faces of `ranking` that all runs share.
    """
    fitted_on, of_ranking = own.calibration.fitted_on, own.validation
    if ranking != fitted_on:
        of_ranking = SetSummary(**metrics.summarise(same_faces))
    return {ranking: of_ranking, "test": own.test, fitted_on: own.validation, **external}


def rank(summaries: Mapping[str, SetSummary], metric: str) -> list[str]:
    """Return the runs, sorted by metric (highest first), and equal runs by loss (lowest first)."""
    # Equal metrics can differ by a rounding error.
    rounded = {run: round(getattr(summary, metric), 9) for run, summary in summaries.items()}
    return sorted(summaries, key=lambda run: (-rounded[run], summaries[run].loss))


def p_value(name: str, of_set: SetSummary, metric: ByMetric, ranked: int) -> float | None:
    """Return the p-value of a set against its baseline, not corrected for tests on other sets.

    On the out-of-fold set, the p-value is multiplied by the number of ranked runs (Bonferroni). It
    is None on the validation set, which chooses the best run, and on a set of one class.
    """
    claim = of_set.above_baseline[metric]
    if claim is None or name == "validation":
        return None
    return min(1.0, claim.p * (ranked if name == OUT_OF_FOLD else 1))


def reached(of_set: SetSummary, metric: ByMetric) -> dict:
    """Return columns of `RUNS`: a set's metric with its interval, and the baseline's metric."""
    low, high = of_set.intervals[metric] or (None, None)
    return {
        "metric": metric, "faces": of_set.n, "value": getattr(of_set, metric), "low": low,
        "high": high, "baseline": getattr(of_set.majority_baseline, metric),
    }  # fmt: skip


def of_run(
    run: str, sets: Mapping[str, SetSummary], leads: str, metric: ByMetric, ranked: int = 1
) -> pd.DataFrame:
    """Return the rows of `RUNS` for one run, given its metrics by set.

    Holm's procedure corrects the p-values of all sets but the leading set, `leads`. `ranked` is the
    number of runs that the out-of-fold set ranks.
    """
    tests = {name: p_value(name, of_set, metric, ranked) for name, of_set in sets.items()}
    p = pd.Series(tests, dtype=float).dropna()
    corrected, others = p.copy(), p.index != leads
    corrected[others] = holm(p[others].to_numpy())
    table = RUNS.frame(
        {
            **reached(of_set, metric),
            "set": name, "kind": RUN, "run": run, "small": of_set.small, "few": of_set.few,
            "leads": name == leads, "baseline_class": of_set.majority_baseline.majority,
            "ranked": ranked if name == OUT_OF_FOLD else 1,
            "p": p.get(name, np.nan), "p_corrected": corrected.get(name, np.nan),
        }
        for name, of_set in sets.items()
    )  # fmt: skip
    table["above"] = (table.p_corrected <= ALPHA).astype("Int64").mask(table.p.isna())
    return table


def of_seeds(runs: pd.DataFrame, groups: Sequence[Sequence[str]]) -> pd.DataFrame:
    """Return rows of `RUNS` for groups of runs that differ in their seeds alone, one for each set.

    `value` is the mean of the runs' values; `above` is 1 if all runs are above the baseline.
    """
    rows = []
    for group in groups:
        for _, of_set in runs[runs.run.isin(group)].groupby("set", sort=False):
            alike = of_set[ALIKE].iloc[0]
            rows.append({
                **alike, "kind": SEEDS, "run": " ".join(of_set.run), "leads": of_set.leads.min(),
                "value": of_set.value.mean(), "deviation": of_set.value.std(),
                "above": of_set.above.min(skipna=False),
            })  # fmt: skip
    return RUNS.frame(rows)
