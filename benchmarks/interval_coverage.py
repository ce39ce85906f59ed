"""How often the 95 % intervals contain the true value, in simulated test sets.

    python benchmarks/interval_coverage.py

The number of photos differs from person to person. The predictions for photos of one person are
correlated: each person has a normal effect, which is added to the noise of each photo. Women and
men have different recalls, or the same. The script prints the coverage, in percent, of the
intervals on the pages, and of one on the number of faces, which takes photos as independent.
"""

from dataclasses import dataclass

import measuring
import numpy as np
import pandas as pd
from scipy import stats

from renet.evaluation import metrics
from renet.evaluation.confidence_intervals import TAIL, clopper_pearson, combination, proportion

RECALLS = ((0.80, 0.95), *((one, one) for one in (0.80, 0.95, 0.97, 0.995)))  # of female and male
FEMALE = 0.4  # fraction of the people


@dataclass(frozen=True)
class Scenario:
    """The size of a test set, and how unequal the numbers of photos per person are."""

    faces: int
    people: int
    concentration: float = 2.0  # of the Dirichlet distribution of the photos; lower is more unequal

    def sample(self, random: np.random.Generator, recalls: tuple[float, float]) -> pd.DataFrame:
        """`subject`, `target` and `correct` of each face."""
        subject = measuring.people_of_photos(random, self.faces, self.people, self.concentration)
        target = (random.random(self.people) >= FEMALE).astype(int)[subject]
        noise = measuring.noise_of_photos(random, subject)
        correct = (stats.norm.ppf(recalls)[target] + noise > 0).astype(int)
        return pd.DataFrame({"subject": subject, "target": target, "correct": correct})


SCENARIOS = [
    Scenario(30, 30), Scenario(50, 17), Scenario(100, 100), Scenario(1000, 1000),
    Scenario(800, 128), Scenario(800, 128, 0.5), Scenario(1000, 35), Scenario(1000, 35, 0.5),
]  # fmt: skip


def intervals(faces: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """The interval of each quantity in one sample."""
    accuracy = proportion(faces.correct, faces.subject)
    parts = [proportion(part.correct, part.subject) for _, part in faces.groupby("target")]
    _, lead_interval = metrics.over_baseline(faces, 1)
    return {
        "accuracy": accuracy.interval(),
        "accuracy, by faces": clopper_pearson(accuracy.value, accuracy.faces),
        "recall of female": parts[0].interval(),
        "recall of male": parts[1].interval(),
        "balanced accuracy": combination((0.5, 0.5), parts),
        "male - female": combination((-1, 1), parts),
        "accuracy - baseline": lead_interval(TAIL),
    }


def coverage(
    scenario: Scenario, repeats: int, recalls: tuple[float, float] = RECALLS[0]
) -> dict[str, float]:
    """The fraction of samples with both genders whose intervals contain the true values."""
    accuracy = np.dot((FEMALE, 1 - FEMALE), recalls)
    truth = {
        "accuracy": accuracy,
        "accuracy, by faces": accuracy,
        "recall of female": recalls[0],
        "recall of male": recalls[1],
        "balanced accuracy": np.mean(recalls),
        "male - female": recalls[1] - recalls[0],
        "accuracy - baseline": accuracy - (1 - FEMALE),
    }
    random, holds = np.random.default_rng(1), []
    while len(holds) < repeats:
        faces = scenario.sample(random, recalls)
        if faces.target.nunique() == len(recalls):
            found = intervals(faces)
            bounds = [(*found[name], value) for name, value in truth.items()]
            holds.append([low <= value <= high for low, high, value in bounds])
    return dict(zip(truth, np.mean(holds, axis=0), strict=True))


def main() -> None:
    """Print the table: in each cell the coverage by `RECALLS`."""
    parser = measuring.parser(__doc__)
    parser.add_argument("--repeats", type=int, default=1000)
    repeats = parser.parse_args().repeats
    rows = []
    for scenario in SCENARIOS:
        found = pd.DataFrame(coverage(scenario, repeats, recalls) for recalls in RECALLS)
        cells = [" ".join(f"{100 * one:.1f}" for one in found[name]) for name in found]
        rows.append([f"{scenario.faces}/{scenario.people}, {scenario.concentration:g}", *cells])
    measuring.print_table(["faces/people, concentration", *found], rows)


if __name__ == "__main__":
    main()
