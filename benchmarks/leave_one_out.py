"""The effect of each part of a recipe on the accuracy on the validation set.

    python benchmarks/leave_one_out.py results/wiki

The script reads the results of leave_one_out.yaml: the predictions of each run for the validation
set. The name of a run is that of a recipe and a seed, such as `without_mixup-seed1`. The script
prints the accuracy of each recipe (the mean over its seeds) and the difference from the recipe
`full`, with a 95 % interval over people and seeds. Holm's procedure corrects for the number of
recipes. Two seeds are enough for a test here, but not in the pages; Student's t distribution makes
the intervals of two seeds wide.
"""

from pathlib import Path

import measuring
import numpy as np
import pandas as pd

from renet.evaluation import comparison, slice_tests
from renet.evaluation.tables import ALPHA, INFERENCE

REFERENCE = "full"  # the recipe that the others differ from
SEED = "-seed"  # between the names of a recipe and of a seed
PREDICTIONS = "inference_validation.csv"


def read(results: Path) -> tuple[pd.DataFrame, pd.Series]:
    """Whether each prediction is correct, (faces, runs), and the subject of each face."""
    tables = {
        path.parent.name: INFERENCE.read(path)
        for path in sorted((results / "runs").glob(f"*{SEED}*/{PREDICTIONS}"))
    }
    if sum(run.startswith(REFERENCE + SEED) for run in tables) < 2:
        raise SystemExit(f"{results} lacks {PREDICTIONS} of two seeds of the recipe {REFERENCE}.")
    first, *others = tables.values()
    if not all(table.id.equals(first.id) for table in others):
        raise SystemExit(f"The runs in {results} have not predicted the same faces.")
    return pd.DataFrame({run: table.correct for run, table in tables.items()}), first.subject


def differences(correct: pd.DataFrame, subjects: pd.Series) -> pd.DataFrame:
    """Each recipe of two seeds against the reference: columns of `comparison.difference`."""
    no_targets = np.zeros(len(subjects))  # the accuracy needs none
    predictions = comparison.Predictions(subjects, no_targets, correct)
    added = comparison.contributions(predictions, "accuracy")
    recipe = correct.columns.str.split(SEED).str[0]
    rows = {
        name: comparison.difference(
            *(added.loc[:, recipe == one].to_numpy() for one in (name, REFERENCE))
        )
        for name in recipe[recipe.duplicated()].unique().drop(REFERENCE)
    }
    table = pd.DataFrame.from_dict(rows, orient="index").sort_values("difference")
    table["p"] = slice_tests.holm(table.p.to_numpy(float))
    return table


def main() -> None:
    """Print the table."""
    parser = measuring.parser(__doc__)
    parser.add_argument("results", type=Path, help="folder of the results")
    correct, subjects = read(parser.parse_args().results)

    def of_recipe(name: str) -> list[str]:
        """The columns of its name, its mean accuracy and that of each seed."""
        values = 100 * correct.loc[:, correct.columns.str.startswith(name + SEED)].mean()
        return [name, f"{values.mean():.1f} %", ", ".join(f"{value:.1f}" for value in values)]

    print(f"Validation set: {len(correct):,} faces of {subjects.nunique():,} people\n")
    rows = [[*of_recipe(REFERENCE), "", "", ""]]
    for recipe, row in differences(correct, subjects).iterrows():
        interval = f"{100 * row.low:+.1f} to {100 * row.high:+.1f}"
        significance = "significant" if row.p <= ALPHA else "not significant"
        difference = f"{100 * row.difference:+.1f} ({interval})"
        rows.append([*of_recipe(recipe), difference, f"{row.p:.2g}", significance])
    columns = ["recipe", "accuracy", "each seed", "difference, points", "p (Holm)", "significance"]
    measuring.print_table(columns, rows)


if __name__ == "__main__":
    main()
