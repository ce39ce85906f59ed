"""Numbers and results as text, for pages, cards and text alternatives.

An argument `set_name` is the name of a set as it follows `the` in a sentence.
"""

from typing import Any

import pandas as pd

from renet.common.imdb_wiki import CLASSES
from renet.dataset.tables import NEAR_DUPLICATES
from renet.evaluation.tables import FEWEST_PEOPLE, SMALL_SLICE, is_small
from renet.metadata import subjects

UNDEFINED = "–"
TEST_SET = "test set"  # whose metrics most sentences are of
OUT_OF_FOLD_SET = "out-of-fold set"


def percentage(fraction: float | None) -> str:
    """`92.0 %`, with a no-break space."""
    if fraction is None or pd.isna(fraction):
        return UNDEFINED
    return f"{100 * fraction:.1f}\N{NO-BREAK SPACE}%"


def decimal(value: float | None) -> str:
    """`0.833`."""
    return UNDEFINED if pd.isna(value) else f"{value:.3f}"


def percentage_interval(bounds: list[float] | None) -> str:
    """`83.7 to 98.0 %`; NaN and None are undefined."""
    if bounds is None or pd.isna(bounds[0]):
        return UNDEFINED
    return f"{100 * bounds[0]:.1f} to {percentage(bounds[1])}"


def points(difference: float) -> str:
    """A difference of fractions in percentage points, `−3.6`; NaN is undefined."""
    if pd.isna(difference):
        return UNDEFINED
    return f"{100 * difference:z.1f}".replace("-", "\N{MINUS SIGN}")  # z: no minus before 0.0


def gain(difference: float) -> str:
    """A difference in percentage points with its sign, `+3.6`."""
    return f"{'+' if difference > 0 else ''}{points(difference)}"


def points_interval(bounds: list[float]) -> str:
    """An interval of a difference, in percentage points: `95 % interval −3.6 to 28.3`."""
    return f"95\N{NO-BREAK SPACE}% interval {points(bounds[0])} to {points(bounds[1])}"


def validation_set(metrics: dict) -> str:
    """What a run is validated on: `validation set`, or `out-of-fold set`."""
    return f"{metrics['calibration']['fitted_on'].replace('_', '-')} set"


def few(test: dict, set_name: str = TEST_SET) -> str:
    """That a set has too few faces or people for conclusions; nothing elsewhere."""
    people = test["effective_people"]
    if not is_small(test["n"], people):
        return ""
    unit = subjects.unit(test)
    of_few = f" of an effective number of {people:.1f} {unit}" * (test["n"] >= SMALL_SLICE)
    return (
        f"The {set_name} has {counted(test['n'], 'face', 'faces')}{of_few}. Only its accuracy and "
        "interval are judged. Calibration, slices and the difference between female and male need "
        f"at least {SMALL_SLICE} faces and an effective number of {FEWEST_PEOPLE} {unit}."
    )


def counted(count: int, singular: str, plural: str) -> str:
    """`1 face`, `1,200 faces`."""
    return f"{count:,} {singular if count == 1 else plural}"


def capitalised(text: str) -> str:
    """A text that begins with a capital letter; the other letters stay as they are."""
    return text[:1].upper() + text[1:]


def listed(parts: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def people(summary: dict) -> str:
    """Whose faces a set has: `12 people`, `1 photo without a recorded person`, or both."""
    photos = summary["unnamed_photos"]
    named = summary["subjects"] - photos
    parts = [counted(named, "person", "people")] if named else []
    if photos:
        parts.append(f"{counted(photos, 'photo', 'photos')} without a recorded person")
    return listed(parts)


def unnamed(summary: dict) -> str:
    """What follows where no person is recorded for some photos; nothing where there are none."""
    if not summary["unnamed_photos"]:
        return ""
    photos = counted(summary["unnamed_photos"], "photo has", "photos have")
    return (
        f"{photos} no recorded person. Each counts as a person of its own, so a person may be in "
        "both the training and the test set. The metrics can then be too high and the intervals "
        "too narrow."
    )


def kept_apart(leakage: dict) -> str:
    """What the check for leakage found: what faces of different subsets do not share."""
    found = leakage["in_two_subsets"]
    allowed = ("people",) if leakage["split_by"] == "image" else ()
    if leaks := [f"{name} ({n:,})" for name, n in found.items() if n and name not in allowed]:
        return (
            f"The published split leaks: {listed(leaks)} are in more than one subset, which "
            "split.allow_leaks permits. The metrics can be too high."
        )
    also = ", and so are the near-duplicates that were found" if "near-duplicates" in found else ""
    if not found["people"]:
        same, shared = "a recorded name, a photo or all pixels", ""
    else:
        same = "a photo or all pixels"
        shared = (
            f"{counted(found['people'], 'person is', 'people are')} in more than one subset, "
            "because split.by is image. "
        )
    return f"{shared}Faces that share {same} are always in one subset{also}."


def initial_weights(recipe: dict, leakage: dict) -> str:
    """The file of the initial weights and what they were trained on; "" for random weights."""
    known = known_to_initial_weights(leakage) or (
        "It is not known which photos they were trained on: if validation or test faces are among "
        "these photos, the metrics are too high."
    )
    start = recipe.get("start_from")  # no key of an SVM
    file = start["file"] if isinstance(start, dict) else start
    return f"The training started from the weights in {file}. {known}" if file else ""


def known_to_initial_weights(leakage: dict) -> str:
    """How many faces of each subset the initial weights were trained on; "" if not known."""
    counts = [f"{n:,} of {name}" for name, n in leakage.get("faces_of_initial_weights", {}).items()]
    if not counts:
        return ""
    return (
        "The initial weights were trained on near-duplicates of faces of this data set: "
        f"{listed(counts)}. The metrics on these faces are too high. Copies with another crop "
        "are not found, nor photos of an earlier training of these weights."
    )


def abstention(metrics: dict) -> str:
    """The threshold of "unsure", on which faces it was chosen and what it does on the test set."""
    choice = metrics["abstention"]
    rate, level = percentage(choice["max_error"]), f"{100 * choice['level']:.0f}\N{NO-BREAK SPACE}%"
    validation = metrics["validation"]
    chosen_on, unit = people(validation), subjects.unit(validation)
    each, over = "one face each of ", f"{unit} and over faces"
    if validation["n"] == validation["subjects"]:
        each, over = "", unit
    chosen_set = validation_set(metrics)
    if choice["threshold"] is None and choice["people"] < choice["needed"]:
        return (
            f"No threshold for unsure predictions was chosen. The {chosen_set} has {chosen_on}. "
            f"At least {choice['needed']:,} {unit} without an error are needed to show, at the "
            f"{level} level, that the error is at most {rate}."
        )
    if choice["threshold"] is None:
        return (
            f"No threshold for unsure predictions was chosen. On the {chosen_set} ({chosen_on}), "
            f"none keeps the error at or below {rate} over {over} at the {level} level."
        )
    rule = "Every prediction is accepted"
    if choice["threshold"] > 0:
        rule = f"A prediction is unsure unless its confidence is above {choice['threshold']:.4f}"
    return (
        f"{rule}. The threshold was chosen on the {chosen_set}, on {each}{chosen_on}: "
        f"{choice['errors']:,} of {choice['accepted']:,} accepted predictions are wrong. The error "
        f"is at most {percentage(choice['upper_bound'])} over {over}, at the {level} level, "
        f"corrected for the choice. On the test set, {_accepted(choice['test'])}. The bound holds "
        "for photos like those of the data set. Abstaining can widen the difference between groups."
    )


def _accepted(test: dict) -> str:
    if not test["accepted"]:
        return "all predictions are unsure"
    return (
        f"{percentage(test['coverage'])} of the predictions are accepted, with an error of "
        f"{percentage(test['error'])}; without abstaining, it is "
        f"{percentage(test['error_of_all'])}"
    )


def confusion_matrix(test: dict) -> str:
    """The counts of the confusion matrix."""
    sentences = []
    for label, counts in zip(test["classes"], test["confusion_matrix"], strict=True):
        predicted = " and ".join(
            f"{count:,} predicted {name}"
            for count, name in zip(counts, test["classes"], strict=True)
        )
        labelled = counted(sum(counts), "face", "faces")
        sentences.append(f"Of {labelled} labelled {label}, {predicted}.")
    return " ".join(sentences)


def ranking_curves(test: dict) -> str:
    """The areas under the curves."""
    precisions = ", ".join(f"{decimal(value)} for {name}" for name, value in test["pr_auc"].items())
    return f"ROC AUC {decimal(test['roc_auc'])}; average precision {precisions}."


def losses(history: pd.DataFrame, epochs: int) -> str:
    """The losses of the last row of the history, which is that after so many epochs."""
    last = history.iloc[-1]
    validated = f" and the validation loss {decimal(last.validation_loss)}"
    if pd.isna(last.validation_loss):
        validated = ". The run is validated by cross-validation, not after each epoch"
    return (
        f"After {counted(epochs, 'epoch', 'epochs')} the training loss is "
        f"{decimal(last.loss)}{validated}."
    )


def against_baseline(summary: dict) -> str:
    """Whether a set's accuracy is not above that of the majority class; nothing where it is."""
    difference = summary["differences"]["over_baseline"]
    if difference["value"] <= 0:
        return "at or below the baseline"
    return "" if difference["significant"] else "no significant difference from the baseline"


def above_baseline(test: dict) -> str:
    """The baseline, and how much better the model is, or that this is not significant."""
    difference, baseline = test["differences"]["over_baseline"], test["majority_baseline"]
    value, sign = difference["value"], -1 if difference["value"] < 0 else 1
    interval = points_interval(sorted(sign * bound for bound in difference["interval"]))
    text = (
        f"{percentage(baseline['accuracy'])} is the baseline, the accuracy of always predicting "
        f"{baseline['class']}. The model is {points(abs(value))} percentage points "
        f"{'worse' if sign < 0 else 'better'} ({interval})."
    )
    if value <= 0:
        return f"{text} On these faces it is not better than the baseline."
    if difference["significant"]:
        return text
    return f"{text} The interval covers zero: the difference is not significant."


def gender_gap(test: dict, set_name: str = TEST_SET) -> str:
    """The difference of the recalls with its interval, from the summary of a set."""
    difference = test["differences"]["male_minus_female"]
    if difference["value"] is None:
        return f"The {set_name} has faces of one class alone: no classes can be compared."
    counts = [(row[label], sum(row)) for label, row in enumerate(test["confusion_matrix"])]
    recalls = ", ".join(
        f"{name} {percentage(correct / total)} ({correct:,} of {total:,})"
        for (correct, total), name in zip(counts, CLASSES, strict=True)
    )
    sign = -1 if difference["value"] < 0 else 1
    interval = points_interval(sorted(sign * bound for bound in difference["interval"]))
    small = [name for (_, total), name in zip(counts, CLASSES, strict=True) if total < SMALL_SLICE]
    few_faces = f"fewer than {SMALL_SLICE} faces are labelled {' or '.join(small)}"
    return (
        f"Recall: {recalls}. The difference of {points(sign * difference['value'])} percentage "
        f"points ({interval}) is {'' if difference['significant'] else 'not '}significant."
        f"{f' Its size is uncertain: {few_faces}.' if small else ''}"
    )


def p_value(number: float) -> str:
    """`= 0.012`, or `< 0.001`."""
    return "< 0.001" if number < 0.001 else f"= {number:.3f}"


def funnel(steps: pd.DataFrame) -> str:
    """The remaining rows at each step, over all sources."""
    return ", ".join(f"{funnel_step(step)} {step.remaining:,}" for step in steps.itertuples())


def funnel_step(step: Any) -> str:
    """The name of a row of the funnel: `gender unknown`, `corrected (3 labels)`."""
    if step.Index == NEAR_DUPLICATES:  # no row is dropped
        return f"near-duplicates kept in one subset ({counted(step.changed, 'face', 'faces')})"
    changed = f" ({counted(step.changed, 'label', 'labels')})" if step.changed else ""
    return step.Index.replace("_", " ") + changed


def confidences(rows: pd.DataFrame, total: int, kind: str, *, falling: bool) -> str:
    """How many predictions of a kind are shown, of how many, and the range of their confidence.

    Args:
        rows: of a table of predictions, in the order of their confidence.
        total: predictions of that kind.
        kind: such as `wrong`.
        falling: whether the first one has the highest confidence, not the lowest.
    """
    if rows.empty:
        return ""
    first, last = (
        percentage(max(row.p_female, row.p_male)) for _, row in rows.iloc[[0, -1]].iterrows()
    )
    confidence = first if first == last else f"{first} to {last}"
    if len(rows) == total:
        return f"All {kind} predictions ({total:,}). Confidence: {confidence}."
    way = "highest" if falling else "lowest"
    return (
        f"{len(rows):,} of {total:,} {kind} predictions: those with the {way} confidence, "
        f"{confidence}."
    )


def suspects(rows: pd.DataFrame, suspect_ids: frozenset[str] | None) -> str:
    """How many labels of these faces the label audit suspects; nothing without an audit."""
    if suspect_ids is None:
        return ""
    count = int(rows.id.isin(suspect_ids).sum())
    return f"The label audit suspects {count or 'none'} of their labels."


def evaluations(count: int, set_name: str = TEST_SET) -> str:
    """How many trained models were evaluated on a set; 0: there is no record."""
    if not count:
        return f"It is not recorded how many trained models were evaluated on the {set_name}."
    if count == 1:
        return (
            "By the records of this folder of results, only one trained model was evaluated on the "
            f"{set_name}: its metrics did not help to choose a model."
        )
    return (
        f"{count:,} trained models were evaluated on the {set_name} in this folder of results, "
        "also those of removed runs. If a model is chosen by its test metrics, they are too high."
    )


def faces(rows: pd.DataFrame) -> list[dict]:
    """Rows of a table of predictions, with `label`, `predicted` and `confidence` as text."""
    return [
        {
            **row,
            "label": CLASSES[row["target"]],
            "predicted": CLASSES[int(row["p_male"] > row["p_female"])],
            "confidence": percentage(max(row["p_female"], row["p_male"])),
        }
        for row in rows.astype(object).where(rows.notna(), None).to_dict("records")
    ]
