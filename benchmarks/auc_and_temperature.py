"""How often the 95 % intervals of ROC AUC and temperature contain the true value, in simulations.

    python benchmarks/auc_and_temperature.py

Beside the interval of the temperature stands the one before it, Student's t with the number of
people in place of their effective number. Test sets without an interval (one man, or too few
people for a temperature) are left out, and counted. Photos of one person are alike: each person
has a normal effect, which is added to the noise of each photo.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import measuring
import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import expit

from renet.evaluation import calibration
from renet.evaluation.confidence_intervals import auc_interval

TEMPERATURE = 1.5
TRUE_AUCS = (0.87, 0.955, 0.995)


@dataclass(frozen=True)
class Scenario:
    """The size of a test set, and how unequal the numbers of photos per person are."""

    faces: int
    people: int
    concentration: float = 2.0  # of the Dirichlet distribution of the photos; lower is more unequal
    largest: float = 0.0  # part of the photos that one person has; 0: as drawn
    male: float = 0.6  # fraction of the people

    def __str__(self) -> str:
        """`800/128, 2`, and in words if one person has many photos."""
        name = f"{self.faces}/{self.people}, {self.concentration:g}, {self.male:.0%} men"
        return name + f", one person has {self.largest:.0%}" * bool(self.largest)

    def draw(self, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """The person of each face, and its noise, standard normal and alike within a person."""
        person = measuring.people_of_photos(
            random, self.faces, self.people, self.concentration, self.largest
        )
        return person, measuring.noise_of_photos(random, person)


AUC_SCENARIOS = [
    Scenario(50, 17), Scenario(200, 60, 0.5), Scenario(800, 800), Scenario(800, 128),
    Scenario(800, 35), Scenario(800, 35, 0.5),
    *(Scenario(n, n, male=part) for n in (30, 600, 3000) for part in (0.05, 0.2, 0.5)),
]  # fmt: skip
TEMPERATURE_SCENARIOS = [
    Scenario(50, 50), Scenario(200, 30, 2, 0.2), Scenario(221, 40, 0.5), Scenario(800, 800),
    Scenario(800, 128, 0.5), Scenario(800, 35), Scenario(800, 35, 0.5),
]  # fmt: skip


def auc_intervals(
    scenario: Scenario, auc: float, random: np.random.Generator
) -> Iterator[tuple | None]:
    """The interval of the AUC in each simulated set, or None."""
    while True:
        person, noise = scenario.draw(random)
        targets = (random.random(scenario.people) < scenario.male).astype(int)[person]
        if len(set(targets)) == 1:
            continue
        scores = noise + np.sqrt(2) * stats.norm.ppf(auc) * targets
        found = auc_interval(scores, targets, person)
        yield found and (found,)


def temperature_intervals(
    scenario: Scenario, random: np.random.Generator
) -> Iterator[tuple | None]:
    """The two intervals of the temperature in each simulated set, or None."""
    while True:
        person, noise = scenario.draw(random)
        odds = random.normal(0, 2.5, scenario.faces)
        is_likelier = stats.norm.cdf(noise) < expit(np.abs(odds))  # of the two classes
        faces = pd.DataFrame({
            "subject": person, "target": (is_likelier == (odds > 0)).astype(int),
            "p_male": expit(TEMPERATURE * odds), "p_female": expit(-TEMPERATURE * odds),
            "correct": is_likelier.astype(int), "subset": "validation",
        })  # fmt: skip
        found = calibration.temperature_scaling(faces)["interval"]
        before = calibration.fit_temperature(faces, scenario.people)
        yield found and (found, before[1])


def coverage(found: Iterator[tuple | None], truth: float, repeats: int) -> tuple[np.ndarray, ...]:
    """Fraction that contains the truth and mean width of the intervals; fraction without one."""
    drawn = [next(found) for _ in range(repeats)]
    ends = np.array([one for one in drawn if one])  # (sets, intervals, 2)
    holds = ((ends[:, :, 0] <= truth) & (truth <= ends[:, :, 1])).mean(axis=0)
    return holds, (ends[:, :, 1] - ends[:, :, 0]).mean(axis=0), 1 - len(ends) / repeats


def _row(name: str, found: Iterator[tuple | None], truth: float, repeats: int) -> list[str]:
    holds, width, without = coverage(found, truth, repeats)
    values = [f"{100 * one:.1f}, {wide:.3f}" for one, wide in zip(holds, width, strict=True)]
    return [name, *values, f"{100 * without:.1f}"]


def main() -> None:
    """Print both tables."""
    parser = measuring.parser(__doc__)
    parser.add_argument("--repeats", type=int, default=500)
    repeats, random = parser.parse_args().repeats, np.random.default_rng(1)
    rows = [
        _row(f"{auc:g}: {one}", auc_intervals(one, auc, random), auc, repeats)
        for auc in TRUE_AUCS
        for one in AUC_SCENARIOS
    ]
    headings = ["true AUC: faces/people, concentration", "interval", "without one, %"]
    measuring.print_table(headings, rows)
    rows = [
        _row(str(one), temperature_intervals(one, random), TEMPERATURE, 2 * repeats)
        for one in TEMPERATURE_SCENARIOS
    ]
    headings = ["effective number of people", "number of people", "without one, %"]
    measuring.print_table(["temperature: faces/people, concentration", *headings], rows)


if __name__ == "__main__":
    main()
