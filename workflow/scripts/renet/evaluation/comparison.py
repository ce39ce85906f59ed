"""Runs side by side: the differences of their metrics on one set, and which are significant.

Two runs predict the same faces. Their metrics are therefore dependent, and the test of a difference
is more powerful than the intervals of each run suggest:

- The interval is that of a bootstrap over subjects. Each draw is used for all runs.
- The p-value is that of a permutation test: if two runs do not differ, it does not matter whose
  predictions are whose, so that they can be swapped subject by subject.
- Holm's procedure corrects for all claims about one set.
- A recipe is a group of runs that differ in their seeds alone. A claim about a recipe is also about
  seeds that nobody trained, so that seeds are drawn, too (Owen, The pigeonhole bootstrap, Annals of
  Applied Statistics 1, 2007). Fewer than `FEWEST_SEEDS` are not enough for a claim.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, stats

from renet.common.errors import InputError
from renet.common.imdb_wiki import CLASSES
from renet.evaluation import confidence_intervals, slice_tests
from renet.evaluation.tables import (
    ALPHA,
    BASELINE,
    COMPARISON,
    FEWEST_SEEDS,
    PAIR,
    POWER,
    RECIPE,
    REFERENCE,
)

MAJORITY = "majority class"  # a run that always predicts the majority class of the training set
SWAPS = 9999
SEED = 1  # of the permutations and of the drawn seeds
BATCH_NUMBERS = 2_000_000  # drawn at once


@dataclass(frozen=True)
class Predictions:
    """What all runs make of one set of faces."""

    subjects: pd.Series  # of each face
    targets: np.ndarray  # (faces,)
    correct: pd.DataFrame  # 0 or 1, a row for each face and a column for each run and `MAJORITY`


@dataclass(frozen=True)
class Plan:
    """Which runs are compared by which metric."""

    reference: str
    metric: str
    groups: Sequence[Sequence[str]] = ()  # of runs that differ in their seeds alone


def side_by_side(name: str, runs: dict[str, pd.DataFrame], majority: int) -> Predictions:
    """The predictions of all runs on one set.

    Raises:
        InputError: the runs predicted different faces.
    """
    first = next(iter(runs.values()))
    for run, table in runs.items():
        if not table.id.equals(first.id):
            raise InputError(
                f"The run {run} has predicted other faces of the set {name} than "
                f"{next(iter(runs))}; run infer again for both."
            )
    correct = pd.DataFrame({run: table.correct for run, table in runs.items()})
    correct[MAJORITY] = (first.target == majority).astype(int)
    return Predictions(first.subject, first.target.to_numpy(), correct)


def strata(metric: str, targets: np.ndarray) -> np.ndarray:
    """Masks (strata, faces): the metric is the mean of the accuracies on these parts of the set.

    A class without a face is left out, as in the metrics of a run.
    """
    of_class = [targets == label for label in range(len(CLASSES))]
    masks = {
        "accuracy": [np.ones(len(targets), bool)],
        "balanced_accuracy": [mask for mask in of_class if mask.any()],
        **{f"recall_{name}": [mask] for name, mask in zip(CLASSES, of_class, strict=True)},
    }
    return np.array(masks[metric])


def compare(predictions: Predictions, plan: Plan) -> pd.DataFrame:
    """The table `COMPARISON` of one set, without its column `set`.

    Rows: each run against the reference, each run against the majority class, each recipe against
    that of the reference, and all other pairs of runs, of which nothing is claimed.
    """
    runs = [name for name in predictions.correct if name != MAJORITY]
    others = [name for name in runs if name != plan.reference]
    parts = strata(plan.metric, predictions.targets)
    drawn = _resampled(predictions, parts)
    pairs = [
        *((REFERENCE, name, plan.reference) for name in others),
        *((BASELINE, name, MAJORITY) for name in runs),
        *((PAIR, *pair) for pair in itertools.combinations(others, 2)),
    ]
    rows = [_row(predictions, parts, drawn, pair) for pair in pairs]
    rows += _recipe_rows(predictions, parts, drawn, plan)
    table = pd.DataFrame(rows, columns=[*list(COMPARISON.columns)[1:], "freedom"])
    return _corrected(table.assign(metric=plan.metric))


def _corrected(table: pd.DataFrame) -> pd.DataFrame:
    """The table with Holm's p-values, their significance, and the smallest detectable difference.

    It is without the column `freedom`, the degrees of freedom of each test.
    """
    tested = table.p.notna().to_numpy()
    table["p_holm"] = np.nan
    table["shown"] = pd.array([pd.NA] * len(table), dtype="Int64")
    if tested.any():
        adjusted, _ = slice_tests.holm(table.p[tested].to_numpy(float))
        table.loc[tested, "p_holm"] = adjusted
        table.loc[tested, "shown"] = (adjusted <= ALPHA).astype(int)
    # `detectable` holds the standard error so far; the first test of Holm's procedure decides.
    level = ALPHA / max(1, tested.sum())
    table["detectable"] *= [standard_errors(level, freedom) for freedom in table.freedom]
    return table.drop(columns="freedom")


def standard_errors(level: float, freedom: float = np.inf) -> float:
    """The difference, in standard errors, that is significant with the probability `POWER`.

    The test is two-sided.

    Args:
        level: of the test.
        freedom: degrees of freedom of Student's t, whose standard error is estimated, too; infinite
            for a test whose statistic is taken as normal.
    """
    if not np.isfinite(freedom):
        return stats.norm.isf(level / 2) + stats.norm.ppf(POWER)
    critical = stats.t.isf(level / 2, freedom)
    return optimize.brentq(
        lambda shift: stats.nct.sf(critical, freedom, shift) - POWER, 0, 2 * critical + 10
    )


def values(correct: np.ndarray, parts: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """The metric of each run (runs,), NaN where a stratum has no weight.

    Args:
        correct: (faces, runs).
        parts: as from `strata`.
        weights: of the faces (faces,); None for 1.
    """
    weighted = parts * (1.0 if weights is None else weights)
    with np.errstate(invalid="ignore"):
        return (weighted @ correct / weighted.sum(axis=1, keepdims=True)).mean(axis=0)


def _resampled(predictions: Predictions, parts: np.ndarray) -> pd.DataFrame:
    """The metric of each run, a column, in each draw of subjects, a row."""
    correct = predictions.correct.to_numpy(float)
    draws = confidence_intervals.subject_draws(predictions.subjects)
    table = [values(correct, parts, weights) for weights in draws]
    return pd.DataFrame(table, columns=predictions.correct.columns)


def _row(
    predictions: Predictions, parts: np.ndarray, drawn: pd.DataFrame, pair: tuple[str, str, str]
) -> dict:
    kind, run, other = pair
    correct = predictions.correct[[run, other]].to_numpy(float)
    value, other_value = values(correct, parts)
    differences = (drawn[run] - drawn[other]).to_numpy()
    ((low, high),) = confidence_intervals.percentiles(differences[:, None])
    row = {
        "kind": kind, "run": run, "other": other, "value": value, "other_value": other_value,
        "difference": value - other_value, "low": low, "high": high,
        "p": np.nan, "p_mcnemar": np.nan, "detectable": np.nan, "freedom": np.inf,
    }  # fmt: skip
    if kind != PAIR and np.isfinite(value):
        parts_of_subject = contributions(predictions.subjects, correct, parts)
        row["p"] = swap_test(parts_of_subject)
        if kind == REFERENCE:
            row["detectable"] = np.sqrt((np.diff(parts_of_subject) ** 2).sum())
        if predictions.subjects.is_unique:
            row["p_mcnemar"] = mcnemar(correct)
    return row


def contributions(subjects: pd.Series, correct: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """What each subject adds to the metric of two runs, (subjects, 2); the sums are the metrics."""
    share = (parts / parts.sum(axis=1, keepdims=True)).mean(axis=0)
    number = subjects.factorize()[0]
    added = [np.bincount(number, share * of_run) for of_run in correct.T]
    return np.stack(added, axis=1)


def swap_test(added: np.ndarray) -> float:
    """The two-sided p-value of the difference of two runs, whose predictions are swapped.

    Args:
        added: as from `contributions`. A subject that adds as much to both has no part in the
            test.
    """
    differing = added[added[:, 0] != added[:, 1]]
    if len(differing) < 2:  # one swap changes the sign alone
        return 1.0
    outcome = stats.permutation_test(
        tuple(differing.T),
        lambda one, other, axis: (one - other).sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=SWAPS,
        batch=max(1, BATCH_NUMBERS // len(differing)),
        random_state=np.random.default_rng(SEED),
    )
    return float(outcome.pvalue)


def mcnemar(correct: np.ndarray) -> float:
    """McNemar's exact test of two runs, (faces, 2) of 0 and 1: of faces, not of subjects."""
    first, second = correct.T.astype(bool)
    alone, other_alone = int((first & ~second).sum()), int((second & ~first).sum())
    disagreeing = alone + other_alone
    return float(stats.binomtest(alone, disagreeing).pvalue) if disagreeing else 1.0


def _recipe_rows(
    predictions: Predictions, parts: np.ndarray, drawn: pd.DataFrame, plan: Plan
) -> list[dict]:
    """Each recipe against that of the reference, if both have enough seeds."""
    groups = [list(group) for group in plan.groups if len(group) >= FEWEST_SEEDS]
    metric = values(predictions.correct.to_numpy(float), parts)
    of_run = pd.Series(metric, predictions.correct.columns)
    rows = []
    for base in (group for group in groups if plan.reference in group):
        for group in (one for one in groups if one is not base):
            seeds, draws = ([table[names].to_numpy() for names in (group, base)]
                            for table in (of_run, drawn))  # fmt: skip
            difference = recipe_difference(seeds, draws, predictions.subjects.nunique())
            names = {"run": " ".join(group), "other": " ".join(base)}
            rows.append({"kind": RECIPE, **names, **difference})
    return rows


def recipe_difference(
    seeds: Sequence[np.ndarray], drawn: Sequence[np.ndarray], subjects: int
) -> Mapping[str, float]:
    """The difference of two recipes with an interval and a p-value of Student's t distribution.

    Args:
        seeds: the metric of each seed, (seeds,), of the recipe and of the other one.
        drawn: the metric of each seed in each draw of subjects, (draws, seeds), of both.
        subjects: their number.

    Returns:
        Columns of `COMPARISON`, but with the standard error as `detectable`, and `freedom`, the
        degrees of freedom.
    """
    error, freedom = _standard_error(seeds, drawn, subjects)
    value, other = (float(of_seed.mean()) for of_seed in seeds)
    reach = stats.t.isf((1 - confidence_intervals.CONFIDENCE) / 2, freedom) * error
    difference = value - other
    p_value = 2 * stats.t.sf(abs(difference) / error, freedom) if error > 0 else 1.0
    return {
        "value": value, "other_value": other, "difference": difference,
        "low": difference - reach, "high": difference + reach, "p": float(p_value),
        "p_mcnemar": np.nan, "detectable": error, "freedom": freedom,
    }  # fmt: skip


def _standard_error(
    seeds: Sequence[np.ndarray], drawn: Sequence[np.ndarray], subjects: int
) -> tuple[float, float]:
    """The standard error of the difference of two recipes, and its degrees of freedom.

    The error is that of draws of seeds and subjects. A few drawn seeds vary less than seeds do, by
    (k - 1) / k in their variance for k seeds, which is corrected. The degrees of freedom are those
    of Welch and Satterthwaite, with the subjects as one more component; with few seeds they are
    few, and a difference has to be larger to be significant.
    """
    random = np.random.default_rng(SEED)
    draws, components = [], []
    for of_seed, table in zip(seeds, drawn, strict=True):
        count = len(of_seed)
        mean = table.mean(axis=1, keepdims=True)
        spread = mean + (table - mean) * np.sqrt(count / (count - 1))
        chosen = random.integers(count, size=spread.shape)
        draws.append(np.take_along_axis(spread, chosen, axis=1).mean(axis=1))
        components.append((of_seed.var(ddof=1) / count, count - 1))
    with_subjects = np.nanvar(drawn[0].mean(axis=1) - drawn[1].mean(axis=1), ddof=1)
    components.append((with_subjects, max(1, subjects - 1)))
    squares = sum(variance**2 / free for variance, free in components)
    freedom = sum(variance for variance, _ in components) ** 2 / squares if squares else np.inf
    if subjects == 1:  # the spread of the seeds says nothing of further subjects
        return np.nan, freedom
    return float(np.nanstd(draws[0] - draws[1], ddof=1)), freedom


def summarise(tables: list[pd.DataFrame], plan: Plan, majority: str) -> dict:
    """comparison.json: the plan, and for each set the number of claims and all rows."""
    sets = {}
    for table in tables:
        columns = [column for column in COMPARISON.columns if column not in ("set", "metric")]
        rows = table[columns].astype(object)
        sets[table.set.iloc[0]] = {
            "claims": int(table.p.notna().sum()),
            "rows": rows.where(rows.notna(), None).to_dict("records"),
        }
    return {
        "reference": plan.reference, "metric": plan.metric, "majority_class": majority,
        "recipes": [list(group) for group in plan.groups], "sets": sets,
    }  # fmt: skip


def disagreements(predictions: Predictions, faces: pd.DataFrame) -> pd.DataFrame:
    """The faces on which runs disagree, those that divide them most evenly first.

    Args:
        faces: `id`, `path` and `target` of the faces, in their order.

    Returns:
        These columns, and `correct` (number of runs), `runs` (number of all) and `wrong` (names of
        the runs that are wrong, with spaces between). The index is the position of the face.
    """
    correct = predictions.correct.drop(columns=MAJORITY)
    count = correct.sum(axis=1).astype(int)
    total = correct.shape[1]
    split = np.minimum(count, total - count)
    order = split[split > 0].sort_values(ascending=False, kind="stable").index
    wrong = [" ".join(correct.columns[correct.loc[row] == 0]) for row in order]
    return faces.loc[order, ["id", "path", "target"]].assign(
        correct=count[order], runs=total, wrong=wrong
    )
