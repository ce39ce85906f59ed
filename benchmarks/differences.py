"""Type I error, coverage and power of differences between trained models and recipes, simulated.

    python benchmarks/differences.py

Predictions for photos of one person are correlated. Some photos are hard for all seeds, and each
seed adds noise to each photo. Where seeds differ, their accuracies have a standard deviation of
about one point. The type I error is measured with two recipes of 90 % accuracy; coverage and power
with recipes of 90 and 88 %.
"""

import itertools

import measuring
import numpy as np
from scipy import stats

from renet.evaluation import comparison
from renet.evaluation.tables import ALPHA

SCENARIOS = ((50, 17), (800, 128), (800, 800))  # faces and people
SPREAD = 0.09  # of the seeds' latent variables, whose variance is 2.5 within a seed
EQUAL, BETTER = (0.9, 0.9), (0.9, 0.88)


def contributions(
    random: np.random.Generator,
    scenario: tuple[int, int],
    accuracy: tuple,
    seeds: int,
    spread: float,
) -> list[np.ndarray]:
    """What each person adds to the accuracy of each seed, (people, seeds), of both recipes."""
    faces, people = scenario
    person = np.concatenate([np.arange(people), random.integers(people, size=faces - people)])
    hard = random.normal(size=people)[person] + random.normal(size=faces)
    added = []
    for of_recipe in accuracy:
        latent = hard + random.normal(0, 0.5**0.5, (seeds, faces))
        latent += random.normal(0, spread, (seeds, 1))
        correct = latent < stats.norm.ppf(of_recipe) * np.sqrt(2.5 + spread**2)
        added.append(np.stack([np.bincount(person, one) for one in correct], axis=1) / faces)
    return added


def significant(accuracy: tuple, *scenario: object, repeats: int = 2000) -> tuple[float, float]:
    """How often a difference is significant, and how often the interval covers the true one."""
    random = np.random.default_rng(1)
    true = accuracy[0] - accuracy[1]
    found = [comparison.difference(*contributions(random, scenario[0], accuracy, *scenario[1:]))
             for _ in range(repeats)]  # fmt: skip
    covered = [row.get("low", -1) <= true <= row.get("high", 1) for row in found]
    return np.mean([row["p"] <= ALPHA for row in found]), np.mean(covered)


def main() -> None:
    """Print the table."""
    measuring.parser(__doc__).parse_args()
    rows = []
    for (faces, people), seeds, spread in itertools.product(SCENARIOS, (1, 3, 5), (0, SPREAD)):
        if seeds > 1 or not spread:
            scenario = (faces, people), seeds, spread
            (error, _), (power, coverage) = (significant(one, *scenario) for one in (EQUAL, BETTER))
            numbers = (f"{100 * number:.1f}" for number in (error, coverage, power))
            rows.append((f"{faces}/{people}", seeds, "yes" if spread else "no", *numbers))
    measuring.print_table(
        ["faces/people", "seeds", "seeds differ", "type I error, %", "coverage, %", "power, %"],
        rows,
    )  # fmt: skip


if __name__ == "__main__":
    main()
