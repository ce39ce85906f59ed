"""The figures of a run agree with independent computations, and say how sure they are."""

import json

import jsonschema
import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats
from sklearn import metrics as reference

from helpers.predictions import answers_of
from helpers.project import ROOT, run_script
from renet.common.errors import InputError
from renet.evaluation import calibration, intervals, leakage, metrics, slices, weighted_metrics

QUICK = 200  # resamples where the width of an interval does not matter


def random_answers(count: int, people: int | None = None, seed: int = 0) -> pd.DataFrame:
    """Answers that are mostly right, with equal probabilities among them."""
    random = np.random.default_rng(seed)
    targets = (random.random(count) < 0.7).astype(int)
    p_male = np.clip(random.normal(0.35 + 0.3 * targets, 0.25), 0.001, 0.999).round(2)
    people = people or count
    return answers_of(targets, p_male, [f"p{n}" for n in random.integers(people, size=count)])


def summarise(answers: pd.DataFrame) -> dict:
    return metrics.summarise(answers, 0.7, QUICK)


def test_figures_agree_with_a_count_by_hand():
    figures = summarise(answers_of([0, 0, 1, 1, 1, 1], [0.2, 0.8, 0.8, 0.8, 0.8, 0.2]))
    assert (figures["n"], figures["subjects"]) == (6, 6)
    assert figures["confusion_matrix"] == [[1, 1], [1, 3]]
    assert figures["accuracy"] == pytest.approx(4 / 6)
    assert figures["recall"] == {"female": 0.5, "male": 0.75}
    assert figures["precision"] == {"female": 0.5, "male": 0.75}
    assert figures["balanced_accuracy"] == pytest.approx(0.625)
    assert figures["mcc"] == pytest.approx((1 * 3 - 1 * 1) / np.sqrt(2 * 4 * 2 * 4))
    # Of the 8 pairs of a woman and a man, 3 are in order, 4 are ties and 1 is the wrong way round.
    assert figures["roc_auc"] == pytest.approx((3 + 4 / 2) / 8)
    assert figures["pr_auc"]["male"] == pytest.approx(3 / 4 * 3 / 4 + 1 / 4 * 4 / 6)
    assert figures["loss"] == pytest.approx(-(4 * np.log(0.8) + 2 * np.log(0.2)) / 6)
    assert figures["brier"] == pytest.approx((4 * 0.2**2 + 2 * 0.8**2) / 6)
    assert figures["ece"] == pytest.approx(abs(0.8 - 4 / 6))
    assert figures["answers_one_class"] is False


def test_baseline_answers_the_training_sets_majority_class():
    baseline = metrics.summarise(answers_of([0, 0, 0, 1], [0.1, 0.2, 0.3, 0.9]), 0.7, QUICK)
    baseline = baseline["majority_baseline"]
    assert baseline["class"] == "male" and baseline["accuracy"] == 0.25
    assert baseline["balanced_accuracy"] == 0.5 and baseline["mcc"] == 0
    assert baseline["roc_auc"] == 0.5 and baseline["pr_auc"] == {"female": 0.75, "male": 0.25}
    assert baseline["loss"] == pytest.approx(-(3 * np.log(0.3) + np.log(0.7)) / 4)


def test_network_that_says_the_same_of_every_face_is_called_out():
    figures = summarise(answers_of([0, 1, 1, 1], [0.5, 0.5, 0.5, 0.5]))
    assert figures["answers_one_class"] is True
    assert figures["accuracy"] == 0.25 and figures["balanced_accuracy"] == 0.5
    assert figures["roc_auc"] == 0.5 and figures["mcc"] == 0


def test_subset_of_one_class_has_the_figures_that_it_defines():
    figures = summarise(answers_of([1, 1], [0.8, 0.2]))
    assert figures["recall"] == {"female": None, "male": 0.5}
    assert figures["balanced_accuracy"] == 0.5
    assert figures["roc_auc"] is None and figures["pr_auc"] == {"female": None, "male": 1.0}
    assert figures["intervals"]["roc_auc"] == {"subjects": None}


def test_matthews_coefficient_holds_for_any_number_of_answers():
    matrix = np.array([[9, 1], [1, 9]])
    assert weighted_metrics.matthews(matrix * 10**8) == pytest.approx(
        weighted_metrics.matthews(matrix)
    )


def test_weighted_figures_agree_with_scikit_learn():
    answers = random_answers(400)
    weights = np.random.default_rng(1).integers(0, 4, len(answers)).astype(float)
    found = dict(
        zip(weighted_metrics.NAMES, weighted_metrics.WeightedFigures(answers)(weights), strict=True)
    )
    target, predicted, p_male = (answers[name] for name in ("target", "predicted", "p_male"))
    given = {"sample_weight": weights}
    expected = {
        "accuracy": reference.accuracy_score(target, predicted, **given),
        "balanced_accuracy": reference.balanced_accuracy_score(target, predicted, **given),
        "recall_female": reference.recall_score(target, predicted, pos_label=0, **given),
        "recall_male": reference.recall_score(target, predicted, **given),
        "mcc": reference.matthews_corrcoef(target, predicted, **given),
        "roc_auc": reference.roc_auc_score(target, p_male, **given),
        "pr_auc_female": reference.average_precision_score(target == 0, 1 - p_male, **given),
        "pr_auc_male": reference.average_precision_score(target, p_male, **given),
        "loss": reference.log_loss(target, p_male, **given),
        "brier": reference.brier_score_loss(target, p_male, **given),
    }
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("right", "count"), [(0, 5), (5, 5), (41, 50), (45_000, 50_000)])
def test_wilsons_interval_agrees_with_its_formula(right, count):
    z, share = stats.norm.ppf(0.975), right / count
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    reach = z * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    assert intervals.wilson(right, count) == pytest.approx((middle - reach, middle + reach))


def test_wilsons_interval_of_nothing_says_nothing():
    assert intervals.wilson(0, 0) == (0, 1)


def width(answers: pd.DataFrame) -> float:
    low, high = metrics.summarise(answers, 0.7)["intervals"]["accuracy"]["subjects"]
    return high - low


def test_bootstrap_of_independent_photos_has_the_width_of_the_normal_approximation():
    answers = random_answers(1000)
    answers["subject"] = answers.id
    share = answers.correct.mean()
    expected = 2 * 1.96 * np.sqrt(share * (1 - share) / len(answers))
    assert width(answers) == pytest.approx(expected, rel=0.1)


def test_bootstrap_is_wider_where_people_repeat():
    one_each = random_answers(500)
    one_each["subject"] = one_each.id
    four_each = pd.concat([one_each] * 4)
    independent = four_each.assign(subject=[f"p{number}" for number in range(len(four_each))])
    # Four photos with the same answer tell as much as one.
    assert width(four_each) == pytest.approx(width(one_each), rel=0.01)
    assert width(four_each) == pytest.approx(2 * width(independent), rel=0.15)


def test_same_answers_have_the_same_intervals():
    assert summarise(random_answers(200, 50)) == summarise(random_answers(200, 50))


def overconfident(count: int, factor: float, seed: int) -> pd.DataFrame:
    """Answers whose log-odds are `factor` times what they should be."""
    random = np.random.default_rng(seed)
    odds = random.normal(0, 2, count)
    targets = (random.random(count) < 1 / (1 + np.exp(-odds))).astype(int)
    return answers_of(targets, 1 / (1 + np.exp(-factor * odds)))


def test_temperature_undoes_overconfidence():
    validation, test = overconfident(20_000, 3, seed=1), overconfident(20_000, 3, seed=2)
    found = metrics.calibrate(validation, test)
    assert found["temperature"] == pytest.approx(3, rel=0.05) and not found["at_bound"]
    before = summarise(test)
    assert found["ece"] < 0.02 < before["ece"] and found["loss"] < before["loss"]


def test_temperature_is_fitted_on_the_validation_set_alone():
    validation = overconfident(500, 3, seed=1)
    found = [
        metrics.calibrate(validation, test)["temperature"]
        for test in (overconfident(500, 1, seed=2), overconfident(300, 9, seed=3))
    ]
    assert found[0] == found[1]


def test_temperature_of_a_validation_set_without_mistakes_is_said_to_be_at_its_bound():
    perfect = answers_of([0, 1], [0.1, 0.9])
    assert metrics.calibrate(perfect, perfect)["at_bound"] is True


def test_calibration_error_agrees_with_a_loop():
    answers = overconfident(500, 2, seed=1)
    confidence = np.maximum(answers.p_male, answers.p_female)
    total = 0.0
    for low in np.arange(10) / 20 + 0.5:
        inside = (confidence >= low) & (confidence < low + 0.05)
        total += abs(confidence[inside].sum() - answers.correct[inside].sum())
    bins = calibration.reliability(answers.p_male.to_numpy(), answers.target.to_numpy())
    assert calibration.expected_error(bins) == pytest.approx(total / len(answers), abs=1e-9)
    assert bins.n.sum() == len(answers)


def split_of(**columns) -> pd.DataFrame:
    return pd.DataFrame(
        {"subset": ["train", "train", "validation", "test"], "subject": ["a", "b", "c", "d"],
         "digest": ["1", "2", "3", "4"], "target": [0, 1, 1, 0]} | columns
    )  # fmt: skip


def test_split_that_keeps_people_apart_passes():
    found = leakage.check(split_of(), "subject", "split.csv")
    assert found == {
        "split_by": "subject", "subjects_in_two_subsets": 0, "photos_in_two_subsets": 0,
        "test_samples_seen": 0,
    }  # fmt: skip


def test_person_in_two_subsets_is_refused_where_the_split_is_by_person():
    split = split_of(subject=["a", "b", "c", "a"])
    with pytest.raises(InputError, match=r"split.csv has 1 people in more than one subset"):
        leakage.check(split, "subject", "split.csv")
    found = leakage.check(split, "image", "split.csv")
    assert found["subjects_in_two_subsets"] == 1 and found["test_samples_seen"] == 1


@pytest.mark.parametrize("by", ["subject", "image"])
def test_photo_in_two_subsets_is_always_refused(by):
    with pytest.raises(InputError, match="1 photos with the same pixels"):
        leakage.check(split_of(digest=["1", "2", "1", "4"]), by, "split.csv")


def slice_table(answers: pd.DataFrame, seen: list[bool] | None = None) -> pd.DataFrame:
    seen = pd.Series(seen or [False] * len(answers))
    return slices.tabulate(answers, slices.label(answers, (128, 128), seen), QUICK)


def test_each_slice_holds_every_sample_once():
    answers = random_answers(300, 80)
    random = np.random.default_rng(2)
    answers["age"] = random.choice([5, 15, 35, 75, np.nan], 300)
    answers["year"] = random.choice([1969, 2001, np.nan], 300)
    answers["face_score"] = random.choice([0.5, 1.0, 6.5, np.inf], 300)
    answers["crop_width"] = random.choice([40, 128, 400], 300)
    table = slice_table(answers)
    assert (table.groupby("slice").n.sum() == 300).all()
    assert (table.n_female + table.n_male == table.n).all()
    assert (table.groupby("slice").apply(lambda part: (part.n * part.accuracy).sum()).round()
            == answers.correct.sum()).all()  # fmt: skip
    assert table.columns.tolist() == slices.COLUMNS


def test_slices_agree_with_the_answers_that_they_hold():
    answers = answers_of([0, 0, 1, 1], [0.2, 0.8, 0.8, 0.7], list("abcc"), age=[20, 29, 30, np.nan])
    table = slice_table(answers).set_index(["slice", "value"])
    twenties = table.loc[("age", "20–29 years")]
    assert (twenties.n, twenties.subjects, twenties.accuracy) == (2, 2, 0.5)
    assert twenties.recall_female == 0.5 and np.isnan(twenties.recall_male)
    assert (twenties.wilson_low, twenties.wilson_high) == intervals.wilson(1, 2)
    assert table.loc[("age", "unknown")].n == 1
    assert table.loc[("recorded gender", "male")].subjects == 1
    assert table.loc[("scaled", "up")].n == 4


def test_bands_hold_their_lower_edge():
    values = pd.Series([-1, 0, 9, 10, 70, np.nan])
    assert slices.bands(values, [0, 10, 70], "years").tolist() == [
        "below 0 years", "0–9 years", "0–9 years", "10–69 years", "70 years and more", "unknown",
    ]  # fmt: skip


def test_seen_people_are_a_slice_where_there_are_any():
    answers = answers_of([0, 0, 1, 1], [0.2, 0.8, 0.8, 0.7])
    assert "person in the training set" not in set(slice_table(answers).slice)
    table = slice_table(answers, [True, False, True, True]).set_index(["slice", "value"])
    assert table.loc[("person in the training set", "yes")].accuracy == 1
    assert table.loc[("person in the training set", "no")].accuracy == 0


@pytest.fixture
def tables(tmp_path):
    """What evaluate reads, with a person called NA; every answer is male."""
    answers = answers_of([0, 1, 1], [0.8, 0.8, 0.6], ["NA", "b", "c"], age=[30, 40, np.nan])
    for name in ("inference.csv", "inference_validation.csv"):
        answers.to_csv(tmp_path / name, index=False)
    (tmp_path / "history.csv").write_text(
        "epoch,learning_rate,loss,accuracy,validation_loss,validation_accuracy\n"
        "1,0.01,0.7,0.5,,\n2,0.01,0.6,0.6,0.65,0.55\n"
    )
    split_of(subject=["x", "y", "b", "NA"]).to_csv(tmp_path / "split.csv", index=False)
    return tmp_path


def evaluate(folder, output, *options):
    names = ("inference.csv", "inference_validation.csv", "history.csv", "split.csv")
    return run_script(
        "evaluate.py", *(folder / name for name in names), "-o", folder / output, *options
    )


def test_evaluation_prints_the_accuracy_as_the_course_does_and_warns(tables):
    for attempt in ("a", "b"):
        outcome = evaluate(tables, attempt)
        assert outcome.returncode == 0, outcome.stderr
    assert "Accuracy = 66.7%" in outcome.stderr
    assert "same answer to every face" in outcome.stderr
    written = sorted(path.name for path in (tables / "a").iterdir())
    assert written == [
        "confusion_matrix.svg", "learning_curve.svg", "metrics.json", "ranking_curves.svg",
        "reliability.svg", "slices.csv", "slices.svg",
    ]  # fmt: skip
    for name in written:
        assert (tables / "a" / name).read_bytes() == (tables / "b" / name).read_bytes()
    figures = json.loads((tables / "a" / "metrics.json").read_text())
    assert (figures["test"]["n"], figures["test"]["subjects"]) == (3, 3)


def test_metrics_json_is_as_its_schema_says(tables):
    evaluate(tables, "out")
    schema = yaml.safe_load((ROOT / "workflow/schemas/metrics.schema.yaml").read_text())
    figures = json.loads((tables / "out" / "metrics.json").read_text())
    checker = jsonschema.Draft202012Validator(schema)
    checker.check_schema(schema)
    checker.validate(figures)
    for part, key in ((figures["test"], "news"), (figures["test"]["majority_baseline"], "n")):
        part[key] = 1
        assert not checker.is_valid(figures)
        del part[key]


def test_leaking_split_stops_the_evaluation(tables):
    split_of(subject=["x", "y", "b", "x"]).to_csv(tables / "split.csv", index=False)
    outcome = evaluate(tables, "out")
    assert outcome.returncode == 1 and "1 people in more than one subset" in outcome.stderr
    assert not (tables / "out" / "metrics.json").exists()
    assert evaluate(tables, "out", "--split-by", "image").returncode == 0


def test_table_of_something_else_is_refused_by_name(tables):
    (tables / "inference.csv").write_text("a,b\n1,2\n")
    outcome = evaluate(tables, "out")
    assert outcome.returncode == 1 and "inference.csv lacks the columns id" in outcome.stderr
