"""What each part of a recipe is worth on the validation set.

Reads the results of leave_one_out.yaml: the predictions for the validation set of each run, whose
names are those of a recipe and a seed, such as `without_mixup-seed1`. Prints the accuracy of each
recipe, the mean over its seeds, and the difference from the recipe `full`, with a 95 % interval of
draws of people and seeds. Holm's procedure corrects for the number of recipes. Unlike in the pages,
two seeds are enough for a verdict: Student's t distribution makes their intervals wide.

    python benchmarks/leave_one_out.py results/wiki
    python benchmarks/leave_one_out.py results/wiki --reference modern --set test
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.append(str(Path(__file__).resolve().parent.parent / "workflow" / "scripts"))

from renet.evaluation import comparison, confidence_intervals, inference_table, weak_slices

SEED = "-seed"  # between the names of a recipe and of a seed
ALPHA = 0.05


def read(results: Path, subset: str) -> tuple[pd.DataFrame, pd.Series]:
    """Whether each run is correct, (faces, runs), and the subject of each face."""
    name = {"test": "inference.csv"}.get(subset, f"inference_{subset}.csv")
    tables = {
        path.parent.name: inference_table.read(path)
        for path in sorted((results / "runs").glob(f"*{SEED}*/{name}"))
    }
    if not tables:
        raise SystemExit(f"{results} has no {name} of a run whose name has {SEED!r}.")
    first, *others = tables.values()
    if not all(table.id.equals(first.id) for table in others):
        raise SystemExit(f"The runs in {results} have not predicted the same faces.")
    return pd.DataFrame({run: table.correct for run, table in tables.items()}), first.subject


def differences(correct: pd.DataFrame, subjects: pd.Series, reference: str) -> pd.DataFrame:
    """Each recipe against the reference, a row each: value, difference, low, high, p, seeds."""
    recipes = correct.T.groupby(lambda run: run.split(SEED)[0]).groups
    recipes = {recipe: runs for recipe, runs in recipes.items() if len(runs) > 1}
    draws = confidence_intervals.subject_draws(subjects)
    drawn = pd.DataFrame(
        [weights @ correct.to_numpy(float) / weights.sum() for weights in draws],
        columns=correct.columns,
    )
    accuracy, base = correct.mean(), list(recipes.pop(reference))
    rows = {}
    for recipe, runs in recipes.items():
        groups = list(runs), base
        row = comparison.recipe_difference(
            [accuracy[group].to_numpy() for group in groups],
            [drawn[group].to_numpy() for group in groups],
            subjects.nunique(),
        )
        rows[recipe] = {**row, "seeds": accuracy[groups[0]].to_numpy()}
    table = pd.DataFrame.from_dict(rows, orient="index").sort_values("difference")
    table["p"], _ = weak_slices.holm(table.p.to_numpy(float))
    return table


def percent(values: np.ndarray) -> str:
    """Accuracies in per cent, with commas between them."""
    return ", ".join(f"{100 * value:.1f}" for value in values)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, help="folder of the results")
    parser.add_argument("--reference", default="full", help="recipe that the others differ from")
    parser.add_argument("--set", default="validation", choices=["validation", "test"])
    arguments = parser.parse_args()
    correct, subjects = read(arguments.results, arguments.set)
    own = correct.loc[:, correct.columns.str.startswith(arguments.reference + SEED)].mean()
    if len(own) < 2:
        raise SystemExit(f"The recipe {arguments.reference} needs runs of two seeds or more.")
    print(f"{arguments.set}: {len(correct):,} faces of {subjects.nunique():,} people\n")
    print("| recipe | accuracy | each seed | difference, points | p (Holm) | verdict |")
    print("| --- | --- | --- | --- | --- | --- |")
    print(f"| {arguments.reference} | {100 * own.mean():.1f} % | {percent(own)} | | | |")
    for recipe, row in differences(correct, subjects, arguments.reference).iterrows():
        interval = f"{100 * row.low:+.1f} to {100 * row.high:+.1f}"
        verdict = "shown" if row.p <= ALPHA else "not shown"
        print(
            f"| {recipe} | {100 * row.value:.1f} % | {percent(row.seeds)} "
            f"| {100 * row.difference:+.1f} ({interval}) | {row.p:.2g} | {verdict} |"
        )


if __name__ == "__main__":
    main()
