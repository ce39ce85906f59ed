"""Differences of runs: claims hold at their error rate, intervals cover, and families are small."""

from types import SimpleNamespace

import differences as simulation
import numpy as np
import pandas as pd
import pytest

from helpers.predictions import predictions_of
from renet.common.errors import InputError
from renet.evaluation import comparison, metrics, run_table
from renet.evaluation.tables import COMPARISON
from renet.pages import index_page
from renet.pages.results import templates

SEEDS = ["a-1", "a-2", "a-3", "b-1", "b-2", "b-3"]
GROUPS = [SEEDS[:3], SEEDS[3:]]


def predictions(correct: dict, subjects=None) -> pd.DataFrame:
    """What people add to the accuracy of runs, given as 0 and 1 for each run and face."""
    table = pd.DataFrame(correct)
    people = pd.Series(np.arange(len(table)) if subjects is None else subjects)
    return comparison.contributions(table, people)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [1, 3, 5])
@pytest.mark.parametrize(("scenario", "least"), [((50, 17), 0.003), ((800, 128), 0.03)])
def test_equal_recipes_and_equal_trained_models_differ_in_5_percent(scenario, least, seeds):
    for spread in {0, simulation.SPREAD * (seeds > 1)}:
        error, covered = simulation.significant(
            simulation.EQUAL, scenario, seeds, spread, repeats=1000
        )
        assert least <= error <= 0.07
        assert covered == pytest.approx(1 - error)


def test_standard_error_of_one_trained_model_is_that_of_the_subjects():
    added = np.random.default_rng(1).normal(size=(40, 2))
    error, freedom = comparison.standard_error(added[:, :1], added[:, 1:])
    assert error == pytest.approx(np.linalg.norm(added[:, 0] - added[:, 1]))
    assert freedom == 39


def test_noise_of_seeds_is_counted_once():
    noise = np.random.default_rng(1).normal(size=(2, 50_000, 4))  # nothing that seeds share
    error, freedom = comparison.standard_error(*noise)
    variances = [added.sum(axis=0).var(ddof=1) / 4 for added in noise]
    assert error**2 == pytest.approx(sum(variances), rel=0.03)
    welch = sum(variances) ** 2 / sum(variance**2 / 3 for variance in variances)
    assert freedom == pytest.approx(welch, rel=0.03)


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy"])
def test_contributions_add_up_to_the_metrics_of_a_run(metric):
    random = np.random.default_rng(2)
    table = predictions_of(random.integers(0, 2, 80), random.random(80))
    table["subject"] = [f"p{number}" for number in random.integers(9, size=80)]
    expected = metrics.summarise(table)[metric]
    added = comparison.side_by_side("test", {"run": table}, metric)
    assert len(added) == 9 and added.run.sum() == pytest.approx(expected)


def claims(table: pd.DataFrame) -> list[list[str]]:
    return table[["kind", "run", "other"]].to_numpy().tolist()


def test_each_trained_model_is_compared_with_the_reference_alone():
    random = np.random.default_rng(3)
    correct = {name: random.integers(0, 2, 90) for name in ("a", "b", "c")}
    table = comparison.compare(predictions(correct), "b", "accuracy", [["a", "c"]])
    assert list(table) == list(COMPARISON.columns)
    assert claims(table) == [["reference", "a", "b"], ["reference", "c", "b"]]
    assert (table.p_corrected >= table.p).all() and (table.p_corrected <= 2 * table.p).all()
    added = pd.DataFrame(correct) / 90
    assert (comparison.against_best(added, "b", "accuracy").p_corrected > table.p).all()
    pair = comparison.against_best(added[["a", "b"]], "b", "accuracy")
    assert pair.p_corrected[0] == pytest.approx(pair.p[0], rel=1e-4) and 0.01 < pair.p[0] < 0.99
    assert pair.low[0] + pair.high[0] == pytest.approx(2 * pair.difference[0])


def test_runs_that_predicted_different_faces_are_not_compared():
    table = predictions_of([0, 1], [0.2, 0.8])
    with pytest.raises(InputError, match="predicted different faces"):
        comparison.side_by_side("test", {"a": table, "b": table.iloc[::-1]}, "accuracy")


def test_recipe_stands_for_its_seeds_from_three_on():
    random = np.random.default_rng(4)
    rates = dict(zip([*SEEDS, "c"], [0.7] * 3 + [0.9] * 3 + [0.7], strict=True))
    correct = {name: (random.random(200) < rate).astype(int) for name, rate in rates.items()}
    given = predictions(correct)
    table = comparison.compare(given, "a-2", "accuracy", GROUPS)
    assert claims(table) == [["recipe", one, "a-1 a-2 a-3"] for one in ("b-1 b-2 b-3", "c")]
    assert table.significant.tolist() == [1, 0]
    assert table.difference[0] == pytest.approx(0.2, abs=0.06)
    fewer = comparison.compare(given, "a-1", "accuracy", [SEEDS[:3], SEEDS[3:5]])
    assert fewer.run.tolist() == ["b-1", "b-2", "b-3", "c"]
    single = comparison.compare(given, "c", "accuracy", GROUPS)
    assert single.run.tolist() == ["a-1 a-2 a-3", "b-1 b-2 b-3"]


@pytest.mark.parametrize("seeds", [2, 3])
def test_seeds_of_one_recipe_are_not_compared_with_each_other(seeds):
    same = predictions({name: [0, 1] for name in SEEDS[:seeds]})
    table = comparison.compare(same, "a-1", "accuracy", [SEEDS[:seeds]])
    assert table.empty


@pytest.mark.parametrize("groups", [[], GROUPS])
def test_one_person_and_same_predictions_show_no_difference(groups):
    person = predictions({name: [1, name[0] == "a"] for name in SEEDS}, ["anna", "anna"])
    same = predictions(dict.fromkeys(SEEDS, np.random.default_rng(5).integers(0, 2, 37)))
    for given, difference in ((person, -0.5), (same, 0)):
        row = comparison.compare(given, "a-1", "accuracy", groups).iloc[-1]
        assert row.difference == difference and row.significant == 0
        assert row.p == 1 and np.isnan(row.low)


def test_two_faces_and_few_disagreements_show_nothing():
    given = predictions({"a": [1, 1], "b": [0, 0]})
    row = comparison.compare(given, "a", "accuracy").iloc[0]
    assert row.p > 0.3 and (row.low, row.high) == (-1, 1)
    better = np.zeros((200, 1))
    for disagreeing in (1, 2, 3):
        better[:disagreeing] = 0.005
        found = comparison.difference(better, 0 * better)
        assert found["p"] > 0.05 and found["low"] < 0


@pytest.mark.parametrize(
    ("significant", "seeds", "said"),
    [
        ({"b": 1, "c": 0, "d": 0}, [], "can be chance: \N{MINUS SIGN}4.0 points over c ("),
        ({"b": 1, "c": 1}, [], "lead is significant: \N{MINUS SIGN}4.0 points over b ("),
        ({"b": 0, "c": 0}, [["a", "b"]], "points over c ("),
        ({"b": 0}, [["a", "b"]], "points over b ("),
    ],
)
def test_lead_that_can_be_chance_is_named_first_and_one_over_other_seeds_last(
    significant, seeds, said
):
    values = ("accuracy", 0.8, 0.76, 0.04, 0.007, 0.073, 0.03, 0.12)
    rows = [("test", "best", run, "a", *values, one) for run, one in significant.items()]
    lead = index_page.find_lead(COMPARISON.frame(rows), seeds)
    assert said in templates.sentences("lead", lead)


def test_runs_rank_by_their_accuracy_and_equal_ones_by_their_loss():
    found = {"a": (0.8, 0.1), "b": (0.9, 0.4), "c": (0.9 - 1e-12, 0.3), "d": (0.9, 0.3)}
    summaries = {
        run: SimpleNamespace(accuracy=value, loss=loss) for run, (value, loss) in found.items()
    }
    assert run_table.rank(summaries, "accuracy") == ["c", "d", "b", "a"]
