"""Table `RUNS`: what each run reaches on each set, and where that is above the baseline."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from renet.evaluation import metrics
from renet.evaluation.confidence_intervals import holm
from renet.evaluation.inference_table import OUT_OF_FOLD
from renet.evaluation.tables import ALPHA, RUN, RUNS, SEEDS


def summaries(
    own: dict, external: Mapping[str, dict], ranking: str, same_faces: pd.DataFrame
) -> dict[str, dict]:
    """Metrics of a run by set, as from `metrics.summarise`; first of the set that ranks.

    Args:
        own: metrics.json of the run; `external` has its section `test` on each external set.
        ranking: the set that chooses the best run.
        same_faces: the run's predictions for the faces of it that all runs share.
    """
    fitted_on, of_ranking = own["calibration"]["fitted_on"], own["validation"]
    if ranking != fitted_on:
        of_ranking = metrics.summarise(same_faces)
    return {ranking: of_ranking, "test": own["test"], fitted_on: own["validation"], **external}


def rank(summaries: Mapping[str, dict], metric: str) -> list[str]:
    """Runs by their metric on the set that chooses, highest first; equal ones by their loss."""
    rounded = {run: round(one[metric], 9) for run, one in summaries.items()}  # of float errors
    return sorted(summaries, key=lambda run: (-rounded[run], summaries[run]["loss"]))


def p_value(name: str, of_set: dict, metric: str, ranked: int) -> float | None:
    """P-value of a set against its baseline, as if no other set were tested.

    The out-of-fold set also ranked so many runs, any of which could have been the best (Bonferroni).
    No claim is made by the validation set, which chooses the run, and by a set of one class.
    """
    claim = of_set["above_baseline"][metric]
    if claim is None or name == "validation":
        return None
    return min(1.0, claim["p"] * (ranked if name == OUT_OF_FOLD else 1))


def of_run(
    run: str, sets: Mapping[str, dict], leads: str, metric: str, ranked: int = 1
) -> pd.DataFrame:
    """Rows of one run, given its metrics by set, and the number of runs that were ranked.

    The set that leads is one test; the others are corrected by Holm.
    """
    tests = {name: p_value(name, of_set, metric, ranked) for name, of_set in sets.items()}
    p = pd.Series(tests, dtype=float).dropna()
    corrected, others = p.copy(), p.index != leads
    corrected[others] = holm(p[others].to_numpy())
    table = RUNS.frame(
        {
            "set": name, "kind": RUN, "run": run, "metric": metric, "faces": of_set["n"],
            "small": of_set["small"], "few": of_set["few"], "leads": name == leads,
            "value": of_set[metric], "baseline": of_set["majority_baseline"][metric],
            "baseline_class": of_set["majority_baseline"]["class"],
            **dict(zip(("low", "high"), of_set["intervals"][metric], strict=True)),
            "ranked": ranked if name == OUT_OF_FOLD else 1,
            "p": p.get(name, np.nan), "p_corrected": corrected.get(name, np.nan),
        }
        for name, of_set in sets.items()
    )  # fmt: skip
    table["above"] = (table.p_corrected <= ALPHA).astype("Int64").mask(table.p.isna())
    return table


def of_seeds(runs: pd.DataFrame, groups: Sequence[Sequence[str]]) -> pd.DataFrame:
    """Rows of each group of runs that differ in their seeds alone, by the rows of the runs.

    The value is the mean. It is above the baseline if that of each run is.
    """
    rows = []
    for group in groups:
        for _, of_set in runs[runs.run.isin(group)].groupby("set", sort=False):
            alike = of_set[["set", "metric", "faces", "small", "few", "baseline", "baseline_class", "ranked"]].iloc[0]
            rows.append({
                **alike, "kind": SEEDS, "run": " ".join(of_set.run), "leads": of_set.leads.min(),
                "value": of_set.value.mean(), "deviation": of_set.value.std(),
                "above": of_set.above.min(skipna=False),
            })  # fmt: skip
    return RUNS.frame(rows)
