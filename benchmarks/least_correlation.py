"""What the least correlation of a person's photos changes, in simulated test sets.

    python benchmarks/least_correlation.py

Each person has a normal effect, which is added to the noise of each photo; the more the effect
varies, the more alike are the predictions for photos of one person. The number of photos differs
from person to person. Women and men are equally often predicted correctly. The script prints, in
percent of the test sets and without and with the least correlation (`LEAST_CORRELATION`): how often
the true accuracy is below or above its interval, the mean width of the interval in points, and how
often the genders differ significantly.
"""

from dataclasses import dataclass

import measuring
import numpy as np
import pandas as pd
from scipy import stats

from renet.evaluation import confidence_intervals, metrics
from renet.evaluation.confidence_intervals import proportion

CORRELATIONS = (0.0, confidence_intervals.LEAST_CORRELATION)
COLUMNS = [
    "faces/people, concentration", "accuracy", "spread", "true accuracy below", "above", "width",
    "gap",
]  # fmt: skip


@dataclass(frozen=True)
class Scenario:
    """The size of a test set, and how its people and photos differ."""

    faces: int
    people: int
    concentration: float  # of the Dirichlet distribution of the photos; lower is more unequal
    accuracy: float
    spread: float = 1.0  # standard deviation of the person's effect; that of a photo's noise is 1

    def sample(self, random: np.random.Generator) -> pd.DataFrame:
        """`subject`, `target` and `correct` of each face."""
        subject = measuring.people_of_photos(random, self.faces, self.people, self.concentration)
        target = random.integers(2, size=self.people)[subject]
        noise = measuring.noise_of_photos(random, subject, self.spread)
        correct = (stats.norm.ppf(self.accuracy) + noise > 0).astype(int)
        return pd.DataFrame({"subject": subject, "target": target, "correct": correct})


SCENARIOS = [
    Scenario(800, 800, 2, 0.97), Scenario(800, 128, 2, 0.88), Scenario(800, 128, 2, 0.97),
    Scenario(800, 128, 0.5, 0.97), Scenario(800, 128, 0.5, 0.97, 0.3),
    Scenario(800, 128, 0.5, 0.97, 2), Scenario(800, 35, 2, 0.97), Scenario(800, 35, 0.5, 0.97),
    Scenario(200, 60, 0.5, 0.93),
]  # fmt: skip


def of_set(faces: pd.DataFrame, accuracy: float) -> list[float]:
    """Whether the interval misses the accuracy on either side, its width, and a gap's finding."""
    low, high = proportion(faces.correct, faces.subject).interval()
    gap = metrics.recall_difference(metrics.by_class(faces))
    return [accuracy < low, accuracy > high, high - low, gap["significant"]]


def rates(scenario: Scenario, repeats: int) -> np.ndarray:
    """The mean of each result: a row for each least correlation."""
    random, results = np.random.default_rng(1), []
    for _ in range(repeats):
        faces = scenario.sample(random)
        for correlation in CORRELATIONS:
            confidence_intervals.LEAST_CORRELATION = correlation
            results.append(of_set(faces, scenario.accuracy))
    return np.mean(np.reshape(results, (repeats, len(CORRELATIONS), -1)).astype(float), axis=0)


def main() -> None:
    """Print the table."""
    parser = measuring.parser(__doc__)
    parser.add_argument("--repeats", type=int, default=1000)
    repeats = parser.parse_args().repeats
    rows = (
        [
            f"{one.faces}/{one.people}, {one.concentration:g}", f"{100 * one.accuracy:.0f}",
            f"{one.spread:g}",
            *(f"{100 * old:.1f}, {100 * new:.1f}" for old, new in rates(one, repeats).T),
        ]
        for one in SCENARIOS
    )  # fmt: skip
    measuring.print_table(COLUMNS, rows)


if __name__ == "__main__":
    main()
