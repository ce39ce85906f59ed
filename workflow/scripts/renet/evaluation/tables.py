"""The CSV tables of predictions and of what is computed from them."""

from typing import Any

from renet.common.imdb_wiki import PROBABILITIES
from renet.common.table import Table
from renet.dataset.tables import SPLIT

# Columns that are taken from the table beside the HDF5 file.
SAMPLE = {
    name: SPLIT.columns[name] for name in ("id", "path", "source", "subject", "subset", "target")
}
ATTRIBUTES = {
    name: SPLIT.columns[name]
    for name in ("age", "year", "face_score", "crop_width", "crop_height", "grey")
}

# inference.csv: one row for each face of an HDF5 file, in its order.
INFERENCE = Table({**SAMPLE, **PROBABILITIES, "predicted": int, "correct": int, **ATTRIBUTES})

EXAMPLES, MISTAKES, HARD_CASES = "examples", "mistakes", "hard_cases"  # galleries of faces

SMALL_SLICE = 30  # faces; the interval of a smaller set or slice is too wide for a statement
FEWEST_PEOPLE = 10  # effective number; conclusions from fewer are about these people alone
FEWEST_INDEPENDENT = 100  # effective number of faces; a choice by fewer is uncertain
FEWEST_OF_CLASS = 10  # faces of each gender in a slice whose recalls are compared
GENDER = "recorded gender"
UNTESTED = ("decade", "face score", "crop size")  # explained by age, colour and source
NOT_COMPARED = (GENDER, "person in the training set", *UNTESTED)  # female and male
ALPHA = 0.05  # probability of a significant result in a family of tests if nothing differs

# slices.csv: one row for each value of each slice; a recall without samples is empty, and so
# are the columns of a test for slices that are not tested. `difference` is to the rest of the set,
# `gap` the recall of male minus that of female.
SLICES = Table(
    {"slice": str, "value": str}
    | dict.fromkeys(("n", "subjects", "n_female", "n_male"), int)
    | dict.fromkeys(
        ("effective_people", "accuracy", "low", "high", "difference", "rest_low", "rest_high",
         "p", "p_holm", "recall_female", "recall_male",
         "gap", "gap_low", "gap_high", "gap_p_holm"), float,
    )
)  # fmt: skip


def is_small(faces: Any, people: Any) -> Any:
    """Whether sets or slices have too few faces or people (their effective number)."""
    return (faces < SMALL_SLICE) | (people < FEWEST_PEOPLE)


REFERENCE, RECIPE, BEST = "reference", "recipe", "best"  # the column `kind`
FEWEST_SEEDS = 3  # for a claim about a recipe

# comparison/comparison.csv: a row for each comparison on a set; what is not defined is empty.
COMPARISON = Table(
    {
        "set": str, "kind": str, "run": str, "other": str, "metric": str, "value": float,
        "other_value": float, "difference": float, "low": float, "high": float, "p": float,
        "p_corrected": float, "significant": "Int64",
    }
)  # fmt: skip

# <fold>-of-<folds>.csv of a run, and of the label audit: the predictions of one fold. Those of all
# folds of a run are one set; its name is also the column `subset` of its inference table.
FOLD = Table({"id": str, **PROBABILITIES})
OUT_OF_FOLD = "out_of_fold"

# learning_curve.csv: the accuracy of a run on the validation set, with its interval, by the number
# of training faces; `change` is the paired difference from the fraction before, with its interval.
LEARNING_CURVE = Table(
    {"run": str, "fraction": float, "faces": int, "subjects": int}
    | dict.fromkeys(("accuracy", "low", "high", "change", "change_low", "change_high"), float)
)
