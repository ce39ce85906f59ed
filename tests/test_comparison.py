"""Differences of runs: claims hold at their error rate, intervals cover, and tests are exact."""

import itertools
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from test_config import check

from helpers.predictions import predictions_of
from renet.common.errors import InputError
from renet.config import runs as runs_config
from renet.evaluation import comparison, confidence_intervals, metrics
from renet.evaluation.comparison import MAJORITY, Plan, Predictions
from renet.evaluation.tables import COMPARISON
from renet.pages import comparison_section


def predictions(correct: dict, subjects=None, targets=None) -> Predictions:
    """What runs make of faces, given as 0 and 1 for each run."""
    table = pd.DataFrame(correct)
    targets = np.arange(len(table)) % 2 if targets is None else np.asarray(targets)
    subjects = np.arange(len(table)) if subjects is None else subjects
    table[MAJORITY] = (targets == 1).astype(int)
    return Predictions(pd.Series(subjects).astype(str), targets, table)


def simulated(seed: int, faces_of_person: int, gain: float = 0.0, people: int = 60) -> Predictions:
    """Two runs on photos of people, some of whom are hard for both; the second run is better."""
    random = np.random.default_rng(seed)
    subjects = np.repeat(np.arange(people), faces_of_person)
    ease = random.beta(3, 1, people)[subjects]
    first = random.random(len(subjects)) < ease * (1 - gain)
    second = random.random(len(subjects)) < ease
    targets = (np.arange(people) % 3 > 0).astype(int)[subjects]
    return predictions({"old": first.astype(int), "new": second.astype(int)}, subjects, targets)


@pytest.fixture
def quick(monkeypatch):
    """Fewer draws, because a simulation repeats them."""
    monkeypatch.setattr(comparison, "SWAPS", 199)
    monkeypatch.setattr(confidence_intervals, "RESAMPLES", 200)


def p_values_of_equal_runs(faces_of_person: int) -> np.ndarray:
    found = []
    for seed in range(150):
        given = simulated(seed, faces_of_person)
        correct = given.correct[["new", "old"]].to_numpy(float)
        parts = comparison.strata("balanced_accuracy", given.targets)
        found.append(comparison.swap_test(comparison.contributions(given.subjects, correct, parts)))
    return np.array(found)


def test_p_values_of_equal_runs_are_uniform(quick):
    assert stats.kstest(p_values_of_equal_runs(5), "uniform").pvalue > 0.01


def test_p_values_of_equal_runs_are_not_too_small_where_few_values_are_possible(quick):
    found = p_values_of_equal_runs(1)
    for level in (0.05, 0.2, 0.5):
        below = int((found <= level).sum())
        assert stats.binomtest(below, len(found), level, alternative="greater").pvalue > 0.01
    assert (found <= 0.2).mean() > 0.1


def test_interval_of_a_difference_covers_it(quick):
    true = 0.1 * 0.75  # of the mean of the beta distribution
    covered = []
    for seed in range(80):
        table = comparison.compare(simulated(seed, 3, gain=0.1), Plan("old", "accuracy"))
        row = table[table.kind == "reference"].iloc[0]
        covered.append(row.low <= true <= row.high)
    assert 0.88 <= np.mean(covered) <= 0.99


def recipes(seed: int, spread: float, count: int) -> tuple[list, list]:
    """The metrics of two equal recipes: the seeds' values, and these in draws of subjects."""
    random = np.random.default_rng(seed)
    seeds = random.normal(0.8, spread, (2, count))
    of_set = random.normal(0, 0.01, 2)  # what the faces of the set happen to make of a recipe
    draws = random.normal(0, 0.01, (2, 200, 1))
    values = seeds + of_set[:, None]
    return list(values), list(values[:, None] + draws)


@pytest.mark.parametrize(("spread", "count"), [(0.02, 3), (0.005, 3), (0.02, 8)])
def test_interval_of_recipes_covers_what_further_seeds_would_give(spread, count):
    found = [
        comparison.recipe_difference(*recipes(seed, spread, count), 500) for seed in range(300)
    ]
    covered = np.mean([row["low"] <= 0 <= row["high"] for row in found])
    assert 0.91 <= covered <= 0.995
    assert np.mean([row["p"] <= 0.05 for row in found]) == pytest.approx(1 - covered, abs=0.001)


def test_swaps_of_few_subjects_are_counted_exactly():
    added = np.random.default_rng(1).normal(size=(8, 2))
    difference = added[:, 0] - added[:, 1]
    signs = np.array(list(itertools.product([-1, 1], repeat=8)))
    expected = np.mean(np.abs(signs @ difference) >= abs(difference.sum()) - 1e-12)
    assert comparison.swap_test(added) == pytest.approx(expected)


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", "recall_female"])
def test_values_are_those_of_the_metrics_of_a_run(metric):
    random = np.random.default_rng(2)
    table = predictions_of(random.integers(0, 2, 80), random.random(80))
    given = predictions({"run": table.correct}, targets=table.target)
    parts = comparison.strata(metric, given.targets)
    summary = metrics.summarise(table, 0.6)
    expected = summary["recall"]["female"] if metric == "recall_female" else summary[metric]
    found = comparison.values(given.correct[["run"]].to_numpy(float), parts)
    assert found == pytest.approx(expected)


def test_each_run_is_claimed_against_reference_and_majority_and_other_pairs_are_not():
    random = np.random.default_rng(3)
    correct = {name: random.integers(0, 2, 90) for name in ("a", "b", "c")}
    table = comparison.compare(predictions(correct), Plan("b", "accuracy"))
    pairs = {kind: list(zip(rows.run, rows.other, strict=True))
             for kind, rows in table.groupby("kind")}  # fmt: skip
    assert pairs == {
        "reference": [("a", "b"), ("c", "b")],
        "majority": [(name, MAJORITY) for name in "abc"],
        "pair": [("a", "c")],
    }
    claimed = table[table.kind != "pair"]
    assert claimed.p.notna().all() and claimed.shown.notna().all()
    assert table[table.kind == "pair"][["p", "p_holm", "shown"]].isna().all(axis=None)
    assert (claimed.p_holm >= claimed.p).all()
    assert table.low.notna().all()
    assert table[table.kind != "reference"].detectable.isna().all()
    one = stats.binomtest(int(((correct["a"] == 1) & (correct["b"] == 0)).sum()),
                          int((correct["a"] != correct["b"]).sum()))  # fmt: skip
    assert claimed.p_mcnemar.iloc[0] == pytest.approx(one.pvalue)


def test_mcnemar_is_left_out_where_people_have_several_photos():
    table = comparison.compare(simulated(1, 2), Plan("old", "accuracy"))
    assert table.p_mcnemar.isna().all()


def test_recipe_is_claimed_from_three_seeds_on(quick):
    random = np.random.default_rng(4)
    names = ["a-1", "a-2", "a-3", "b-1", "b-2", "b-3"]
    correct = {name: (random.random(200) < (0.7 if name[0] == "a" else 0.9)).astype(int)
               for name in names}  # fmt: skip
    groups = [names[:3], names[3:]]
    table = comparison.compare(predictions(correct), Plan("a-1", "accuracy", groups))
    row = table[table.kind == "recipe"].iloc[0]
    assert (row.run, row.other) == ("b-1 b-2 b-3", "a-1 a-2 a-3")
    assert row.shown == 1 and row.difference == pytest.approx(0.2, abs=0.06)
    fewer = comparison.compare(
        predictions(correct), Plan("a-1", "accuracy", [names[:3], names[3:5]])
    )
    assert "recipe" not in set(fewer.kind)


def test_recipes_are_not_told_apart_by_one_person():
    names = ["a-1", "a-2", "a-3", "b-1", "b-2", "b-3"]
    correct = {name: [1, int(name[0] == "a")] for name in names}
    plan = Plan("a-1", "accuracy", [names[:3], names[3:]])
    table = comparison.compare(predictions(correct, subjects=["anna", "anna"]), plan)
    row = table[table.kind == "recipe"].iloc[0]
    assert row.difference == -0.5 and row.p == 1 and row.shown == 0


@pytest.mark.parametrize("disagreeing", [1, 2])
def test_few_disagreements_show_nothing(disagreeing):
    added = np.zeros((30, 2))
    added[:disagreeing, 0] = 0.1
    assert comparison.swap_test(added) == {1: 1.0, 2: 0.5}[disagreeing]


def test_same_predictions_differ_by_nothing_and_can_show_nothing():
    same = np.random.default_rng(5).integers(0, 2, 40)
    table = comparison.compare(predictions({"a": same, "b": same}), Plan("a", "balanced_accuracy"))
    row = table[table.kind == "reference"].iloc[0]
    assert row.difference == 0 and row.p == 1 and row.shown == 0 and row.detectable == 0


def test_metric_that_a_set_does_not_define_is_not_tested():
    given = predictions({"a": [1, 0, 1], "b": [0, 0, 1]}, targets=[1, 1, 1])
    table = comparison.compare(given, Plan("a", "recall_female"))
    assert table.value.isna().all() and table.p.isna().all() and table.shown.isna().all()
    table = table.assign(set="test")
    heading, said = comparison_section.headline(table)
    assert heading == "Recall of female against a"
    assert said == "Test set: no significant difference for b."


def test_head_of_the_page_has_a_recipe_in_place_of_its_runs():
    seeds = "a-1 a-2 a-3"
    table = COMPARISON.frame(
        [
            ("test", kind, run, other, "accuracy", 0, 0, difference, 0, 0, 0, 0, shown, 0, 0)
            for kind, run, other, difference, shown in (
                ("reference", "a-2", "a-1", 0.001, 0), ("reference", "a-3", "a-1", 0.001, 0),
                ("reference", "b-1", "a-1", 0.02, 1), ("reference", "b-2", "a-1", 0.021, 0),
                ("reference", "b-3", "a-1", 0.019, 1), ("reference", "c", "a-1", -0.1, 1),
                ("recipe", "b-1 b-2 b-3", seeds, 0.02, 1),
            )
        ]
    )  # fmt: skip
    heading, said = comparison_section.headline(table)
    assert heading == "Accuracy against a-1"
    minus = "\N{MINUS SIGN}"
    assert said == (
        f"Test set: c {minus}10.0 and the recipe of b-1, b-2 and b-3 (against the recipe of a-1, "
        "a-2 and a-3) +2.0 percentage points; no significant difference for a-2 and a-3."
    )


def test_settings_of_a_recipe_are_those_that_its_runs_share():
    settings = {"b-1": {"train.seed": "2", "train.learning_rate": "0.2"}, "c": {"train.seed": "3"}}
    row = SimpleNamespace(kind="recipe", run="b-1 b-2 b-3")
    assert comparison_section._differing(row, settings) == "train.learning_rate: 0.2"
    row = SimpleNamespace(kind="reference", run="c")
    assert comparison_section._differing(row, settings) == "train.seed: 3"


def test_faces_that_divide_the_runs_most_evenly_stand_first():
    correct = {"a": [1, 1, 0, 0], "b": [1, 1, 0, 1], "c": [1, 1, 1, 1], "d": [1, 0, 0, 0]}
    faces = pd.DataFrame({"id": list("wxyz"), "path": list("wxyz"), "target": [0, 1, 0, 1]})
    found = comparison.disagreements(predictions(correct), faces)
    assert found.id.tolist() == ["z", "x", "y"]
    assert found.wrong.tolist() == ["a d", "d", "a b d"]


def test_smallest_detectable_difference_is_significant_as_often_as_stated(quick):
    plan, people = Plan("old", "accuracy"), 400
    random = np.random.default_rng(6)
    found = []
    for _ in range(10):
        old = random.random(people) < 0.8
        flips = random.random(people)
        new = np.where(flips < 0.1, ~old, old)  # noise alone
        table = comparison.compare(
            predictions({"old": old.astype(int), "new": new.astype(int)}), plan
        )
        found.append(table[table.kind == "reference"].detectable.iloc[0])
    # Of 40 disagreeing faces: (z of the first of three tests + z of the power) * sqrt(40) / 400
    expected = (stats.norm.isf(0.05 / 6) + stats.norm.ppf(0.8)) * np.sqrt(0.1 / people)
    assert np.median(found) == pytest.approx(expected, rel=0.05)


def recipe_claim(seed: int, gain: float):
    """The first of five claims about a set: of two recipes of three seeds that vary much."""
    (better, base), (drawn, drawn_base) = recipes(seed, spread=0.1, count=3)
    row = comparison.recipe_difference([better + gain, base], [drawn + gain, drawn_base], 500)
    return comparison._corrected(pd.DataFrame([row, *[{**row, "p": 1.0}] * 4])).iloc[0]


def test_smallest_detectable_difference_of_few_seeds_is_significant_as_often_as_stated():
    stated = [recipe_claim(seed, gain=0).detectable for seed in range(250)]
    gain = np.sqrt(np.mean(np.square(stated)))  # as of the true standard error
    shown = np.mean([recipe_claim(seed, gain).shown for seed in range(1000, 1250)])
    assert shown == pytest.approx(0.8, abs=0.08)


def test_recipes_that_differ_on_one_person_alone_do_not_differ_significantly():
    given, drawn = recipes(1, spread=0.02, count=3)
    found = comparison.recipe_difference([given[0] + 0.5, given[1]], drawn, subjects=1)
    assert found["p"] == 1
    assert np.isnan([found[name] for name in ("low", "high", "detectable")]).all()


def test_few_degrees_of_freedom_raise_the_smallest_detectable_difference():
    found = [comparison.standard_errors(0.05, freedom) for freedom in (2, 4, 30, 1e6, np.inf)]
    assert found == sorted(found, reverse=True)
    # Computed from the distribution of the estimated variance, without the noncentral t.
    assert found == pytest.approx([5.653, 3.761, 2.895, 2.802, 2.802], abs=0.001)


def test_recipes_are_tested_with_fewer_degrees_of_freedom_than_runs(quick):
    random = np.random.default_rng(4)
    names = [f"{recipe}-{seed}" for recipe in "ab" for seed in range(3)]
    rates = dict(zip(names, [0.5, 0.7, 0.9, 0.6, 0.75, 0.8], strict=True))
    correct = {name: (random.random(300) < rate).astype(int) for name, rate in rates.items()}
    plan = Plan("a-0", "accuracy", [names[:3], names[3:]])
    table = comparison.compare(predictions(correct), plan)
    assert list(table) == list(COMPARISON.columns)[1:]
    row = table[table.kind == "recipe"].iloc[0]
    error = (row.high - row.difference) / stats.t.isf(0.025, 4)  # at most: the freedom is less
    normal = comparison.standard_errors(0.05 / table.p.notna().sum())
    assert row.detectable > 1.3 * normal * error


def test_reference_can_be_the_name_of_a_run_with_seeds():
    runs = {"renet": None, "a": {}, "b": {"seeds": [4, 5]}}
    for named, found in ((None, "a"), ("b", "b-seed4"), ("b-seed5", "b-seed5")):
        config = check({"runs": runs, "comparison": {"reference": named}})
        assert runs_config.reference(config) == found
    with pytest.raises(InputError, match=r"comparison\.reference is renet, which is none of"):
        check({"runs": runs, "comparison": {"reference": "renet"}})


@pytest.mark.parametrize(
    ("detectable", "said"),
    [
        ([1.2, 1.01], "This set is too small for any difference from a to be significant."),
        ([0.485, 1.06], "is about 48.5 to more than 100 percentage points, more for runs"),
        ([0.02, 0.02], "is about 2.0 percentage points."),
    ],
)
def test_no_difference_above_100_points_is_said_to_be_possible(detectable, said):
    against = pd.DataFrame({"detectable": detectable, "other": "a", "kind": "reference"})
    (sentence,) = comparison_section._smallest(against)
    assert sentence.endswith(said) or said in sentence
