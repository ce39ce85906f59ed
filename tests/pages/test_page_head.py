"""The head of the pages, and sentences that say no more than the numbers bear."""

import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from helpers.browser import DESKTOP, PHONE, show, texts
from helpers.pages import changed_settings, index, metrics_of, run_page, write_report
from helpers.predictions import predictions_of, predictions_with
from renet.evaluation import abstention, calibration, metrics, run_metrics
from renet.evaluation.tables import COMPARISON, SLICES
from renet.pages import filters, templates
from renet.pages.results import Advice, SetResults, advise
from renet.records import evaluations

PEOPLE = {"subjects": 500, "unnamed_photos": 0}


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def change_metrics(results: Path, run: str, part: str, **changes: object) -> None:
    """Change values of one part of a run's metrics.json."""
    found = metrics_of(results, run)
    found[part] |= changes
    (results / "runs" / run / "metrics.json").write_text(json.dumps(found))


def evaluate_again(folder: Path, *predictions: pd.DataFrame) -> dict:
    """Write metrics and slices of a folder with other predictions of test and validation."""
    found = json.loads((folder / "metrics.json").read_text())
    split = pd.DataFrame({"subset": ["train", "test"], "subject": "x", "target": 1, "year": 2000})
    summary, by_slice = run_metrics.evaluate(*predictions, split, 0.02)
    summary |= {"leakage": found["leakage"], "data": found["data"]}
    (folder / "metrics.json").write_text(json.dumps(summary, allow_nan=False))
    SLICES.write(folder / "tables/slices.csv", by_slice)
    return summary


def head_text(browser) -> str:
    """The text of the verdict with its remarks, as a reader sees it."""
    return plain(browser.execute_script("return document.querySelector('.verdict').innerText"))


def bottoms(browser, selector: str) -> list[float]:
    """The lower edges of elements, in pixels from the top of the page."""
    return browser.execute_script(
        "return [...document.querySelectorAll(arguments[0])]"
        ".map((one) => one.getBoundingClientRect().bottom)",
        selector,
    )


def test_first_screen_holds_verdict_table_and_faces(window, results):
    show(window, DESKTOP)
    window.get(index(results))
    faces = bottoms(window, ".row8 img")
    assert bottoms(window, ".verdict")[0] < bottoms(window, "#runs")[0] < min(faces)
    assert len(faces) == 8 and max(faces) < 900
    show(window, PHONE)
    assert window.execute_script("return document.documentElement.scrollWidth") <= PHONE
    assert bottoms(window, ".verdict")[0] < 700


@pytest.mark.parametrize("page", [index, run_page])
def test_head_of_the_page_holds_the_runs_own_numbers(window, results, page):
    found = metrics_of(results, "made")
    window.get(page(results))
    text = head_text(window)
    value, bounds = (
        part["balanced_accuracy"] for part in (found["test"], found["test"]["intervals"])
    )
    assert f"made is right for {100 * value:.0f} % of new people's faces, with equal weight" in text
    assert (
        "the baseline gets 50 %" in text and "Significantly above the baseline on both sets" in text
    )
    assert plain(f"{filters.percentage(value)} (95 % interval {filters.interval(bounds)})") in text


def test_faces_are_the_first_of_the_test_set_with_their_predictions(window, results):
    first = pd.read_csv(results / "runs/made/inference.csv").head(8)
    window.get(index(results))
    shown = texts(window, ".row8 li")
    for text, row in zip(shown, first.itertuples(), strict=True):
        assert text.startswith(("female", "male")[row.predicted])
        assert filters.percentage(max(row.p_female, row.p_male)) in text
        assert ("wrong" in text) != bool(row.correct)


def lead_on_the_validation_set(results: Path, run: str, **changes: object) -> None:
    intervals = metrics_of(results, run)["validation"]["intervals"]
    leading = {"balanced_accuracy": 0.99, "intervals": intervals | {"balanced_accuracy": [0.98, 1]}}
    change_metrics(results, run, "validation", **leading, **changes)
    table = COMPARISON.read(results / "comparison/comparison.csv")
    others = [name for name in ("made", "again", "slow") if name != run]
    values = [metrics_of(results, name)["validation"]["balanced_accuracy"] for name in others]
    of_best = ["run", "other", "value", "other_value"]
    table.loc[table.kind == "best", of_best] = [
        [name, run, value, 0.99] for name, value in zip(others, values, strict=True)
    ]
    COMPARISON.write(results / "comparison/comparison.csv", table)


def test_best_run_is_chosen_on_the_validation_set_and_first_in_the_table(window, changed):
    lead_on_the_validation_set(changed, "slow")
    change_metrics(changed, "again", "test", balanced_accuracy=0.995)
    path = changed / "comparison/comparison.csv"
    table = COMPARISON.read(path)
    table.loc[table.kind == "best", "significant"] = [1, 0]
    COMPARISON.write(path, table)
    with changed_settings(changed) as settings:
        settings["grids"] = {}
    window.get(index(changed))
    head = head_text(window)
    assert head.index("slow is right for") and "Its lead over again, " in head
    assert "measured, by the validation set: the test set had no part in it." in head
    assert texts(window, "#runs tr.chosen a") == ["slow"] == texts(window, "#runs th a")[:1]
    value = metrics_of(changed, "slow")["test"]["balanced_accuracy"]
    assert plain(filters.percentage(value)) in head and "99.5" not in head


def test_tie_of_the_best_run_is_said(changed):
    lead_on_the_validation_set(changed, "made")
    lead_on_the_validation_set(changed, "slow", loss=0.01)
    write_report(changed)
    assert "It equals made, and has the lowest log loss." in (changed / "index.html").read_text()


@pytest.mark.parametrize(
    ("records", "text"),
    [(2, "It is not recorded how many trained models"), (3, "2 trained models were evaluated on")],
)
def test_pages_and_card_count_the_models_that_the_test_set_evaluated(changed, records, text):
    shutil.rmtree(changed / "evaluations")  # as in a copy of the other files
    for number in range(records):
        model = changed.parent / f"run{number}" / "model.pt"
        model.parent.mkdir()
        model.write_bytes(bytes([number % 2]))  # the third has the weights of the first
        for _ in range(2):  # the same evaluation again counts once
            evaluations.record(changed / "evaluations", f"run{number}", model, "test")
    write_report(changed)  # of three runs
    card, page = (changed / f"runs/made/{name}" for name in ("model_card.md", "report.html"))
    assert all(text in one.read_text() for one in (card, page, changed / "index.html"))
    assert "models were evaluated on the set portraits." in page.read_text()
    once = templates.sentences("evaluations", 1, "test")
    assert "only one trained model was evaluated on the test set" in once


def hide_evidence(results: Path, run: str) -> None:
    """Let a run be significantly above the baseline on no set."""
    for folder in (run, f"{run}/external/portraits"):
        change_metrics(
            results, folder, "test", above_baseline={"accuracy": 0.6, "balanced_accuracy": 0.6}
        )


def test_run_not_significantly_above_the_baseline_has_an_open_dot_and_words(window, changed):
    hide_evidence(changed, "again")
    with changed_settings(changed) as settings:
        settings["grids"] = {}
        settings["runs"]["slow"]["train"]["seed"] = 3
    window.get(index(changed))
    cells = texts(window, "#runs tr:has(a[href*='again']) td")
    assert ["not significantly" in cell for cell in cells] == [False, True, True]
    assert len(texts(window, "#runs tr:has(a[href*='again']) circle.open")) == 2
    window.get((changed / "runs/again/report.html").as_uri())
    said = "Not significantly above the baseline on any set: the test set and portraits"
    assert said in head_text(window)


def test_external_set_is_evidence_above_the_baseline_by_holm_over_the_sets(changed):
    hide_evidence(changed, "made")
    for p_value, is_above in ((0.03, False), (0.02, True)):
        found = {"accuracy": 0.5, "balanced_accuracy": p_value}
        change_metrics(changed, "made/external/portraits", "test", above_baseline=found)
        write_report(changed)
        page = (changed / "runs/made/report.html").read_text()
        said = "Significantly above the baseline on portraits, but not on the test set."
        assert (said in page) == ("What may help" not in page) == is_above


def test_constant_prediction_is_put_down_to_the_relu_of_the_courses_classifier_alone(changed):
    with changed_settings(changed) as settings:
        settings["runs"]["again"]["model"]["classifier"] = "plain"
        settings["runs"]["slow"]["model"] = {"kind": "hog_svm"}
        for run in settings["runs"]:
            change_metrics(changed, run, "test", constant_prediction=True)
    pages = {run: (changed / "runs" / run / "report.html").read_text() for run in settings["runs"]}
    assert all("same class for every face of the test set." in page for page in pages.values())
    assert all("What may help" in page for page in pages.values())
    assert [run for run, page in pages.items() if "The ReLU\nbefore" in page] == ["made"]


def test_drawn_sample_is_said_at_the_top_of_every_page(window, changed):
    window.get(index(changed))
    assert texts(window, ".banner") == texts(window, "main a[href='tour.html']") == []
    funnel = pd.read_csv(changed / "data/funnel.csv").assign(source="sample")
    funnel.to_csv(changed / "data/funnel.csv", index=False)
    with changed_settings(changed) as settings:
        settings["data"] |= {"sources": ["sample"], "databases": []}
    for page in (index, run_page):
        window.get(page(changed))
        first = window.execute_script("return document.querySelector('main').innerText")
        assert first.index("The sample has") < first.index(texts(window, "h1")[0].split()[0]), page
        assert (texts(window, "main a[href='tour.html']") == ["Tour"]) == (page == index)
        assert texts(window, "footer a") == ["Tour", "map of the course"]
    assert "The dates of the drawings are invented." in (changed / "index.html").read_text()
    card = (changed / "runs/made/model_card.md").read_text()
    assert "test set of sample (drawn portraits) split by" in card


def summary_of(female: tuple[int, int], male: tuple[int, int]) -> dict:
    """The summary of a test set with so many correct of so many faces of each label."""
    return metrics.summarise(predictions_with(female, male), 0.6)


def gap(female: tuple[int, int], male: tuple[int, int]) -> str:
    """What is said of the recalls of such a set."""
    summary = summary_of(female, male)
    of_set = SetResults("test", {"test": summary}, pd.DataFrame(), pd.DataFrame())
    said = (templates.sentences(macro, of_set) for macro in ("genders", "genders_note"))
    return plain(" ".join(said))


@pytest.mark.parametrize(
    ("female", "male", "said", "note"),
    [
        ((17, 20), (29, 30), "No significant difference between female, 85.0 %, and male, 96.7 %.",
         "17 of 20 female and 29 of 30 male faces; male − female: 11.7 points (−"),
        ((100, 200), (180, 200), "Faces labelled female are recognised less often: 50.0 % against",
         "40.0 points (3"),
        ((180, 200), (100, 200), "Faces labelled male are recognised less often: 50.0 % against",
         "−40.0 points (−4"),
        ((0, 0), (29, 30), "The test set has faces of one class alone", ""),
    ],
)  # fmt: skip
def test_gap_between_the_genders_is_said_with_the_sign_of_its_interval(female, male, said, note):
    text = gap(female, male)
    assert text.startswith(said) and note in text


def by_slice(*rows: tuple[object, ...]) -> SetResults:
    """Results of 300 faces with these slices: value, difference, p, recalls and p of the gap."""
    columns = ["value", "difference", "p", "recall_female", "recall_male", "gap_p_holm"]
    table = pd.DataFrame(rows, columns=columns).assign(
        slice="age", n=40, subjects=31, effective_people=25.0, low=0.6, high=0.8
    )
    gap = table.recall_male - table.recall_female
    table = table.assign(accuracy=0.9 + table.difference, p_holm=table.p * len(table), gap=gap)
    return SetResults(
        "old", {"test": PEOPLE | {"n": 300, "effective_people": 99}}, table, pd.DataFrame()
    )


YOUNG = ("0–9 years", -0.2, 0.01, 0.94, 0.8, 0.002)
MIDDLE = ("20–29 years", 0.05, 0.003, 0.9, 0.9, 0.8)
OLD = ("70 years and more", -0.18, 0.02, 0.7, 0.91, 0.0001)


def test_gaps_of_opposite_sign_are_said_for_whom_the_network_fails():
    found = templates.sentences("gaps", by_slice(YOUNG, MIDDLE, OLD))
    female, male, corrected = plain(found).split(". ")
    assert "recall of female" in female and "age 70 years and more (70.0 % against 91.0 %" in female
    assert "p < 0.001" in female and "p = 0.002" in male
    assert "recall of male" in male and "age 0–9 years (80.0 % against 94.0 %" in male
    assert "for 3 tests (Holm)" in corrected
    none = templates.sentences("gaps", by_slice(MIDDLE))
    assert "No slice" in none and "(1 slice tested)" in none
    untested = templates.sentences("gaps", by_slice((*MIDDLE[:-1], np.nan)))
    assert "at least 30 faces" in untested and "10 faces of each gender" in untested


@pytest.mark.parametrize(("others", "said"), [([], "all 4"), ([MIDDLE], "4 of 5")])
def test_gaps_of_many_slices_are_summarised_in_one_sentence(others, said):
    rows = [(f"{n}", 0, 1, 0.9 - n / 10, 0.95, 0.01) for n in range(4)]
    found = templates.sentences("gaps", by_slice(*rows, *others))
    assert f"significantly lower in {said} tested slices, by 5.0 to 35.0 points." in found
    assert "age" not in found


@pytest.mark.parametrize(
    ("correct", "said"),
    [(15, (" 3.0 percentage", "is not significant")), (5, (" −7.0 percentage", "not better"))],
)
def test_lead_over_the_baseline_is_said_with_the_sign_of_its_interval(correct, said):
    summary = summary_of((correct, 40), (48, 60))
    text = templates.sentences("above_baseline", summary)
    bounds = summary["differences"]["over_baseline"]["interval"]
    assert filters.points_interval(bounds) in text
    assert "of always predicting male." in text and all(one in text for one in said)


def weakest(*rows: tuple[object, ...]) -> str:
    """What is said of the weakest of some slices."""
    said = (templates.sentences(one, by_slice(*rows)) for one in ("weakest", "weakest_note"))
    return plain(" ".join(said))


@pytest.mark.parametrize(
    ("slices", "said"),
    [
        ([YOUNG, MIDDLE, OLD], "Least good at age 0–9 years: 70.0 % (60.0 to 80.0 %), 20.0 points"),
        ([YOUNG, OLD], "40 faces of 31 people; significant (p = 0.020, corrected for 2 tests)."),
        ([(*YOUNG[:2], 0.5, *YOUNG[3:]), OLD], "age 70 years"),  # the significant one
        ([(*OLD[:2], 0.2, *OLD[3:])], "; not significant (p = 0.200)."),
        ([(*OLD[:2], np.nan, *OLD[3:])], "No group was large enough to test."),
    ],
)
def test_significant_slice_furthest_below_the_others_is_named_before_others(slices, said):
    assert said in weakest(*slices)


def test_intervals_say_what_the_faces_are_worth_and_what_is_not_included():
    test = PEOPLE | {"n": 198, "effective_faces": 149.6}
    text = templates.sentences("intervals", [test])
    assert "198 faces of 500 people are worth 150 independent ones. Other seeds" in text
    several = templates.sentences("intervals", [test, test | {"effective_faces": 99.9}])
    assert "worth 100 to 150 independent ones" in several


def test_pages_say_where_a_validation_set_of_few_independent_faces_chooses(changed):
    of_run = {
        f"runs/made/{page}": ["epoch", "temperature"] for page in ("report.html", "model_card.md")
    }
    expected = {"index.html": ["run"], **of_run}
    choice = re.compile(
        r"set is worth only 99 independent faces: other faces could choose another (\w+)"
    )
    assert not any("independent faces:" in (changed / page).read_text() for page in expected)
    with changed_settings(changed) as settings:
        for name, run in settings["runs"].items():
            change_metrics(changed, name, "validation", effective_faces=99.4)
            run["train"]["select_epoch"] = "best"
    assert {page: choice.findall((changed / page).read_text()) for page in expected} == expected


def test_few_faces_that_choose_the_epoch_are_those_of_the_validation_set_with_folds():
    metrics = {
        "calibration": {"fitted_on": "out_of_fold"}, "validation": {"effective_faces": 900.0},
        "data": {"faces": {"validation": 40}},
    }  # fmt: skip
    text = templates.sentences("chosen_by_few", metrics, "epoch")
    assert text == "The validation set has only 40 faces: other faces could choose another epoch."
    metrics["data"]["faces"]["validation"] = 900
    assert not templates.sentences("chosen_by_few", metrics, "epoch")


def calibrated(**section: object) -> str:
    """The sentences about a temperature that is 1.3 unless said."""
    found = {"temperature": 1.3, "interval": [1.1, 1.5], "fitted_on": "validation"}
    metrics = {"calibration": found | section, "validation": PEOPLE | {"n": 800}}
    return templates.sentences("calibration", metrics)


FITTED = {"unfitted": None}
UNFITTED = {"temperature": 1.0, "interval": None, "confidences": "cannot_be_judged"}


@pytest.mark.parametrize(
    ("section", "said"),
    [
        (FITTED | {"confidences": "too_high"}, ["confidences are too high: ", "means about 84 %."]),
        (FITTED | {"confidences": "too_low"}, ["are too low: ", "is 1.30 (95 % interval 1.10 to "]),
        (FITTED | {"confidences": "no_error_found"}, ["No common over- or underconfidence was"]),
        (UNFITTED | {"unfitted": "unclear", "interval": [0.7, 2.1]}, ["interval, 0.70 to 2.10."]),
        (UNFITTED | {"unfitted": "small"}, ["cannot be judged, and no temperature is",
                                            "800 faces of 500 people, and a fit needs"]),
        (UNFITTED | {"unfitted": "limit"}, ["validation set gave one at a limit of the search."]),
    ],
)  # fmt: skip
def test_verdict_on_the_confidences_is_said_with_the_temperature(section, said):
    text = calibrated(**section)
    assert all(one in text for one in said)
    assert ("A confidence of 90 % means" in text) == section["confidences"].startswith("too")


@pytest.mark.parametrize(
    ("counts", "said"),
    [((3, 37, 2), ["Of 40 reviewed labels, 3 were wrong.", "2 faces were dropped"]),
     ((1, 0, 0), ["Of 1 reviewed label, 1 was wrong."]), ((0, 0, 0), [])],
)  # fmt: skip
def test_reviewed_labels_are_counted_and_dropped_faces_apart(counts, said):
    given = dict(zip(("corrected", "confirmed", "dropped"), counts, strict=True))
    text = templates.sentences("reviewed_labels", given)
    assert [one in text for one in said] == [True] * len(said) and bool(text) == bool(said)


@pytest.mark.parametrize(("folds", "said"), [(5, "5 trainings"), (0, "one training")])
def test_line_to_cite_counts_the_trainings_that_the_number_is_of(folds, said):
    test = summary_of((17, 20), (29, 30))
    run = SimpleNamespace(folds=folds, name="made", commit="abc", test=test)
    run.settings = {"train": {"seed": 7}}
    run.stated = SimpleNamespace(test=test) if folds else run
    data = {"sources": ["own"], "split": {"by": "subject"}}
    text = templates.sentences("citation", run, data)
    assert f"{said} with the seed 7" in text and text.startswith("accuracy 92.0")
    assert (f"{folds}-fold cross-validation" in text) == ("published model" in text) == bool(folds)
    assert f"{'training and validation' if folds else 'test set'} of own split by" in text


def test_difference_that_rounds_to_zero_has_no_minus_and_others_have_a_true_one():
    assert list(map(filters.points, (-0.0004, 0.0, -0.036))) == ["0.0", "0.0", "\N{MINUS SIGN}3.6"]
    assert filters.points_interval([-0.0004, 0.283]) == "0.0 to 28.3"
    assert filters.decimal(-0.018) == "\N{MINUS SIGN}0.018"


@pytest.mark.parametrize(
    ("photos", "whose", "unit", "one"),
    [
        (0, "500 people", "people", "person"),
        (500, "500 photos without a recorded person", "photos", "photo"),
        (499, "1 person and 499 photos without a recorded person", "people and photos",
         "person or photo"),
    ],
)  # fmt: skip
def test_photos_without_a_recorded_person_are_not_called_people(photos, whose, unit, one):
    counted = PEOPLE | {"unnamed_photos": photos}
    said = templates.sentences("unnamed", counted)
    assert templates.sentences("people", counted) == whose
    assert [templates.sentences("unit", counted, number) for number in (2, 1)] == [unit, one]
    assert said.startswith(f"{photos} photos have" if photos else "") and bool(said) == bool(photos)


@pytest.mark.parametrize(
    ("people", "near", "text"),
    [
        (0, {}, "a recorded name, a photo or all pixels are"),
        (0, {"near-duplicates": 0}, "and so are the near-duplicates that were found."),
        (1, {}, "1 person is in more than one subset, because split.by is image. Faces that share"),
        (1, {}, "Faces that share a photo or all pixels are always in one subset."),
    ],
)
def test_pages_say_of_the_split_what_was_checked(people, near, text):
    found = {"people": people, "photos": 0, "pixels": 0} | near
    said = templates.sentences("kept_apart", {"in_two_subsets": found, "split_by": "image"})
    assert text in said and ("1 person" in said, "near" in said) == (bool(people), bool(near))


def abstaining(choice: dict, people: dict = PEOPLE, n: int = 800) -> str:
    found = {"abstention": choice, "validation": people | {"n": n}}
    return templates.sentences("abstention", found | {"calibration": {"fitted_on": "validation"}})


ACCEPTED = {"accepted": 8, "coverage": 0.8, "error": 0.01, "error_of_all": 0.06}
CHOICE = {"max_error": 0.02, "level": 0.95, "people": 500, "needed": 149, "threshold": 0.9,
          "errors": 0, "accepted": 300, "upper_bound": 0.01, "test": ACCEPTED}  # fmt: skip


def test_threshold_that_accepts_no_test_face_has_no_error():
    nothing = ACCEPTED | {"accepted": 0, "coverage": 0.0, "error": None}
    some, nothing = (abstaining(CHOICE | {"test": test}) for test in (ACCEPTED, nothing))
    assert "On the test set, 80.0" in some and "are accepted, with an error of 1.0" in some
    assert "On the test set, all predictions are unsure." in nothing
    assert "on one face each of 500 people" in some and "over people and over faces" in some


@pytest.mark.parametrize("threshold", [0.9, None])
def test_no_sentence_speaks_of_several_faces_where_each_photo_has_one(threshold):
    text = abstaining(CHOICE | {"threshold": threshold}, PEOPLE | {"unnamed_photos": 500}, n=500)
    assert "500 photos without a recorded person" in text
    assert "face each" not in text and "over photos" in text and "over faces" not in text


def test_sentences_have_the_numbers_of_sequences_and_of_bins():
    choice = abstention.choose(np.ones(51), np.ones(51), 0.02) | {"max_error": 0.02, "level": 0.95}
    text = abstaining(choice, {"subjects": 51, "unnamed_photos": 0})
    assert "The validation set has 51 people. At least 228 people without an error" in text
    assert f"in {calibration.BINS} bins" in templates.caption("reliability")


@pytest.mark.parametrize(
    ("p_male", "count", "kind", "said"),
    [
        ([0.99, 0.2, 0.55], 1200, "wrong", "3 of 1,200 * the highest confidence, 99.0 % to 55.0"),
        ([0.5, 0.5], 9, "correct", "2 of 9 * with the lowest confidence, 50.0 %."),
        ([0.99, 0.2, 0.55], 3, "wrong", "All wrong predictions (3). Confidence: 99.0 % to 55.0 %."),
    ],
)
def test_range_of_the_confidence_of_a_gallery_is_said(p_male, count, kind, said):
    shown = pd.DataFrame({"p_male": p_male, "p_female": 1 - np.array(p_male), "target": 1})
    text = plain(templates.sentences("confidences", shown, count, kind))
    assert all(part in text for part in said.split(" * "))


def test_labels_are_doubted_only_by_an_audit(window, changed):
    page = (changed / "runs/made/report.html").read_text()
    assert "suspect" not in page
    gallery = pd.read_csv(changed / "runs/made/tables/gallery.csv")
    wrong = gallery[gallery.gallery == "mistakes"].id
    labels = pd.DataFrame({"id": wrong, "suspect": [1, 1, *[0] * (len(wrong) - 2)]})
    labels.to_csv(changed / "labels.csv", index=False)
    counts = {"corrected": 3, "confirmed": 37, "dropped": 0}
    (changed / "summary.json").write_text(json.dumps({"reviewed": counts}))
    write_report(changed, audit=[changed / "labels.csv", changed / "summary.json"])
    text = "Of 40 reviewed labels, 3 were wrong."
    assert text in (changed / "runs/made/model_card.md").read_text()
    window.get(run_page(changed))
    assert any(text in one for one in texts(window, "#metrics ~ p"))
    assert "The label audit suspects 2 of their labels." in texts(window, "#mistakes + p")[0]


FEW = predictions_of([0, 1] * 6, [0.01, 0.02] * 6)  # no male face is recognised
CONCLUSIONS = (
    "is significant", "significantly lower", "too high:", "too low:",
    "Least ", "Slices", ">slice</th>", "Accuracy by group of", "gender_gaps.svg",
)  # fmt: skip


def text_of(page: Path) -> str:
    return re.split(r"</style>|<script", page.read_text())[1]


def test_pages_of_few_test_faces_show_the_accuracy_and_draw_no_conclusion(changed):
    run, sets = changed / "runs/made", ("", "external/portraits")
    for folder in sets:
        summary = evaluate_again(run / folder, FEW, FEW.assign(subset="validation"))
    write_report(changed)
    report, card = (text_of(run / name) for name in ("report.html", "model_card.html"))
    for page in (report, card):
        assert [words for words in CONCLUSIONS if words in page] == []
        assert page.count("The test set has 12 faces. Only its accuracy and interval are") == 1
    assert report.count("The set portraits has 12 faces. Only its accuracy") == 1
    interval = filters.interval(summary["test"]["intervals"]["accuracy"])
    assert f"accuracy 50.0\N{NO-BREAK SPACE}% (95 % interval {interval}" in report
    assert "<summary>Reliability diagram of 12 faces</summary>" in report
    assert "cannot be judged" in report and "the validation set has 12 faces" in report


@pytest.mark.parametrize(("faces", "leads"), [(99, True), (100, False)])
def test_cross_validation_leads_where_there_are_fewer_than_a_hundred_test_faces(
    changed, faces, leads
):
    run = changed / "runs/made"
    assert "each trained on" not in (run / "report.html").read_text()
    shutil.copytree(run / "external/portraits", run / "out_of_fold")
    found = metrics_of(changed, "made/out_of_fold")
    found["calibration"]["fitted_on"] = "out_of_fold"
    found["test"]["balanced_accuracy"] = 0.811
    (run / "out_of_fold/metrics.json").write_text(json.dumps(found))
    change_metrics(changed, "made", "test", n=faces)
    change_metrics(changed, "made", "calibration", fitted_on="out_of_fold")
    path = changed / "comparison/comparison.csv"
    table = COMPARISON.read(path)
    COMPARISON.write(path, table.assign(set=table.set.replace("validation", "out_of_fold")))
    with changed_settings(changed) as settings:
        for run_settings in settings["runs"].values():
            run_settings["folds"] = 5 * (run_settings is settings["runs"]["made"])
    for page in (run / "report.html", changed / "index.html"):
        text = plain(page.read_text())
        assert "5 networks, each trained on 4 of 5 parts" in " ".join(text.split())
        assert ("81.1 % (95 % interval" in text) == ("it can be a little too high" in text) == leads
    card = " ".join((run / "model_card.md").read_text().split())
    assert ("By 5-fold cross-validation," in card) == leads


@pytest.mark.parametrize(
    ("people", "said"),
    [(10, ""), (9.94, "The test set has 60 faces of an effective number of 9.9")],
)
def test_many_faces_of_few_people_are_few(people, said):
    many = PEOPLE | {"n": 60, "effective_people": people}
    of_set = SetResults("test", {"test": many}, pd.DataFrame(), pd.DataFrame())
    text = templates.sentences("few", of_set)
    assert text.startswith(said) and bool(text) == bool(said)


@pytest.mark.parametrize(
    ("updates", "training", "test", "expected"),
    [
        (6, 0.8, 0.6, Advice.FEW_UPDATES),
        (99, 0.8, 0.5, Advice.FEW_UPDATES),
        (30, 1.0, 0.7, Advice.FEW_PHOTOS),
        (100, 0.6, 0.6, Advice.NOT_LEARNT),
        (5000, 0.67, 0.4, Advice.NOT_LEARNT),
        (180, 0.95, 0.7, Advice.FEW_PHOTOS),
        (180, 0.72, 0.7, Advice.FEW_TEST_FACES),
        (None, 0.6, 0.6, Advice.FEW_TEST_FACES),
        (None, 1.0, 0.6, Advice.FEW_PHOTOS),
    ],
)
def test_advice_follows_from_training_accuracy_updates_and_gap(updates, training, test, expected):
    assert advise(updates, training, 0.6, test) is expected


def test_page_of_a_run_that_is_not_better_than_the_baseline_says_what_may_help(changed):
    page = changed / "runs/made/report.html"
    assert "What may help" not in page.read_text()
    hide_evidence(changed, "made")
    change_metrics(changed, "made", "test", accuracy=0.6)
    write_report(changed)
    assert "add photos, or use the recipe of configs/modern.yaml" in page.read_text()
    history = changed / "runs/made/history.csv"
    pd.read_csv(history).assign(accuracy=0.8).to_csv(history, index=False)
    data = metrics_of(changed, "made")["data"]
    change_metrics(changed, "made", "data", faces=data["faces"] | {"train": 80})
    write_report(changed)
    assert "The training made 30 updates of the weights, which are few" in page.read_text()


def test_predictions_on_other_photos_are_linked_where_the_config_asks_for_them(changed):
    pages = changed / "index.html", changed / "runs/made/report.html"
    assert not any("predictions.html" in page.read_text() for page in pages)
    with changed_settings(changed) as settings:
        settings["predicted"] = True
    for page, folder in zip(pages, ("runs/made/", ""), strict=True):
        assert f'href="{folder}predictions.html"' in page.read_text()


SMALL_SETS = {
    "one person": predictions_of([1] * 10, [0.9] * 8 + [0.2] * 2, ["one"] * 10),
    "two faces": predictions_of([0, 1], [0.2, 0.8]),
    "no error": predictions_of([0, 1] * 30, [0.1, 0.9] * 30),
    "no correct prediction": predictions_of([0, 1] * 30, [0.9, 0.1] * 30),
    "a class that one slice lacks": predictions_of(
        [0, 1] * 30 + [1] * 30, [0.1, 0.9, 0.6, 0.8] * 15 + [0.9] * 30, age=[25] * 60 + [5] * 30
    ),
}


@pytest.mark.parametrize("name", SMALL_SETS)
def test_pages_of_a_small_set_have_no_interval_without_width_and_no_undefined_number(changed, name):
    predictions, folder = SMALL_SETS[name], changed / "runs/made"
    evaluate_again(folder, predictions, predictions)
    write_report(changed)
    for page in ("report.html", "model_card.html"):
        text = re.sub("<pre.*?</pre>|<[^>]+>", " ", text_of(folder / page), flags=re.DOTALL)
        assert not re.search(
            r"\bnan\b|\bNone\b(?! is sig)|(?<!\N{MINUS SIGN})100\.0 to 100|1\.000 to 1\.000", text
        ), page
        assert "; significant (p" not in text or name.startswith("a class")
