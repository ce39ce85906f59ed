"""95 % confidence intervals that allow for several photos of a person, which are not independent.

docs/statistics.md has the formulas, benchmarks/README.md the coverage in simulations.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

from renet.metadata.subjects import effective_number

CONFIDENCE = 0.95
TAIL = (1 - CONFIDENCE) / 2  # probability on each side of an interval
LARGEST_AUC = 1 - 1e-9  # an interval's low end is below it, also for an AUC of 1
LEAST_PEOPLE = 1.5  # effective number; fewer people say nothing about other people
LEAST_CORRELATION = 0.1  # lowest assumed correlation of a person's photos; few errors show none
SMALLEST_SIZE = 1e-6
SMALLEST_TAIL, LARGEST_TAIL = 1e-12, 0.49  # for the search of a p-value


@dataclass(frozen=True)
class Proportion:
    """Fraction of a set's predictions that are correct, as an estimate for other people."""

    value: float
    faces: int
    people: float  # effective number
    design_effect: float  # variance over people (as independent units) / variance over faces

    def effective_size(self, tail: float = TAIL) -> float:
        """Return the number of independent faces whose interval is as wide as `interval(tail)`.

        The number is corrected for the degrees of freedom, people minus 1 (Korn and Graubard,
        Survey Methodology 24, 1998). With fewer people than `LEAST_PEOPLE`, it is 0.
        """
        if self.people < LEAST_PEOPLE:
            return 0.0
        of_faces, of_people = special.stdtrit([self.faces - 1, self.people - 1], tail)
        return float(self.faces / self.design_effect * (of_faces / of_people) ** 2)

    def interval(self, tail: float = TAIL) -> tuple[float, float]:
        """Return Clopper and Pearson's interval for `effective_size` faces (Korn and Graubard)."""
        return clopper_pearson(self.value, self.effective_size(tail), tail)


def proportion(correct: np.ndarray | pd.Series, subjects: np.ndarray | pd.Series) -> Proportion:
    """Estimate the fraction of correct predictions; `correct` has 0 or 1 for at least one face."""
    correct, number = np.asarray(correct, float), pd.factorize(subjects)[0]
    value, faces, people = float(correct.mean()), len(correct), effective_number(number)
    effect = faces / people  # if the photos of a person are all predicted alike
    if 0 < value < 1 and people > 1:
        squares = (np.bincount(number, correct - value) ** 2).sum()
        clustered = people / (people - 1) * squares / faces**2
        least = 1 + LEAST_CORRELATION * (faces / people - 1)
        effect = max(least, clustered * (faces - 1) / (value * (1 - value)))
    return Proportion(value, faces, people, float(effect))


def clopper_pearson(value: float, size: float, tail: float = TAIL) -> tuple[float, float]:
    """Return the exact interval of a fraction of `size` independent faces; (0, 1) without faces."""
    if size < SMALLEST_SIZE:
        return 0.0, 1.0
    right, wrong = value * size, (1 - value) * size
    low = special.betaincinv(right, wrong + 1, tail) if right else 0.0
    high = special.betaincinv(right + 1, wrong, 1 - tail) if wrong else 1.0
    return float(low), float(high)


def combination(
    weights: Sequence[float],
    parts: Sequence[Proportion],
    tail: float = TAIL,
    correlation: float = 0.0,
) -> tuple[float, float]:
    """Return the interval of a weighted sum of proportions, from the interval of each proportion.

    With the weights 1 and -1, this is Newcombe's interval of a difference (method 10, Statistics in
    Medicine 17, 1998); with other weights, its generalisation (MOVER: Zou, Huang and Zhang,
    Statistics in Medicine 28, 2009). `correlation` is the correlation of two proportions.
    """
    values = np.array(weights) * [part.value for part in parts]
    ends = np.sort(np.array(weights)[:, None] * [part.interval(tail) for part in parts], axis=1)
    reach = np.abs(ends - values[:, None])  # each part's distance below and above its value
    between = 2 * correlation * np.prod(np.sign(weights)) * np.prod(reach, axis=0)
    below, above = np.sqrt((reach**2).sum(axis=0) + between)
    return float(values.sum() - below), float(values.sum() + above)


def difference_p_value(weights: Sequence[float], parts: Sequence[Proportion]) -> float:
    """Return the two-sided p-value of the hypothesis that a weighted sum of proportions is 0."""
    signed = np.array(weights) * np.sign(np.dot(weights, [part.value for part in parts]))
    return p_value(lambda tail: combination(signed, parts, tail)[0])


def p_value(low_end: Callable[[float], float]) -> float:
    """Return the two-sided p-value: twice the tail at which an interval's lower end is 0."""
    if low_end(LARGEST_TAIL) <= 0:
        return 1.0
    if low_end(SMALLEST_TAIL) > 0:
        return 2 * SMALLEST_TAIL
    return 2 * float(optimize.brentq(low_end, SMALLEST_TAIL, LARGEST_TAIL))


def auc_interval(
    scores: np.ndarray, targets: np.ndarray, subjects: np.ndarray | pd.Series
) -> tuple[float, float] | None:
    """Return the interval of the ROC AUC; None for few people of a class.

    The variance is by Newcombe's method 5 (Statistics in Medicine 25, 2006), times a design
    effect: DeLong's variance over people (Obuchowski, Biometrics 53, 1997) divided by the variance
    over faces. Student's t has the degrees of freedom of the class with fewer people.
    """
    is_male, people = targets == 1, effective_number(subjects)
    fewest = min(effective_number(subjects[inside]) for inside in (is_male, ~is_male))
    own_class = np.where(is_male, is_male.sum(), (~is_male).sum())
    lower = stats.rankdata(scores)  # after the loop: number of lower scores in the other class
    for inside in (is_male, ~is_male):
        lower[inside] -= stats.rankdata(scores[inside])
    fraction = lower / (len(scores) - own_class)
    right = np.where(is_male, fraction, 1 - fraction)  # of each face's pairs, the correctly ranked
    auc = right[is_male].mean()
    if fewest < LEAST_PEOPLE:
        return None
    added, effect = (right - auc) / own_class, len(scores) / people
    if added.any():
        clustered = (np.bincount(pd.factorize(subjects)[0], added) ** 2).sum()
        least = 1 + LEAST_CORRELATION * (effect - 1)
        effect = max(least, clustered * people / (people - 1) / (added**2).sum())
    half = len(scores) / 2 - 1  # in place of both numbers of faces minus 1
    scale = stats.t.isf(TAIL, fewest - 1) ** 2 * effect / np.prod(np.bincount(is_male))

    def excess(bound: float) -> float:
        pairs = (1 - bound) / (2 - bound) + bound / (1 + bound)
        return (bound - auc) ** 2 - scale * bound * (1 - bound) * (1 + half * pairs)

    low = optimize.brentq(excess, 0, min(auc, LARGEST_AUC)) if auc else 0.0
    high = optimize.brentq(excess, max(auc, 1 - LARGEST_AUC), 1) if auc < 1 else 1.0
    return float(low), float(high)


def holm(p_values: np.ndarray) -> np.ndarray:
    """Adjust p-values by Holm's procedure (Scandinavian Journal of Statistics 6, 1979)."""
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(len(p_values))
    divisors = np.arange(len(p_values), 0, -1)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(divisors * p_values[order]))
    return adjusted
