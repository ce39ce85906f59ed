"""The head of a page: what was trained on what, how it compares with the baseline, what that shows.

It stands first on the page over all runs, for the best run, and on the page of each run.
"""

import numpy as np

from renet.evaluation import choice
from renet.evaluation.tables import EXAMPLES
from renet.pages import comparison_section, metric_tables, phrases
from renet.pages.results import DataResults, RunResults, SetResults
from renet.pages.templates import sentences

PHOTO_KINDS = {
    "drawn": "drawn portraits",
    "public": "photographs of IMDB-WIKI",
    "published": "photographs of published data sets",
    "own": "the user's own photographs",
}


def of_best(runs: list[RunResults], shown: list[RunResults], data: DataResults) -> dict:
    """The head of index.html, about the best run: the values of page_head.html.j2.

    Args:
        shown: the runs whose test metrics are not folded.
    """
    best = chosen_run(runs, data)
    metric = metric_tables.BY_NAME[data.choice_metric]
    chosen_on = phrases.validation_set(best.metrics)
    highest, rank = best.metrics["validation"][data.choice_metric], "the only run"
    if len(runs) > 1:
        of_best = data.of_best
        highest = of_best.other_value.iloc[0]
        chosen_on = comparison_section.described(of_best.set.iloc[0])
        equal = of_best.run[np.isclose(of_best.value, highest)].tolist()
        tie = f", equal to {phrases.listed(equal)}, with the lowest log loss" if equal else ""
        rank = (
            f"the highest of {len(runs)} runs{tie}; "
            f"{comparison_section.lead(data.comparison)}. "
            "Another run can be better on the test set, which was not used for this choice."
        )
        if chosen_on != phrases.OUT_OF_FOLD_SET and any(run.folds for run in runs):
            rank += " Runs with folds are compared by out-of-fold predictions of this set."
        chooser = next(run for run in runs if phrases.validation_set(run.metrics) == chosen_on)
        rank = f"{rank} {sentences('chosen_by_few', chooser.metrics, 'run')}".rstrip()
    head = of_run(best, data)
    head |= {
        "folder": f"runs/{best.name}/",
        "chosen": f"{chosen_on.removesuffix(' set')} {metric.label} {metric.text(highest)}, {rank}",
    }
    rows, sets = head["rows"], comparison_section.compared_sets(runs)
    large = [name for name, one in sets.items() if not phrases.few(one.metrics["test"])]
    compared = comparison_section.headline(data.comparison[data.comparison.set.isin(large)])
    if compared and len(shown) == len(runs):
        rows.insert(0, compared)
    notes = {run.name: phrases.against_baseline(run.stated.metrics["test"]) for run in shown}
    if doubts := "; ".join(f"{name}: {note}" for name, note in notes.items() if note):
        rows.append(("Not significantly above the baseline", doubts))
    return head


def of_run(run: RunResults, data: DataResults) -> dict:
    """The head of the page of a run: the values of page_head.html.j2."""
    test, composition = run.stated.metrics["test"], run.metrics["data"]
    accuracy = metric_tables.BY_NAME["accuracy"]
    of_set, other = "test faces", run.out_of_fold
    rows = groups(run)
    if run.stated is not run:
        of_set, other = f"faces, in {run.folds}-fold cross-validation,", run
        rows += groups(run.stated, phrases.OUT_OF_FOLD_SET)
    if other:
        rows.append(_further(run, other))
    return {
        "run": run.name,
        "accuracy": metric_tables.cell(accuracy, test),
        "faces": f"{test['n']:,} {of_set}",
        "above_baseline": phrases.above_baseline(test),
        "rows": [
            *rows,
            *([("What may help", run.advice)] if run.advice else []),
            ("Data set", _data_set(run, data)),
            ("Date of the data", _date(composition, data)),
        ],
        "examples": phrases.faces(run.gallery[run.gallery.gallery == EXAMPLES]),
        "folds": run.folds,
        "folder": "",  # of the run, relative to the page
        "chosen": "",  # why this run
    }


def groups(results: SetResults, name: str = phrases.TEST_SET) -> list[tuple[str, str]]:
    """The rows about groups of faces of a set, or why there are none."""
    test = results.metrics["test"]
    if few := phrases.few(test, name):
        return [("Small set", few)]
    return [
        ("Female and male", f"{phrases.gender_gap(test, name)} {sentences('gaps', results)}"),
        ("Slices", sentences("accuracies", results, name)),
    ]


def best_run(runs: list[RunResults], metric: str) -> RunResults:
    """The run that the validation set, or the out-of-fold set, of all of them chooses."""
    chosen = choice.best({run.name: run.metrics["validation"] for run in runs}, metric)
    return next(run for run in runs if run.name == chosen)


def chosen_run(runs: list[RunResults], data: DataResults) -> RunResults:
    """The best run of all, by the comparison on the same faces where there are several runs."""
    if len(runs) == 1:
        return runs[0]
    return next(run for run in runs if run.name == data.of_best.other.iloc[0])


def _further(run: RunResults, other: SetResults) -> tuple[str, str]:
    """The row with the accuracy on the set, test or out of fold, that is not stated first."""
    accuracy, test = metric_tables.BY_NAME["accuracy"], other.metrics["test"]
    heading, of_set = "Test set", "faces that were never used for training"
    if other is not run:
        heading = "Cross-validation"
        of_set = "faces of training and validation, predicted by networks trained without them"
    return heading, (
        f"{test['n']:,} {of_set}: {accuracy.text(test['accuracy'])} correct "
        f"(95\N{NO-BREAK SPACE}% interval {accuracy.interval_text(test)}). "
        f"{phrases.above_baseline(test)}"
    )


def _data_set(run: RunResults, data: DataResults) -> str:
    composition = run.metrics["data"]
    kinds = " and ".join(text for kind, text in PHOTO_KINDS.items() if data.kinds_of_photos[kind])
    faces = sum(composition["faces"].values())
    subsets = ", ".join(
        f"{composition['faces'][subset]:,} {use}"
        for subset, use in (("train", "training"), ("validation", "validation"), ("test", "test"))
        if subset in composition["faces"]
    )
    subsets += f"; validated by {run.folds}-fold cross-validation" if run.folds else ""
    size = " × ".join(map(str, data.config["size"]))
    return (
        f"{phrases.capitalised(kinds)} ({', '.join(data.config['sources'])}): {faces:,} faces of "
        f"{phrases.people(composition)}, {size} pixels (height × width), split by "
        f"{data.config['split']['by']}: {subsets}. {phrases.unnamed(composition)}".strip()
    )


def _date(composition: dict, data: DataResults) -> str:
    """The years of the photos."""
    first, last = composition["first_year"], composition["last_year"]
    if first is None:
        return "The metadata has no dates of the photos."
    years = f"{first} to {last}" if first != last else str(first)
    drawn = " The dates of the drawings are invented." * data.kinds_of_photos["drawn"]
    return f"Photos taken {years}, according to the metadata.{drawn}"
