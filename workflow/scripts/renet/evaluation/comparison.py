"""Comparison of runs: differences of their metrics on the same faces, and their significance.

A recipe is a group of at least `FEWEST_SEEDS` runs that differ in their seeds alone. Claims about a
recipe hold for other people and seeds, claims about a run for other people (docs/statistics.md).
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from renet.common.errors import InputError
from renet.evaluation import confidence_intervals
from renet.evaluation.tables import ALPHA, BEST, COMPARISON, FEWEST_SEEDS, RECIPE, REFERENCE

SMALLEST = 1e-9  # a standard error, or a fraction of the noise, below this is a rounding error


def side_by_side(name: str, runs: dict[str, pd.DataFrame], metric: str) -> pd.DataFrame:
    """Return the `contributions` of all runs on a set; raise an InputError if the faces differ."""
    first = next(iter(runs.values()))
    for run, table in runs.items():
        if not table.id.equals(first.id):
            raise InputError(
                f"The runs {run} and {next(iter(runs))} predicted different faces of the set "
                f"{name}; delete inference*.csv of both runs and run the workflow again."
            )
    correct = pd.DataFrame({run: table.correct for run, table in runs.items()})
    targets = first.target if metric == "balanced_accuracy" else None
    return contributions(correct, first.subject, targets)


def compare(
    added: pd.DataFrame,
    reference: str,
    metric: str,
    groups: Sequence[Sequence[str]] = (),
    corrected: Callable[[np.ndarray], np.ndarray] = confidence_intervals.holm,
) -> pd.DataFrame:
    """Return the table `COMPARISON` of a set: recipes or runs against the reference.

    `added` is from `side_by_side` with this metric. Runs of a group differ in their seeds alone.
    """
    recipes = {
        name: tuple(group) for group in groups if len(group) >= FEWEST_SEEDS for name in group
    }
    other = recipes.get(reference, (reference,))
    same = {reference, *(name for group in groups if reference in group for name in group)}
    rows = [
        {
            "kind": REFERENCE if len(recipe) == len(other) == 1 else RECIPE,
            "run": " ".join(recipe), "other": " ".join(other), "metric": metric,
        } | difference(added[[*recipe]].to_numpy(), added[[*other]].to_numpy())
        for recipe in dict.fromkeys(recipes.get(name, (name,)) for name in added)
        if not same.intersection(recipe)
    ]  # fmt: skip
    table = COMPARISON.frame(rows)
    table["p_corrected"] = corrected(table.p.to_numpy(float))
    table["significant"] = (table.p_corrected <= ALPHA).astype("Int64")
    return table


def against_best(added: pd.DataFrame, chosen: str, metric: str) -> pd.DataFrame:
    """Compare each run with the best run, on the set that chose it; return table `COMPARISON`.

    Because the same faces chose the best run, Tukey's correction for all pairs applies (Hochberg
    and Tamhane, 1987).
    """

    def tukey(p_values: np.ndarray) -> np.ndarray:
        ranges = np.sqrt(2) * stats.norm.isf(p_values / 2)
        return stats.studentized_range.sf(ranges, added.shape[1], np.inf)

    return compare(added, chosen, metric, corrected=tukey).assign(kind=BEST)


def contributions(
    correct: pd.DataFrame, subjects: pd.Series, targets: pd.Series | None = None
) -> pd.DataFrame:
    """Return what each subject (row) adds to each run's metric, which is the sum of a column.

    The metric is the accuracy or, with targets, the balanced accuracy. `correct` has 0 or 1.
    """
    classes = np.zeros(len(correct)) if targets is None else targets.to_numpy()
    masks = [classes == label for label in np.unique(classes)]
    weights = np.mean([mask / mask.sum() for mask in masks], axis=0)
    return correct.mul(weights, axis=0).groupby(subjects.to_numpy()).sum()


def difference(run: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """Test the difference of two sides by Student's t; return columns of `COMPARISON`.

    A side is the `contributions` of a recipe, (subjects, seeds), or of one run, (subjects, 1).
    """
    value, other_value = run.sum(axis=0).mean(), other.sum(axis=0).mean()
    gap = value - other_value
    row = {"value": value, "other_value": other_value, "difference": gap}
    error, freedom = standard_error(run, other)
    if error < SMALLEST or len(run) == 1:
        return row | {"p": 1.0}
    reach = stats.t.isf(confidence_intervals.TAIL, freedom) * error
    return row | {
        "low": max(-1.0, gap - reach), "high": min(1.0, gap + reach),
        "p": 2 * stats.t.sf(abs(gap) / error, freedom),
    }  # fmt: skip


def standard_error(run: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Return the standard error of a `difference` (same arguments), and the degrees of freedom.

    Subjects and seeds are random effects. The noise, the variance between seeds of each subject, is
    subtracted from the variance between subjects (Searle, Casella and McCulloch, Variance
    Components, 1992). Degrees of freedom: Satterthwaite, Biometrics Bulletin 2 (1946).
    """
    gaps = run.mean(axis=1) - other.mean(axis=1)  # (subjects,), of mean 0 by the null hypothesis
    seeds = [added for added in (run, other) if added.shape[1] > 1]
    noise = sum(added.var(axis=1, ddof=1).sum() / added.shape[1] for added in seeds)
    people = (gaps**2).sum() - noise
    # A component below the rounding error of the noise counts as zero.
    components = [(people if people > SMALLEST * noise else 0.0, len(gaps) - 1)]
    for added in seeds:
        count = added.shape[1]
        components.append((added.sum(axis=0).var(ddof=1) / count, count - 1))
    variances, freedoms = np.array(components).T
    variance = variances.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.sqrt(variance), variance**2 / (variances**2 / freedoms).sum()
