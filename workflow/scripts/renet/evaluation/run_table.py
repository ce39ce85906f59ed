"""Table `RUNS`: the metric of each run on each set, and whether it is above the baseline."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from renet.evaluation import metrics
from renet.evaluation.confidence_intervals import holm
from renet.evaluation.inference_table import OUT_OF_FOLD
from renet.evaluation.summary import ByMetric, SetSummary, Summary
from renet.evaluation.tables import ALPHA, RUN, RUNS, SEEDS

# Columns that runs of several seeds have in common on a set.
ALIKE = ["set", "metric", "faces", "small", "few", "ranked", "baseline", "baseline_class"]


def summaries(
    own: Summary, external: Mapping[str, SetSummary], ranking: str, same_faces: pd.DataFrame
) -> dict[str, SetSummary]:
    """Metrics of a run by set, the set that ranks first.

    Args:
        own: metrics of the run; `external` has the metrics on each external set.
        ranking: the set that chooses the best run.
        same_faces: the run's predictions for the faces of this set that all runs share.
    """
    fitted_on, of_ranking = own.calibration.fitted_on, own.validation
    if ranking != fitted_on:
        of_ranking = SetSummary(**metrics.summarise(same_faces))
    return {ranking: of_ranking, "test": own.test, fitted_on: own.validation, **external}


def rank(summaries: Mapping[str, SetSummary], metric: str) -> list[str]:
    """Runs by their metric on the set that chooses, highest first; ties by the lower loss."""
    # Equal metrics can differ by a float error.
    rounded = {run: round(getattr(summary, metric), 9) for run, summary in summaries.items()}
    return sorted(summaries, key=lambda run: (-rounded[run], summaries[run].loss))


def p_value(name: str, of_set: SetSummary, metric: ByMetric, ranked: int) -> float | None:
    """P-value of a set against its baseline, not corrected for tests on other sets.

    On the out-of-fold set, it is multiplied by the number of ranked runs (Bonferroni). The
    validation set, which chooses the run, and a set of one class make no claim.
    """
    claim = of_set.above_baseline[metric]
    if claim is None or name == "validation":
        return None
    return min(1.0, claim.p * (ranked if name == OUT_OF_FOLD else 1))


def reached(of_set: SetSummary, metric: ByMetric) -> dict:
    """The metric of a set, its interval and its baseline, as columns of `RUNS`."""
    low, high = of_set.intervals[metric] or (None, None)
    return {
        "metric": metric, "faces": of_set.n, "value": getattr(of_set, metric), "low": low,
        "high": high, "baseline": getattr(of_set.majority_baseline, metric),
    }  # fmt: skip


def of_run(
    run: str, sets: Mapping[str, SetSummary], leads: str, metric: ByMetric, ranked: int = 1
) -> pd.DataFrame:
    """Rows of one run, given its metrics by set, and the number of ranked runs.

    The set that leads is one test; the tests on the other sets are corrected by Holm.
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
    """Rows of each group of runs that differ in their seeds alone, from the rows of the runs.

    The value is the mean. It is above the baseline if the value of each run is.
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
