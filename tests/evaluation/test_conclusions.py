"""Conclusions on runs: which set leads, what is above the baseline, and which groups are below."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from helpers.predictions import predictions_of
from renet.common import files
from renet.evaluation import conclusions, run_table, summary
from renet.evaluation.metrics import summarise
from renet.evaluation.summary import SetSummary, Summary
from renet.evaluation.tables import SLICES

METRIC = "balanced_accuracy"


def summary_of(right: int, faces: int = 100) -> SetSummary:
    """The metrics of a set of which so many faces of each class are predicted correctly."""
    targets = np.repeat([0, 1], faces)
    wrong = np.tile(np.arange(faces) >= right, 2)
    return SetSummary(**summarise(predictions_of(targets, np.where(wrong == targets, 0.2, 0.8))))


def claims_of(leads: str = "test", **right: int) -> pd.DataFrame:
    sets = {name: summary_of(count) for name, count in right.items()}
    return run_table.of_run("a", sets, leads, METRIC).set_index("set")


def test_set_that_leads_is_one_test_and_the_others_are_corrected_for_each_other():
    found = claims_of("out_of_fold", out_of_fold=58, test=58, north=58, south=90, validation=90)
    p = found.p["test"]
    assert 0.025 < p < 0.05 and found.p_corrected["out_of_fold"] == p
    assert found.above[["out_of_fold", "test", "north", "south"]].tolist() == [1, 0, 0, 1]
    assert found.p_corrected["test"] == pytest.approx(2 * p)  # of three, that of south is first
    assert found.p_corrected["south"] == pytest.approx(3 * found.p["south"])
    assert found.loc["validation", ["p", "p_corrected", "above"]].isna().all()
    assert found.leads.to_dict() == {name: int(name == "out_of_fold") for name in found.index}


@pytest.mark.parametrize("metric", [METRIC, "accuracy"])
def test_set_of_one_class_makes_no_claim(metric):
    women = SetSummary(**summarise(predictions_of([0] * 40, [0.2] * 40)))
    found = run_table.of_run("a", {"test": women}, "test", metric).iloc[0]
    assert pd.isna(found.above) and pd.isna(found.p) and found.value == 1


@pytest.mark.fault("earlier-version")
def test_metrics_of_an_earlier_version_are_refused_with_the_way_out(tmp_path):
    files.write_json(tmp_path / "metrics.json", {"test": {"n": 50, "accuracy": 0.9}})
    with pytest.raises(files.InputError, match=r"metrics\.json is of another version .* delete it"):
        summary.read(tmp_path / "metrics.json")


def test_baseline_is_that_of_the_metric():
    given = predictions_of([0] * 20 + [1] * 60, [0.2] * 20 + [0.8] * 60)
    mostly_men = SetSummary(**summarise(given))
    for metric, baseline in (("accuracy", 0.75), ("balanced_accuracy", 0.5)):
        found = run_table.of_run("a", {"test": mostly_men}, "test", metric)
        assert (found.baseline[0], found.baseline_class[0]) == (baseline, "male")


def test_out_of_fold_set_is_corrected_for_the_runs_that_it_ranks_before_the_others_of_the_run():
    sets = {name: summary_of(58) for name in ("out_of_fold", "test")}
    one, three = (
        run_table.of_run("a", sets, "test", METRIC, ranked).set_index("set") for ranked in (1, 3)
    )
    p = one.p["test"]
    assert one.p.tolist() == [p, p] and one.above.tolist() == [1, 1]
    assert three.p.tolist() == [pytest.approx(3 * p), p] and three.above.tolist() == [0, 1]
    assert three.ranked.to_dict() == {"out_of_fold": 3, "test": 1}
    many = run_table.of_run("a", sets, "out_of_fold", METRIC, 50).set_index("set")
    assert many.p["out_of_fold"] == 1 and many.p_corrected["test"] == p


@pytest.mark.parametrize(("ranked", "is_above"), [(1, True), (3, False)])
def test_run_is_stated_as_its_row_of_the_table_says(ranked, is_above):
    of_folds = summary_of(58)
    found = run_of(29, 49, 0.55, folds=True, chosen=of_folds, ranked=ranked, train=200)
    sets = {"out_of_fold": of_folds}
    row = run_table.of_run("a", sets, "out_of_fold", METRIC, ranked).iloc[0]
    stated = found.stated.model_dump()
    assert stated == row[[*stated]].to_dict() and stated["above"] == is_above
    assert found.advice == (None if is_above else "few_updates")


def test_seeds_have_the_mean_and_are_above_the_baseline_if_each_is():
    sets = {"one": {"test": 90, "north": 90}, "two": {"test": 80, "north": 50}}
    runs = pd.concat(
        claims_of(**right).reset_index().assign(run=run) for run, right in sets.items()
    )
    found = run_table.of_seeds(runs, [["one", "two"]]).set_index("set")
    assert found.kind.unique() == ["seeds"] and found.run.unique() == ["one two"]
    assert found.value.to_dict() == {"test": pytest.approx(0.85), "north": pytest.approx(0.7)}
    assert found.deviation["test"] == pytest.approx(np.std([0.9, 0.8], ddof=1))
    assert found.above.to_dict() == {"test": 1, "north": 0} and found.low.isna().all()
    runs.loc[(runs.run == "two") & (runs.set == "test"), "leads"] = 0
    assert run_table.of_seeds(runs, [["one", "two"]]).leads.tolist() == [0, 0]


def run_of(
    test: int, faces: int, accuracy: float, *, folds=False, chosen=None, worth=1, male=0.5,
    ranked=1, **of_subsets: int,
):  # fmt: skip
    """What a run's own evaluation adds; it made 10 epochs in batches of 32."""
    chosen = chosen or summary_of(90, faces)
    chosen = chosen.model_copy(update={"effective_faces": chosen.effective_faces * worth})
    scaling = SimpleNamespace(fitted_on="out_of_fold" if folds else "validation")
    data = SimpleNamespace(faces={"train": 3200} | of_subsets, male_fraction=male)
    read = {"test": summary_of(test, faces), "validation": chosen, "calibration": scaling}
    given = Summary.model_construct(**read, data=data)
    history = pd.DataFrame({"epoch": [9, 10], "accuracy": [0.97, accuracy]})
    return conclusions.of_run(given, history, 32, METRIC, ranked)


@pytest.mark.parametrize(
    ("faces", "folds", "leads"),
    [(49, True, "out_of_fold"), (50, True, "test"), (49, False, "test")],
)
def test_cross_validation_leads_where_test_faces_are_few(faces, folds, leads):
    assert run_of(faces // 2, faces, 0.9, folds=folds).stated.set == leads


@pytest.mark.parametrize(
    ("right", "accuracy", "train", "male", "advice"),
    [
        (90, 0.9, 3200, 0.5, None), (80, 0.98, 3200, 0.5, "few_photos"),
        (50, 0.95, 3200, 0.5, "few_photos"), (50, 0.55, 288, 0.5, "few_updates"),
        (50, 0.58, 320, 0.5, "not_learnt"), (50, 0.6, 320, 0.5, "few_test_faces"),
        (50, 0.61, 320, 0.5, "few_photos"),
        *((50, 0.75, 3200, male, "not_learnt") for male in (0.3, 0.7)),
    ],
)  # fmt: skip
def test_advice_is_by_errors_on_training_faces_beside_their_majority_and_by_updates(
    right, accuracy, train, male, advice
):
    found = run_of(right, 100, accuracy, train=train, male=male)
    assert (found.advice, found.updates) == (advice, 10 * train / 32)


def test_choice_by_fewer_than_a_hundred_independent_faces_is_recorded():
    assert run_of(40, 49, 0.9).chosen_by_few.model_dump() == {"epoch": 98, "others": 98}
    assert run_of(40, 50, 0.9).chosen_by_few.model_dump() == {"epoch": None, "others": None}
    with_folds = run_of(40, 49, 0.9, folds=True)  # all training faces are validated in turns
    assert with_folds.chosen_by_few.model_dump() == {"epoch": None, "others": 98}
    best = run_of(40, 49, 0.9, folds=True, validation=20, worth=0.5)  # 98 faces of fewer people
    assert best.chosen_by_few.model_dump() == {"epoch": 10, "others": 49}


def test_groups_that_are_significantly_below_are_named_with_the_furthest_first():
    rows = [
        ("old", -0.1, 0.05, 0.2, 0.05), ("young", -0.2, 0.01, 0.4, 0.051),
        ("middle", -0.3, 0.06, 0, None), ("none", 0.1, None, 0, None),
        ("best", 0.2, 0.001, 0, None), ("few", 0.05, None, -0.3, 0.02),
    ]  # fmt: skip
    columns = ["value", "difference", "p_holm", "gap", "gap_p_holm"]
    frame = pd.DataFrame(rows, columns=columns).assign(slice="age").reindex(columns=SLICES.columns)
    assert conclusions.of_groups(frame, METRIC) == {
        "metric": METRIC,
        "tested": [["age", name] for name in ("old", "young", "middle", "best")],
        "below": [["age", "young"], ["age", "old"]],
        "compared": [["age", "old"], ["age", "young"], ["age", "few"]],
        "gaps": [["age", "few"], ["age", "old"]],
    }
