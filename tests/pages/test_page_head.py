"""The head of the pages, and sentences that say no more than the numbers bear."""

import re
import shutil
from urllib.parse import unquote

import pandas as pd
import pytest

from helpers.browser import texts
from helpers.pages import (
    benchmark_module,
    changed_settings,
    index,
    metrics_of,
    run_page,
    write_report,
)
from helpers.predictions import predictions_of
from helpers.project import call_script
from renet.common import files
from renet.evaluation import run_metrics
from renet.evaluation.tables import SLICES
from renet.pages import filters
from renet.pages.results import templates
from renet.records import evaluations


def test_faces_are_the_first_of_the_test_set_with_their_predictions(window, results):
    first = pd.read_csv(results / "runs/made/inference.csv").head(8)
    window.get(index(results))
    page, shown = (results / "index.html").read_text(), texts(window, ".row8 li")
    assert page.index('"conclusions') < page.index('id="runs"') < page.index('"row8')
    for text, row in zip(shown, first.itertuples(), strict=True):
        assert text.startswith(("female", "male")[row.predicted])
        assert filters.percentage(max(row.p_female, row.p_male)) in text
        assert ("wrong" in text) != bool(row.correct)


@pytest.mark.parametrize(
    ("records", "text"),
    [
        (2, "test set, including models of removed runs: not rec"),
        (3, "removed runs: 2. Choosing"),
    ],
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
    assert "evaluated on the set portraits, including models of removed runs:" in page.read_text()


def test_constant_prediction_is_put_down_to_the_relu_of_the_courses_classifier_alone(
    changed, caplog
):
    with changed_settings(changed) as settings:
        settings["runs"]["again"]["model"]["classifier"] = "plain"
        settings["runs"]["slow"]["model"] = {"kind": "hog_svm"}
        for run in settings["runs"]:
            found = metrics_of(changed, run) | {"advice": "not_learnt"}
            found["test"]["constant_prediction"] = True
            files.write_json(changed / "runs" / run / "metrics.json", found)
    pages = {run: (changed / "runs" / run / "report.html").read_text() for run in settings["runs"]}
    assert all("same class for every face of the test set." in page for page in pages.values())
    assert all("The network has not learnt: " in page for page in pages.values())
    said = "Run slow: Significantly above the baseline of "
    assert said in caplog.text  # by numbers of another network
    assert [run for run, page in pages.items() if "The ReLU\nbefore" in page] == ["made"]
    banner = ">3 of 3 runs predict the same class for every test face: made, again and slow.<"
    assert banner in (changed / "index.html").read_text()


def test_pages_say_that_a_sample_is_drawn_and_link_predictions_that_there_are(window, changed):
    window.get(index(changed))
    assert texts(window, ".banner, main a[href='tour.html'], a[href$='predictions.html']") == []
    funnel = pd.read_csv(changed / "data/funnel.csv").assign(source="sample")
    funnel.to_csv(changed / "data/funnel.csv", index=False)
    with changed_settings(changed) as settings:
        settings["data"] |= {"sources": ["sample"], "databases": []}
        settings["predicted"] = True
    for page in (index, run_page):
        window.get(page(changed))
        first = window.execute_script("return document.querySelector('main').innerText")
        assert first.index("The sample has") < first.index(texts(window, "h1")[0].split()[0]), page
        assert (texts(window, "main a[href='tour.html']") == ["Tour"]) == (page == index)
        assert len(texts(window, "a[href$='predictions.html']")) == (3 if page == index else 1)
        assert texts(window, "footer a") == ["Tour", "map of the course"]
    card = (changed / "runs/made/model_card.md").read_text()
    assert "test set of sample (drawn portraits) split by" in card


def test_difference_that_rounds_to_zero_has_no_minus_and_others_have_a_true_one():
    assert list(map(filters.points, (-0.0004, 0.0, -0.036))) == ["0.0", "0.0", "\N{MINUS SIGN}3.6"]
    assert filters.points_interval([-0.0004, 0.283]) == "0.0 to 28.3"
    assert filters.decimal(-0.018) == "\N{MINUS SIGN}0.018"


def people(photos: int, **more: object) -> dict:
    """Numbers of a set of 500 people and photos without a recorded person."""
    return {"n": 600, "subjects": 500, "unnamed_photos": photos} | more


@pytest.mark.parametrize(
    ("macro", "values", "said"),
    [
        ("people", [people(500)], "500 photos without a recorded person"),
        ("unit", [people(500)], "photos"), ("unit", [people(500), 1], "photo"),
        ("unit", [people(499)], "people"), ("unit", [people(499), 1], "person"),
        ("reviewed_labels", [{"corrected": 0, "confirmed": 0, "dropped": 0}], ""),
        ("chosen_by_few", [{"chosen_by_few": {"epoch": 1}}, "epoch"], "The epoch was chosen "
         "by faces that are worth only 1 independent face: with other faces, the choice could "
         "differ."),
        ("evaluations", [1, "test"],
         "Trained models evaluated on the test set, including models of removed runs: 1. Choosing "
         "a model by its test metrics makes these too high."),
        ("lead", [{"difference": -0.1, "low": float("nan"), "high": float("nan"), "run": "b",
                   "significant": 0, "set": "validation"}],
         "Its lead can be chance: 10.0 points over b (–) on the validation set, which chose the "
         "run."),
        ("lead", [{"difference": 0.0004, "run": "b", "significant": 0, "set": "validation"}],
         "Level with b on the validation set, which chose the run."),
        ("intervals", [people(0, effective_faces=0.4)],
         "The intervals do not include the variation by other seeds, wrong labels or other "
         "sources of photos."),
    ],
)  # fmt: skip
def test_sentences_fit_one_and_several_and_people_and_photos(macro, values, said):
    assert templates.sentences(macro, *values).replace("\N{NO-BREAK SPACE}", " ") == said


def test_labels_are_doubted_only_by_an_audit(changed):
    pages = [changed / "runs/made" / page for page in ("report.html", "model_card.md")]
    assert not any("suspect" in page.read_text() for page in pages)
    gallery = pd.read_csv(changed / "runs/made/tables/gallery.csv")
    wrong = gallery[gallery.gallery == "mistakes"]
    wrong.assign(suspect=[1, 1, *[0] * (len(wrong) - 2)]).to_csv(changed / "labels.csv")
    counts = {"corrected": 3, "confirmed": 37, "dropped": 2}
    files.write_json(changed / "summary.json", {"reviewed": counts, "to_review": 1})
    write_report(changed, audit=[changed / "labels.csv", changed / "summary.json"])
    for said in ("audit suspects 2 of", "confirmed 37 and dropped", "corrected 3 labels"):
        assert all(said in page.read_text() for page in pages)


def test_table_of_groups_has_those_with_a_test_significant_ones_and_low_recalls_first(results):
    page = (results / "runs/made/report.html").read_text()
    table = page.split('aria-label="Recalls by group of the test set"')[1].split("</table>")[0]
    names = re.findall('scope="row"><a href="#faces.group=([^"]*)"', table)
    slices = pd.read_csv(results / "runs/made/tables/slices.csv")
    below, gaps = (metrics_of(results, "made")["groups"][name] for name in ("below", "gaps"))
    significant = [[*one] in below + gaps for one in zip(slices.slice, slices.value, strict=True)]
    slices["lower"] = slices[["recall_female", "recall_male"]].min(axis=1) - significant
    tested = slices[slices.p_holm.notna()].sort_values("lower", kind="stable")
    assert [*map(unquote, names)] == (tested.slice + ":" + tested.value).tolist()


SMALL_SETS = {  # the first three are too small for a conclusion
    "one person": predictions_of([1] * 10, [0.9] * 8 + [0.2] * 2, ["one"] * 10),
    "two faces": predictions_of([0, 1], [0.2, 0.8]),
    "no male face recognised": predictions_of([0, 1] * 6, [0.01, 0.02] * 6),
    "no error": predictions_of([0, 1] * 30, [0.1, 0.9] * 30),
    "no correct prediction": predictions_of([0, 1] * 30, [0.9, 0.1] * 30),
    "a class that one slice lacks": predictions_of(
        [0, 1] * 30 + [1] * 30, [0.1, 0.9, 0.6, 0.8] * 15 + [0.9] * 30, age=[25] * 60 + [5] * 30
    ),
}
CONCLUSIONS = (
    "Recall of", "of the confidences: too", "below the others", "Groups of", ">group</th>",
    "Recalls by group of",
)  # fmt: skip
UNDEFINED = r"\bnan\b|\bNone\b|<NA>|(?<!\N{MINUS SIGN})100\.0 to 100|1\.000 to 1\.000"


@pytest.mark.parametrize("name", SMALL_SETS)
def test_pages_of_a_small_set_draw_no_conclusion_and_have_no_undefined_number(changed, name):
    predictions, run = SMALL_SETS[name], changed / "runs/made"
    split = pd.DataFrame({"subset": ["train", "test"], "subject": "x", "target": 1, "year": 2000})
    validation = predictions.assign(subset="validation")
    given = predictions, validation, split, 0.02, "balanced_accuracy"
    found, by_slice, _ = run_metrics.evaluate(*given)
    del found["data"]
    for folder in (run, run / "external/portraits"):
        before = files.read_json(folder / "metrics.json")
        files.write_json(folder / "metrics.json", before | found)
        SLICES.write(folder / "tables/slices.csv", by_slice)
    call_script("compare", **benchmark_module().values(changed)["compare"])
    write_report(changed)
    is_small, count = name in [*SMALL_SETS][:3], len(predictions)
    for page in ("report.html", "model_card.html"):
        source = re.split(r"</style>|<script", (run / page).read_text())[1]
        text = re.sub("<pre.*?</pre>|<[^>]+>", " ", source, flags=re.DOTALL)
        assert re.findall(UNDEFINED, text) == []
        assert any(words in source for words in CONCLUSIONS) != is_small
        assert text.count(f"The test set has {count} faces; the effective number of") == is_small
        if is_small and page == "report.html":
            assert f"The set portraits has {count} faces; the effective number of" in text
