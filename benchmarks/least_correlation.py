"""What the least correlation of a person's photos changes, in simulated test sets.

    python benchmarks/least_correlation.py

Each person has a normal effect, which is added to the noise of each photo; the more the effect
varies, the more alike are the predictions for photos of one person. The number of photos differs
from person to person. Women and men are equally often predicted correctly. A slice by age has the
photos of some people, a slice by source photos of all people. The script prints, in percent of the
test sets and without and with the least correlation (`LEAST_CORRELATION`): how often the true
accuracy is below or above its interval, the mean width of the interval in points, how often the
genders differ significantly, how often a slice or a gap in a slice is significant although none
differs, and how often a slice is that has 15 points less.
"""

from dataclasses import dataclass

import measuring
import numpy as np
import pandas as pd
from scipy import stats

from renet.evaluation import confidence_intervals, metrics, slices
from renet.evaluation.confidence_intervals import proportion
from renet.evaluation.tables import ALPHA

CORRELATIONS = (0.0, confidence_intervals.LEAST_CORRELATION)
VALUES = 4  # of the slices by age, and of those by source
EVERY = 8  # the slices of every eighth test set are tested, because this takes longer
LOSS = 0.15  # of accuracy in the slice that differs

COLUMNS = [
    "faces/people, concentration", "accuracy", "spread", "true accuracy below", "above", "width",
    "gap", "any slice", "gap of any slice", "slice of 15 points less",
]  # fmt: skip


@dataclass(frozen=True)
class Scenario:
    """The size of a test set, and how its people and photos differ."""

    faces: int
    people: int
    concentration: float  # of the Dirichlet distribution of the photos; lower is more unequal
    accuracy: float
    spread: float = 1.0  # standard deviation of the person's effect; that of a photo's noise is 1

    def sample(self, random: np.random.Generator, loss: float = 0.0) -> pd.DataFrame:
        """Predictions; the photos of the people of the first age lose some accuracy."""
        subject = measuring.people_of_photos(random, self.faces, self.people, self.concentration)
        age, target = random.integers([[VALUES], [2]], size=(2, self.people))[:, subject]
        noise = measuring.noise_of_photos(random, subject, self.spread)
        correct = stats.norm.ppf(self.accuracy - loss * (age == 0)) + noise > 0
        return pd.DataFrame(
            {"subject": subject, "target": target, "correct": correct.astype(int), "age": age,
             "source": random.integers(VALUES, size=self.faces), "p_female": 0.5, "p_male": 0.5}
        )  # fmt: skip


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


def of_slices(faces: pd.DataFrame, worse: pd.DataFrame) -> list[float]:
    """Whether a slice, or a gap, is found where none differs, and the slice that does."""
    same, other = (
        slices.tabulate(one, one[["age", "source"]].astype("category"), "balanced_accuracy")
        for one in (faces, worse)
    )
    return [
        (same.p_holm <= ALPHA).any(),
        (same.gap_p_holm <= ALPHA).any(),
        other.p_holm[(other.slice == "age") & (other.value == "0")].item() <= ALPHA,
    ]


def rates(scenario: Scenario, repeats: int) -> np.ndarray:
    """The mean of each result: a row for each least correlation."""
    random, results = np.random.default_rng(1), []
    for number in range(repeats):
        faces, worse = scenario.sample(random), scenario.sample(random, LOSS)
        for correlation in CORRELATIONS:
            confidence_intervals.LEAST_CORRELATION = correlation
            tests = [np.nan] * 3 if number % EVERY else of_slices(faces, worse)
            results.append(of_set(faces, scenario.accuracy) + tests)
    return np.nanmean(np.reshape(results, (repeats, len(CORRELATIONS), -1)).astype(float), axis=0)


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
