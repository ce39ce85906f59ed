"""CSV tables that are computed from predictions, and the smallest sets for conclusions."""

from typing import Any

from renet.common.table import Table

SMALL_SLICE = 30  # faces; the interval of a smaller set or slice is too wide for a statement
FEWEST_PEOPLE = 10  # effective number; conclusions from fewer people hold for these people alone
FEWEST_INDEPENDENT = 100  # effective number of faces; a choice by fewer faces is uncertain
FEW_FACES = 100  # with fewer test faces, the out-of-fold set of a run with folds leads
FEWEST_OF_CLASS = 10  # faces of each gender in a slice whose recalls are compared
GENDER = "recorded gender"
UNTESTED = (GENDER, "decade", "face score", "crop size")  # the genders have a test of their own
NOT_COMPARED = ("person in the training set", *UNTESTED)  # recalls of female and male
ALPHA = 0.05  # probability of a significant result in a family of tests if nothing differs

# slices.csv: one row for each value of each slice. A recall without samples is empty, and so are
# the columns of a test that was not made. `difference` is the metric minus the metric of all other
# faces of the set, `gap` is the recall of male minus the recall of female.
SLICES = Table(
    {"slice": str, "value": str}
    | dict.fromkeys(("n", "subjects", "n_female", "n_male", "small"), int)
    | dict.fromkeys(
        ("effective_people", "accuracy", "low", "high",
         "difference", "difference_low", "difference_high", "p", "p_holm",
         "recall_female", "recall_female_low", "recall_female_high",
         "recall_male", "recall_male_low", "recall_male_high",
         "gap", "gap_low", "gap_high", "gap_p_holm"), float,
    )
)  # fmt: skip


def is_small(faces: Any, people: Any) -> Any:
    """Whether a set or slice has too few faces or people (effective number) for conclusions."""
    return (faces < SMALL_SLICE) | (people < FEWEST_PEOPLE)


# comparison/runs.csv: a row for each set and each run or group of runs that differ in their seeds
# alone. run_table.py explains the p-values. `rank` is only in the rows of the set that chooses the
# best run. The metrics in these rows are computed from the faces that all runs share.
RUN, SEEDS = "run", "seeds"  # the column `kind`
RUNS = Table(
    dict.fromkeys(("set", "kind", "run", "metric", "baseline_class"), str)
    | dict.fromkeys(("faces", "small", "few", "leads", "ranked"), int)
    | dict.fromkeys(("value", "low", "high", "deviation", "baseline", "p", "p_corrected"), float)
    | {"above": "Int64", "rank": "Int64"}
)

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

# learning_curve.csv: the accuracy of a run on the validation set, with its interval, by the number
# of training faces; `change` is the paired difference from the next smaller fraction.
LEARNING_CURVE = Table(
    {"run": str, "fraction": float, "faces": int, "subjects": int}
    | dict.fromkeys(("accuracy", "low", "high", "change", "change_low", "change_high"), float)
)
