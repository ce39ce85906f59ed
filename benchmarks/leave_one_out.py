"""What each part of a recipe is worth on the validation set.

Reads the results of leave_one_out.yaml: the predictions for the validation set of each run, whose
names are those of a recipe and a seed, such as `without_mixup-seed1`. Prints the accuracy of each
recipe, the mean over its seeds, and the difference from the recipe `full`, with a 95 % interval of
draws of people and seeds. Holm's procedure corrects for the number of recipes. Unlike in the pages,
two seeds are enough for a verdict: Student's t distribution makes their intervals wide.

    python benchmarks/leave_one_out.py results/wiki
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.append(str(Path(__file__).resolve().parent.parent / "workflow" / "scripts"))

from renet.evaluation import comparison, confidence_intervals, weak_slices
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
    """Each recipe against the reference, a row each: value, difference, low, high, p, seeds."""
    recipes = correct.T.groupby(lambda run: run.split(SEED)[0]).groups
    recipes = {recipe: runs for recipe, runs in recipes.items() if len(runs) > 1}
    draws = confidence_intervals.subject_draws(subjects)
    drawn = pd.DataFrame(
        [weights @ correct.to_numpy(float) / weights.sum() for weights in draws],
        columns=correct.columns,
    )
    accuracy, base = correct.mean(), list(recipes.pop(REFERENCE))
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
    correct, subjects = read(parser.parse_args().results)
    own = correct.loc[:, correct.columns.str.startswith(REFERENCE + SEED)].mean()
    print(f"Validation set: {len(correct):,} faces of {subjects.nunique():,} people\n")
    print("| recipe | accuracy | each seed | difference, points | p (Holm) | verdict |")
    print("| --- | --- | --- | --- | --- | --- |")
    print(f"| {REFERENCE} | {100 * own.mean():.1f} % | {percent(own)} | | | |")
    for recipe, row in differences(correct, subjects).iterrows():
        interval = f"{100 * row.low:+.1f} to {100 * row.high:+.1f}"
        verdict = "significant" if row.p <= ALPHA else "not significant"
        print(
            f"| {recipe} | {100 * row.value:.1f} % | {percent(row.seeds)} "
            f"| {100 * row.difference:+.1f} ({interval}) | {row.p:.2g} | {verdict} |"
        )


if __name__ == "__main__":
    main()
