"""The metrics of a run agree with independent computations; so do their intervals."""

import json

import jsonschema
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy import stats
from scipy.special import expit

from helpers.cropped import random_hash, samples_of
from helpers.predictions import predictions_of, predictions_with
from helpers.project import ROOT, call_script
from renet.common.errors import InputError
from renet.config.split import SplitSettings
from renet.evaluation import calibration, leakage, run_figures, run_metrics, slices
from renet.evaluation import confidence_intervals as intervals
from renet.evaluation.metrics import summarise
from renet.evaluation.summary import Summary
from renet.evaluation.tables import SLICES
from renet.metadata.subjects import effective_number


def random_predictions(count: int, people: int | None = None, seed: int = 0) -> pd.DataFrame:
    """Predictions that are mostly correct, with equal probabilities among them."""
    random = np.random.default_rng(seed)
    targets = (random.random(count) < 0.7).astype(int)
    p_male = np.clip(random.normal(0.35 + 0.3 * targets, 0.25), 0.001, 0.999).round(2)
    people = people or count
    return predictions_of(targets, p_male, [f"p{n}" for n in random.integers(people, size=count)])


def proportions(*parts: tuple[int, int]) -> list[intervals.Proportion]:
    """Of so many that hold of so many independent ones."""
    return [intervals.proportion(np.arange(of) < yes, np.arange(of)) for yes, of in parts]


def test_metrics_agree_with_a_count_by_hand():
    found = summarise(predictions_of([0, 0, 1, 1, 1, 1], [0.2, 0.8, 0.8, 0.8, 0.8, 0.2]))
    assert (found["n"], found["subjects"]) == (6, 6)
    assert found["confusion_matrix"] == [[1, 1], [1, 3]]
    assert found["accuracy"] == pytest.approx(4 / 6)
    assert found["recall"] == {"female": 0.5, "male": 0.75}
    assert found["precision"] == {"female": 0.5, "male": 0.75}
    assert found["balanced_accuracy"] == pytest.approx(0.625)
    # Of the 8 pairs of a woman and a man, 3 are ranked correctly, 4 are ties and 1 is reversed.
    assert found["roc_auc"] == pytest.approx((3 + 4 / 2) / 8)
    assert found["loss"] == pytest.approx(-(4 * np.log(0.8) + 2 * np.log(0.2)) / 6)
    assert found["constant_prediction"] is False


def test_baseline_predicts_the_majority_class_of_the_set():
    baseline = summarise(predictions_of([0, 0, 0, 1], [0.1, 0.2, 0.3, 0.9]))["majority_baseline"]
    assert baseline["class"] == "female" and baseline["accuracy"] == 0.75
    assert baseline["balanced_accuracy"] == baseline["roc_auc"] == 0.5
    assert "loss" not in baseline  # it does not predict a probability


def test_constant_prediction_is_flagged():
    found = summarise(predictions_of([0, 1, 1, 1], [0.5, 0.5, 0.5, 0.5]))
    assert found["constant_prediction"] is True
    assert summarise(predictions_of([1, 1], [0.6, 0.6]))["constant_prediction"] is False
    assert found["accuracy"] == 0.25 and found["balanced_accuracy"] == 0.5
    assert found["roc_auc"] == 0.5
    claim = summarise(predictions_of([0, 1, 1, 1], [0.6] * 4))["above_baseline"]["accuracy"]
    assert claim["difference"] == 0 and claim["p"] == 1 and not claim["above"]


@pytest.mark.parametrize("men", [40, 100, 160])
@pytest.mark.parametrize("p_male", [np.full(200, 0.1), np.tile([0.1, 0.9], 100)])
def test_constant_and_random_predictions_are_above_the_baseline_for_no_share_of_men(men, p_male):
    targets = np.random.default_rng(men).permutation(np.arange(200) < men)
    found = summarise(predictions_of(targets.astype(int), p_male))
    for metric, claim in found["above_baseline"].items():
        assert not claim["above"]
        baseline = found["majority_baseline"][metric]
        assert claim["difference"] == pytest.approx(found[metric] - baseline)


@pytest.mark.parametrize(("right", "is_above"), [(55, False), (62, True)])
def test_p_values_against_the_baseline_agree_with_the_intervals(right, is_above):
    found = summarise(predictions_with((right, 100), (right, 100)))
    assert found["intervals"]["balanced_accuracy"][0] > 0.5 or not is_above
    for metric, claim in found["above_baseline"].items():
        assert claim["above"] == (claim["p"] < 0.05) == (claim["interval"][0] > 0) == is_above
        assert claim["difference"] == pytest.approx(found[metric] - 0.5)


def test_metrics_that_a_subset_of_one_class_does_not_define_are_null():
    found = summarise(predictions_of([1, 1], [0.8, 0.2]))
    assert found["recall"] == {"female": None, "male": 0.5}
    assert found["balanced_accuracy"] == 0.5
    assert found["roc_auc"] is None
    assert found["intervals"]["roc_auc"] is found["intervals"]["recall_female"] is None
    assert found["above_baseline"] == {"accuracy": None, "balanced_accuracy": None}
    assert found["male_minus_female"] == {"value": None, "interval": None, "significant": False}


@pytest.mark.parametrize(
    ("correct", "effect"),
    # A person is right once or never; the variance over people is too small, or that of a copy.
    [([1, 1, 1, 0] * 10, 1.3), ([1] * 36 + [0] * 4, 4 * 39 / 36)],
)
def test_photos_of_a_person_are_never_taken_as_nearly_independent(correct, effect):
    found = intervals.proportion(np.array(correct), np.arange(40) // 4)
    assert found.people == 10 and found.design_effect == pytest.approx(effect)


def test_people_with_many_photos_make_the_number_of_people_smaller():
    one, others = ["p0"] * 40, [f"q{n}" for n in range(40)]
    found = summarise(random_predictions(80).assign(subject=one + others))
    assert found["effective_people"] == 80**2 / (40**2 + 40) and found["effective_faces"] < 40
    one_each = summarise(random_predictions(30).assign(subject=[f"q{n}" for n in range(30)]))
    assert one_each["effective_people"] == one_each["effective_faces"] == pytest.approx(30)


def exact(right: int, of: int) -> tuple[float, float]:
    return stats.binomtest(right, of).proportion_ci(method="exact")


def test_interval_of_a_difference_follows_from_those_of_its_parts():
    (low, _), (_, high) = exact(56, 70), exact(48, 80)
    found, _ = intervals.combination((1, -1), proportions((56, 70), (48, 80)))
    assert found == pytest.approx(0.2 - np.hypot(0.8 - low, high - 0.6))


@pytest.mark.parametrize(
    ("female", "male", "significant"),
    [((17, 20), (29, 30), False), ((100, 200), (190, 200), True), ((1, 3), (3, 3), False)],
)
def test_difference_whose_interval_covers_zero_is_not_significant(female, male, significant):
    recalls = male[0] / male[1] - female[0] / female[1]
    found = summarise(predictions_with(female, male))["male_minus_female"]
    assert found["value"] == pytest.approx(recalls) and found["significant"] == significant
    p_value = intervals.difference_p_value((1, -1), proportions(female, male))
    assert (found["interval"][0] > 0) == (p_value < 0.05) == significant


def test_difference_from_the_baseline_is_paired_on_the_same_faces():
    # The network alone is correct for 10 of 100 faces, the baseline alone for none.
    targets = np.repeat([0, 1], [10, 90])
    found = summarise(predictions_of(targets, np.repeat([0.2, 0.8], [10, 90])))
    claim = found["above_baseline"]["accuracy"]
    assert claim["difference"] == pytest.approx(0.1) and claim["above"]
    (low, high), (_, lost) = exact(10, 100), exact(0, 100)
    assert claim["interval"] == pytest.approx([0.1 - np.hypot(0.1 - low, lost), high])


@pytest.mark.parametrize(("people", "significant"), [(1, False), (2, False), (30, True)])
def test_faces_of_few_people_say_little(people, significant):
    """Each person is a woman who is recognised; the baseline always predicts male."""
    predictions = predictions_of(np.repeat([0, 1], 30), np.repeat([0.1, 0.9], 30))
    predictions["subject"] = [f"{number // 30} {number % people}" for number in range(60)]
    found = summarise(predictions)
    assert found["above_baseline"]["accuracy"]["difference"] == 0.5
    assert found["above_baseline"]["accuracy"]["above"] == significant
    assert found["few"] and found["small"] == (people < 10)
    low, high = found["intervals"]["accuracy"]
    assert low < 0.95 and high == pytest.approx(1)


def test_interval_of_a_ranking_without_an_error_ends_at_one():
    found = summarise(predictions_of(np.repeat([0, 1], 20), np.repeat([0.2, 0.8], 20)))
    low, high = found["intervals"]["roc_auc"]
    assert found["roc_auc"] == high == 1 and 0.7 < low < 0.95


def test_auc_of_one_man_has_no_interval():
    faces = predictions_of([0] * 30 + [1] * 5, [0.2] * 30 + [0.1, 0.8, 0.3, 0.2, 0.9])
    faces = faces.assign(subject=[f"q{n}" for n in range(30)] + ["p"] * 5)
    assert summarise(faces)["intervals"]["roc_auc"] is None


def score_error(bound: float, counts: tuple[int, int]) -> float:
    """The standard error at an AUC, of Newcombe's method 5, without a design effect."""
    pairs = (1 - bound) / (2 - bound) + bound / (1 + bound)
    variance = bound * (1 - bound) * (1 + (sum(counts) / 2 - 1) * pairs)
    return float(np.sqrt(variance / np.prod(counts)))


def test_standard_error_of_the_auc_is_that_of_hanley_and_mcneil():
    """Their example of 51 abnormal and 58 normal images (Radiology 143, 1982)."""
    assert score_error(0.893, (51, 58)) == pytest.approx(0.032, abs=0.0005)


@pytest.mark.parametrize("copies", [1, 2])  # two photos of a person are too different, or alike
def test_interval_of_the_auc_agrees_with_all_pairs_of_faces(copies):
    faces = pd.concat([random_predictions(90, people=40)] * copies)
    male, female = faces[faces.target == 1], faces[faces.target == 0]
    pairs = np.subtract.outer(male.p_male.to_numpy(), female.p_male.to_numpy())
    right = pd.DataFrame((np.sign(pairs) + 1) / 2, male.subject, female.subject)
    auc, people = right.to_numpy().mean(), effective_number(faces.subject)
    added = pd.concat([(right.mean(axis=1) - auc) / len(male), (right.mean() - auc) / len(female)])
    clustered = people / (people - 1) * (added.groupby(level=0).sum() ** 2).sum()
    effect = clustered / (added**2).sum() if copies > 1 else 1 + 0.1 * (len(faces) / people - 1)
    t = stats.t.isf(0.025, min(effective_number(part.subject) for part in (male, female)) - 1)
    found = summarise(faces)
    assert found["roc_auc"] == pytest.approx(auc)
    for bound in found["intervals"]["roc_auc"]:
        error = np.sqrt(effect) * score_error(bound, (len(male), len(female)))
        assert abs(bound - auc) == pytest.approx(t * error)


def overconfident(count: int, factor: float, seed: int) -> pd.DataFrame:
    """Predictions whose log-odds are `factor` times those of a calibrated network."""
    random = np.random.default_rng(seed)
    odds = random.normal(0, 2, count)
    targets = (random.random(count) < 1 / (1 + np.exp(-odds))).astype(int)
    table = predictions_of(targets, expit(factor * odds))
    return table.assign(p_female=expit(-factor * odds))  # 1 - p_male can be 0


@pytest.mark.parametrize("factor", [3, 12])
def test_temperature_scaling_corrects_overconfidence(factor):
    validation, test = (overconfident(20_000, factor, seed) for seed in (1, 2))
    temperature = calibration.temperature_scaling(validation)["temperature"]
    assert temperature == pytest.approx(factor, rel=0.05)
    scaled = test.assign(p_male=expit(np.log(test.p_male / test.p_female) / temperature))
    assert summarise(scaled)["loss"] < summarise(test)["loss"]


@pytest.mark.parametrize(
    ("count", "factor", "confidences"),
    [(2000, 2, "too_high"), (2000, 0.5, "too_low"), (2000, 1, "no_error_found"),
     (40, 1, "inconclusive")],
)  # fmt: skip
def test_confidences_are_judged_by_the_interval_of_the_temperature(count, factor, confidences):
    found = calibration.temperature_scaling(overconfident(count, factor, seed=3))
    low, high = found["interval"]
    assert found["confidences"] == confidences
    assert (low > 1, high < 1) == (confidences == "too_high", confidences == "too_low")
    assert (confidences == "inconclusive") == (low < 1 < high and high > 2 * low)
    assert (confidences == "inconclusive") == (found["unfitted"] is not None)


SOME = overconfident(60, 2, seed=1)


@pytest.mark.parametrize(
    ("validation", "reason"),
    [
        (predictions_of([0, 1] * 30, [0.1, 0.9] * 30), "limit"),
        (predictions_of([0, 1] * 30, [0.9, 0.1] * 30), "limit"),
        (SOME.head(29), "small"),
        (SOME.assign(subject=[*["one"] * 20, *range(40)]), "small"),  # an effective number of 8.2
        (SOME.assign(subject=[*["one"] * 15, *range(45)]), "unclear"),  # 13.3
    ],
)
def test_temperature_without_a_reliable_fit_is_one(validation, reason):
    found = calibration.temperature_scaling(validation)
    assert (found["unfitted"], found["temperature"]) == (reason, 1)
    assert (found["interval"] is None) == (reason != "unclear")


def split_of(**columns) -> pd.DataFrame:
    given = {"subset": ["train", "train", "validation", "test"], "year": [1990, 2001, None, 2015]}
    return samples_of(np.array([0, 1, 1, 0])).assign(**given | columns)


def test_split_that_keeps_people_and_by_its_settings_copies_apart_passes():
    found = leakage.check(split_of(), SplitSettings(), "split.csv")
    assert found == {
        "split_by": "subject", "test_samples_of_training_subjects": 0,
        "in_two_subsets": {"people": 0, "photos": 0, "pixels": 0, "near-duplicates": 0},
    }  # fmt: skip
    settings = SplitSettings(near_duplicates=False)
    found = leakage.check(split_of(phash=[random_hash("1")] * 4), settings, "split.csv")
    assert "near-duplicates" not in found["in_two_subsets"]


def test_person_in_two_subsets_is_refused_where_the_split_is_by_person():
    split = split_of(subject=["a", "b", "c", "a"])
    with pytest.raises(InputError, match=r"split.csv has the same people \(1\) in more than one"):
        leakage.check(split, SplitSettings(), "split.csv")
    found = leakage.check(split, SplitSettings(by="image"), "split.csv")
    assert found["in_two_subsets"]["people"] == found["test_samples_of_training_subjects"] == 1


@pytest.mark.parametrize("by", ["subject", "image"])
@pytest.mark.parametrize(
    ("column", "values", "what"),
    [
        ("photo_digest", ["1", "2", "1", "2"], r"photos \(2\)"),
        ("digest", ["1", "2", "1", "4"], r"pixels \(1\)"),
        ("phash", [ONE := random_hash("1"), ONE[:-1] + "0", ONE, ONE], r"near-duplicates \(1\)"),
    ],
)
def test_photo_in_two_subsets_is_always_refused(by, column, values, what):
    with pytest.raises(InputError, match=f"the same {what} in more than one subset"):
        leakage.check(split_of(**{column: values}), SplitSettings(by=by), "split.csv")


def test_years_of_photos_without_any_are_null():
    found = run_metrics._composition(split_of(year=[None] * 4))
    assert (found["first_year"], found["last_year"]) == (None, None)


def slice_table(
    predictions: pd.DataFrame, in_training_set: list[bool] | None = None
) -> pd.DataFrame:
    flags = pd.Series(in_training_set or [False] * len(predictions))
    return slices.tabulate(predictions, slices.assign(predictions, flags), "accuracy")


def test_each_slice_holds_every_sample_once():
    predictions = random_predictions(300, 80)
    random = np.random.default_rng(2)
    predictions["age"] = random.choice([5, 15, 35, 75, np.nan], 300)
    predictions["year"] = random.choice([1969, 2001, np.nan], 300)
    predictions["face_score"] = random.choice([0.5, 1.0, 6.5, np.inf], 300)
    predictions["crop_width"] = random.choice([40, 128, 400], 300)
    table = slice_table(predictions)
    assert (table.groupby("slice").n.sum() == 300).all()
    assert (table.n_female + table.n_male == table.n).all()
    assert (table.groupby("slice").apply(lambda part: (part.n * part.accuracy).sum()).round()
            == predictions.correct.sum()).all()  # fmt: skip
    assert table.columns.tolist() == list(SLICES.columns)


def test_slices_agree_with_their_predictions_and_bands_hold_their_lower_edge():
    predictions = predictions_of(
        [0, 0, 1, 1], [0.2, 0.8, 0.8, 0.7], list("abcc"), age=[20, 29, 30, np.nan],
        face_score=[0.5, 1, 6, np.inf],
    )  # fmt: skip
    table = slice_table(predictions).set_index(["slice", "value"])
    twenties = table.loc[("age", "20–29 years")]
    assert (twenties.n, twenties.subjects, twenties.accuracy) == (2, 2, 0.5)
    assert twenties.recall_female == 0.5 and np.isnan(twenties.recall_male)
    assert (twenties.low, twenties.high) == pytest.approx(exact(1, 2))
    assert table.loc["age"].n.to_dict() == {"20–29 years": 2, "30–39 years": 1, "unknown": 1}
    assert table.loc["face score"].n.to_dict() == {"below 1": 1, "1–2": 1, "6 and more": 2}
    assert table.loc[("recorded gender", "male")].subjects == 1


def test_published_bands_of_ages_stand_in_place_of_equal_bands():
    predictions = predictions_of([0, 1, 0, 1], [0.2, 0.8, 0.2, 0.8], age=[24, 24, 1, 5])
    bands = {"column age": ["20-29", "20-29", "0-2", "3-9"]}
    table = slice_table(predictions.assign(**bands))
    shown = [*zip(table.slice, table.value, strict=True)]
    assert ("column age", "20-29") in shown and ("age", "20–29 years") not in shown
    assert ("age", "0–9 years") in shown  # two bands of the table


def test_people_of_the_training_set_are_a_slice_if_there_are_any():
    predictions = predictions_of([0, 0, 1, 1], [0.2, 0.8, 0.8, 0.7])
    assert "person in the training set" not in set(slice_table(predictions).slice)
    table = slice_table(predictions, [True, False, True, True]).set_index(["slice", "value"])
    assert table.loc[("person in the training set", "yes")].accuracy == 1
    assert table.loc[("person in the training set", "no")].accuracy == 0
    predictions.loc[1, "subject"] = "own:/1.jpg"
    table = slice_table(predictions, [True, False, True, True]).set_index(["slice", "value"])
    assert table.n["person in the training set"].to_dict() == {"unknown": 1, "yes": 3}


@pytest.fixture
def tables(tmp_path):
    """What evaluate reads, with a person called NA; every prediction is male."""
    predictions = predictions_of([0, 1, 1], [0.8, 0.8, 0.6], ["NA", "b", "c"], age=[30, 40, np.nan])
    for name, subset in (("inference.csv", "test"), ("inference_validation.csv", "validation")):
        predictions.assign(subset=subset).to_csv(tmp_path / name, index=False)
    (tmp_path / "history.csv").write_text(
        "epoch,learning_rate,loss,accuracy,validation_loss,validation_accuracy\n"
        "1,0.01,0.7,0.5,,\n2,0.01,0.6,0.6,0.65,0.55\n"
    )
    split_of(subject=["x", "y", "b", "NA"]).to_csv(tmp_path / "split.csv", index=False)
    return tmp_path


def evaluate(folder, output, **options):
    call_script(
        "evaluate", run="renet", test=folder / "inference.csv",
        validation=folder / "inference_validation.csv",
        split=[folder / "split.csv"], history=folder / "history.csv", model=folder / "split.csv",
        evaluations=folder / "evaluations", metrics=folder / output / "metrics.json",
        slice_table=folder / output / "slices.csv", **options,
    )  # fmt: skip


@pytest.mark.parametrize("subset", ["test", "out_of_fold"])
def test_faces_of_folds_that_the_initial_weights_knew_are_warned_about(tables, caplog, subset):
    predictions = pd.read_csv(tables / "inference.csv", keep_default_na=False)
    predictions.assign(subset=subset).to_csv(tables / "inference.csv", index=False)
    known = [bytes.fromhex(text) for text in split_of().phash[:2]]
    np.save(tables / "hashes.npy", np.stack([np.frombuffer(one, np.uint64) for one in known], 1))
    evaluate(tables, "a", initial_hashes=tables / "hashes.npy")
    counts = json.loads((tables / "a/metrics.json").read_text())["leakage"]
    counts = counts["faces_of_initial_weights"]
    assert counts["train"] == 2 and counts["validation"] == 0
    warned = "initial weights were trained on faces of these subsets: 2 of train" in caplog.text
    assert warned == (subset == "out_of_fold")


def test_evaluation_prints_the_accuracy_as_the_course_does_and_warns(tables, caplog):
    caplog.set_level("INFO")
    names = [f"{name}.svg" for name in run_figures.RUN_FIGURES]
    for attempt in ("a", "b"):
        evaluate(tables, attempt, figures=[tables / attempt / name for name in names])
    assert "Accuracy = 66.7%" in caplog.text
    assert "The network predicts the same class for every face of the set test." in caplog.text
    first, again = ({path.name: path.read_bytes() for path in (tables / attempt).iterdir()}
                    for attempt in ("a", "b"))  # fmt: skip
    assert set(first) == {"metrics.json", "slices.csv", *names} and first == again
    found = json.loads((tables / "a" / "metrics.json").read_text())
    assert (found["test"]["n"], found["test"]["subjects"]) == (3, 3)
    assert found["data"] == {
        "faces": {"train": 2, "validation": 1, "test": 1}, "subjects": 4, "unnamed_photos": 0,
        "male_fraction": 0.5, "first_year": 1990, "last_year": 2015,
    }  # fmt: skip


def test_metrics_json_is_as_its_schema_says(tables):
    evaluate(tables, "out")
    schema = json.loads((ROOT / "workflow/schemas/metrics.schema.json").read_text())
    found = json.loads((tables / "out" / "metrics.json").read_text())
    checker = jsonschema.Draft202012Validator(schema)
    checker.check_schema(schema)
    checker.validate(found)
    assert list(found) == ["data", "test", "validation", "groups", "calibration", "abstention",
                           "leakage", "stated", "updates", "advice", "chosen_by_few"]  # fmt: skip
    for part, key in ((found["test"], "news"), (found["test"]["majority_baseline"], "n")):
        part[key] = 1
        assert not checker.is_valid(found)
        with pytest.raises(ValidationError, match=key):
            Summary.model_validate(found)
        del part[key]
