"""How often a test set shows a difference between groups of people, by its faces and people.

    python benchmarks/power.py

Photos of one person are alike: each person has a normal effect, which is added to the noise of each
photo. In one half of the simulated test sets, women are predicted correctly so many points less
often than men (95 %), in the other half a tenth of the people than the others. The script prints,
in percent of the sets, how often this group is significantly below the others by balanced accuracy,
as one of ten that are tested, and after the slash, how often the recalls differ significantly. In
the last column nothing differs, but in the group 85 % are men, of the others 60 %.
"""

import measuring
import numpy as np
import pandas as pd
from scipy import stats

from renet.evaluation import metrics
from renet.evaluation.confidence_intervals import TAIL, combination, proportion
from renet.evaluation.tables import FEWEST_OF_CLASS, is_small

SIZES = ((50, 50), (100, 100), (400, 100), (800, 128), (800, 800), (3000, 3000))  # faces, people
GAPS = (3, 5, 10, 15, 20, 30)  # points
RECALL, MALE, GROUPS = 0.95, 0.6, 10


def sample(
    random: np.random.Generator, size: tuple[int, int], *, women=0.0, group=0.0, male=MALE
) -> pd.DataFrame:
    """Faces with these losses of recall, of women and of a group with this fraction of men."""
    subject = measuring.people_of_photos(random, *size, concentration=2.0)
    inside = random.random(size[1]) < 1 / GROUPS
    target = (random.random(size[1]) < np.where(inside, male, MALE)).astype(int)[subject]
    recall = RECALL - women * (target == 0) - group * inside[subject]
    correct = stats.norm.ppf(recall) + measuring.noise_of_photos(random, subject) > 0
    columns = {"subject": subject, "target": target, "correct": correct * 1}
    return pd.DataFrame(columns | {"inside": inside[subject]})


def is_named(faces: pd.DataFrame) -> bool:
    """Whether the group is significantly below the others, if Bonferroni corrects ten tests."""
    sides = [faces[faces.inside], faces[~faces.inside]]
    parts = [part for side in sides for part in metrics.by_class(side).values()]
    if len(parts) < 4 or min(part.faces for part in parts) < FEWEST_OF_CLASS:
        return False
    wholes = [proportion(side.correct, side.subject) for side in sides]
    if any(is_small(one.faces, one.people) for one in wholes):
        return False
    return combination((0.5, 0.5, -0.5, -0.5), parts, TAIL / GROUPS)[1] < 0


def has_gap(faces: pd.DataFrame) -> bool:
    """Whether the recalls of women and men differ significantly."""
    return metrics.recall_difference(metrics.by_class(faces))["significant"]


def main() -> None:
    """Print the table."""
    parser = measuring.parser(__doc__)
    parser.add_argument("--repeats", type=int, default=500)
    repeats = parser.parse_args().repeats

    def rate(found, size, **differences) -> str:
        random = np.random.default_rng(1)
        sets = (sample(random, size, **differences) for _ in range(repeats))
        return f"{100 * np.mean([found(faces) for faces in sets]):.0f}"

    rows = (
        [f"{size[0]:,}/{size[1]:,}",
         *(f"{rate(is_named, size, group=gap / 100)}/{rate(has_gap, size, women=gap / 100)}"
           for gap in GAPS),
         f"{rate(is_named, size, male=0.85)}/{rate(has_gap, size)}"]
        for size in SIZES
    )  # fmt: skip
    measuring.print_table(["faces/people", *(f"{gap} points" for gap in GAPS), "none"], rows)


if __name__ == "__main__":
    main()
