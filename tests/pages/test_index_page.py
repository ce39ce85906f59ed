"""The index compares the runs of a config; the table of faces keeps its filter in the URL."""

import html
import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from helpers.browser import eventually, texts
from helpers.pages import changed_settings, index, metrics_of, run_page, write_report
from renet.config import validation
from renet.evaluation.tables import COMPARISON, LEARNING_CURVE
from renet.pages import index_page, machine, phrases
from renet.training.history import HISTORY

RUNS = "table.sortable tbody:first-of-type th"


def expect(browser, *said: str) -> None:
    """Wait until the table of faces says that."""
    eventually(browser, lambda: texts(browser, "#faces output") == [*said])


def cells_of(browser, table: str, run: str) -> dict[str, str]:
    """The cells of the row of a run in a table, by their headings."""
    rows = f"{table} tbody:first-of-type tr"
    number = texts(browser, f"{rows} th").index(run) + 1
    cells = texts(browser, f"{rows}:nth-child({number}) > *")
    return dict(zip(texts(browser, f"{table} thead th"), cells, strict=True))


@pytest.mark.parametrize(
    ("overlay", "order"),
    [("zeta renet alpha", ["zeta", "renet", "alpha"]), ("zeta alpha", ["renet", "zeta", "alpha"])],
)
def test_runs_keep_the_order_of_the_file_that_names_them(overlay, order):
    merged = {"runs": {"renet": {}, "zeta": {}, "alpha": {}}}  # as Snakemake merges the files
    files = {"config.yaml": "renet", "overlay.yaml": overlay}
    given = {Path(name): {"runs": {run: {} for run in files[name].split()}} for name in files}
    validation.load(merged, given, {})
    assert list(merged["runs"]) == order


def settings_of(rate: float) -> dict:
    return {"train": {"epochs": 10, "learning_rate": rate}, "model": {"cell": "gru"}}


def test_settings_that_are_not_the_default_are_compared_also_where_all_runs_share_them():
    defaults = {"train": {"epochs": 10, "learning_rate": 0.1}, "model": {"cell": "tanh"}}
    found = index_page.differences({"a": settings_of(0.1), "b": settings_of(0.2)}, defaults)
    assert found == {
        "train.learning_rate": (0.1, {"a": 0.1, "b": 0.2}),
        "model.cell": ("tanh", {"a": "gru", "b": "gru"}),
    }
    assert index_page.differences({"a": defaults}, defaults) == {}


def test_index_shows_the_runs_in_the_order_of_the_settings_with_their_size(window, results):
    window.get(index(results))
    assert texts(window, RUNS) == ["made", "again", "slow"]
    cells = cells_of(window, "table.sortable", "made")
    run = results / "runs" / "made"
    metrics = metrics_of(results, "made")
    parameters = json.loads((run / "page/model.json").read_text())["parameters"]
    assert cells["parameters"] == f"{parameters:,}"
    assert cells["epochs"] == str(len(pd.read_csv(run / "history.csv")))
    for subset in ("validation", "test"):
        accuracy = phrases.percentage(metrics[subset]["accuracy"])
        assert cells[f"{subset} accuracy"].startswith(accuracy)


def test_index_has_a_table_of_runs_by_sets(window, results):
    window.get(index(results))
    table = '[aria-label="Runs by test sets"]'
    assert texts(window, f"{table} th[scope=row]") == ["made", "again", "always male"]
    cells = cells_of(window, table, "made")
    test = metrics_of(results, "made/external/portraits")["test"]
    assert cells["portraits: accuracy"].startswith(phrases.percentage(test["accuracy"]))
    (found,) = texts(window, "#external + p + ul li")
    assert f"1,000 faces of {test['subjects']} people; left out: known person (7)." in found


def test_test_metrics_of_a_run_that_its_grid_did_not_choose_are_folded(window, results):
    window.get(index(results))
    accuracy = phrases.percentage(metrics_of(results, "slow")["test"]["accuracy"])
    cells = cells_of(window, "table.sortable", "slow")
    assert cells["test accuracy"] == cells["ROC AUC"] == "–" != cells["validation accuracy"]
    folded = "details:not([open]) [aria-label*='other runs']"
    assert not window.find_element(By.CSS_SELECTOR, folded).is_displayed()
    (row,) = texts(window, "[aria-label*='other runs'] tbody tr")
    assert row.startswith(f"slow{accuracy}")


def test_section_on_an_external_set_says_nothing_of_the_test_set(window, results):
    window.get(run_page(results))
    paragraphs = texts(window, "#external-portraits ~ p")
    (tested,) = (text for text in paragraphs if "tests of a slice against" in text)
    assert "set portraits" in tested and "test set" not in tested
    captions = texts(window, "#slices ~ figure figcaption")
    assert captions and not any("whole test set" in text for text in captions)


def test_index_says_in_words_which_differences_are_significant(window, changed):
    against = "Balanced accuracy against made"
    window.get(index(changed))
    assert against not in texts(window, ".page-head dt")  # test metrics of a grid are folded
    with changed_settings(changed) as settings:
        settings["grids"] = {}
    window.get(index(changed))
    table = COMPARISON.read(changed / "comparison/comparison.csv")
    rows = table[(table.set == "test") & (table.kind == "reference")].set_index("run")
    # 60 and 600 of 3,000 predictions are turned around.
    assert rows.significant.to_dict() == {"again": 1, "slow": 1}
    head = dict(zip(texts(window, ".page-head dt"), texts(window, ".page-head dd"), strict=True))
    words = head[against]
    assert "Test set: again" in words and "External set portraits: again" in words
    slow = rows.loc["slow"]
    interval = f"{phrases.points(slow.low)} to {phrases.points(slow.high)}"
    drop = phrases.points(slow.difference)
    assert f"slow {drop} ({interval}, p < 0.001, significant)" in words
    of_set = '[aria-label="All claims about the test set"]'
    cells = dict(zip(texts(window, f"{of_set} th[scope=col]")[1:],
                     texts(window, f"{of_set} tbody tr:last-child td"), strict=True))  # fmt: skip
    assert cells["difference in points"] == drop and cells["significance"] == "significant"
    assert cells["95 % interval, uncorrected"] == interval
    assert head["Best run"].startswith("made, ")
    assert "the lead over each other run is significant" in head["Best run"]


def test_kinds_of_the_runs_are_named_where_they_differ(window, changed):
    with changed_settings(changed) as settings:
        settings["runs"]["slow"]["model"] = {"kind": "hog_svm"}
        history = changed / "runs/slow/history.csv"
        HISTORY.write(history, HISTORY.read(history).tail(1).assign(epoch=50))
    window.get(index(changed))
    assert "kinds renet and hog_svm predict" in texts(window, ".lead")[0]
    assert texts(window, RUNS) == ["made renet", "again renet", "slow hog_svm"]
    cells = cells_of(window, "table.sortable", "slow hog_svm")
    assert cells["epochs"] == "50"  # passes over the features; its history has one row
    assert "slow: After 50 epochs" in (changed / "index.html").read_text()
    page = (changed / "runs/slow/report.html").read_text()
    assert " parameters, 50 epochs." in page and "After 50 epochs" in page


def test_table_of_five_runs_fits_a_desktop_and_has_more_columns_on_demand(window, changed):
    with changed_settings(changed) as settings:
        for name in ("renet-wide-seed_1", "renet-wide-seed_2"):
            shutil.copytree(changed / "runs/made", changed / "runs" / name)
            settings["runs"][name] = settings["runs"]["made"]
    window.get(index(changed))
    assert len(texts(window, RUNS)) == 5
    (table,) = window.find_elements(By.CSS_SELECTOR, '[aria-label="All runs"]')
    is_cut = "return arguments[0].scrollWidth > arguments[0].clientWidth"
    assert not window.execute_script(is_cut, table)
    assert "ROC AUC" in table.text and "MCC" not in table.text
    window.find_element(By.ID, "all-columns").send_keys(Keys.SPACE)
    assert "MCC" in table.text and "GFLOP" in table.text


def test_index_has_the_change_of_the_last_step_of_the_learning_curve(changed):
    rows = [
        ("made", size, int(800 * size), 90, 0.8 + size / 10, 0.7, 0.9, *change)
        for size, change in ((0.25, 3 * [None]), (0.5, (0.025, 0, 0.05)), (1, (0.05, -0.01, 0.11)))
    ]
    LEARNING_CURVE.write(changed / "curve.csv", LEARNING_CURVE.frame(rows))
    write_report(changed, learning_curve=[changed / "curve.csv", changed / "curve.svg"])
    page = " ".join((changed / "index.html").read_text().split())
    assert "made: from 400 to 800 training faces, the accuracy changes by 5.0 percentage" in page
    assert "(95 % interval \N{MINUS SIGN}1.0 to 11.0)" in page and "from 200" not in page


def marked(browser) -> dict[str, list[str]]:
    """The runs whose value of a setting is marked as not the default."""
    return browser.execute_script("""
        return Object.fromEntries([...document.querySelectorAll("td.differs")].map(
            (cell) => [cell.parentElement.cells[0].textContent,
                       cell.closest("table").rows[0].cells[cell.cellIndex].textContent]))
    """)


def test_index_marks_the_settings_that_are_not_the_default(window, results):
    window.get(index(results))
    assert marked(window) == {"train.learning_rate": "slow", "train.seed": "again"}


def test_heading_sorts_the_runs_above_the_baseline(window, results):
    window.get(index(results))
    button = window.find_element(By.XPATH, "//table//button[text()='test accuracy']")
    for order in (["made", "again", "slow"], ["slow", "again", "made"]):
        button.send_keys(Keys.ENTER)
        assert texts(window, RUNS) == order
        assert texts(window, "table.sortable tr.summary th")[-1] == "always male"


def test_index_of_one_run_with_the_defaults_says_so(changed):
    with changed_settings(changed) as settings:
        settings["runs"] = {"made": settings["runs"]["made"]}
    page = (changed / "index.html").read_text()
    assert "All settings of model and training are the defaults" in page


def test_url_of_a_run_restores_the_filter_of_its_table(window, results):
    predictions = pd.read_csv(results / "runs/made/inference.csv")
    window.get(f"{run_page(results)}#faces?prediction=wrong&label=1&sort=-age")
    wrong = predictions[(predictions.correct == 0) & (predictions.target == 1)]
    expect(window, f"{len(wrong)} of 3,000 faces")
    sorted_by = window.find_element(By.CSS_SELECTOR, "#faces th[aria-sort]")
    assert sorted_by.get_attribute("data-column") == "age"
    assert sorted_by.get_attribute("aria-sort") == "descending"


def test_url_with_choices_that_the_table_does_not_have_shows_all_faces(window, results):
    window.get(f"{run_page(results)}#faces?prediction=maybe&label=7&sort=constructor")
    expect(window, "3,000 of 3,000 faces")
    assert window.get_log("browser") == []


def test_table_of_faces_keeps_its_filter_in_the_url(window, results):
    window.get(run_page(results))
    window.find_element(By.NAME, "query").send_keys("person 7")
    window.find_element(By.CSS_SELECTOR, 'select[name="label"] option:nth-child(2)').click()
    eventually(window, lambda: "label=0" in window.current_url)
    window.find_element(By.CSS_SELECTOR, '#faces th[data-column="year"] button').click()
    assert window.current_url.endswith("report.html#faces?query=person+7&label=0&sort=year")
    unfiltered = ([""], ["3,000 of 3,000 faces"])
    eventually(window, lambda: texts(window, "#faces output") not in unfiltered)
    found = texts(window, "#faces output")
    window.refresh()
    expect(window, *found)


def test_face_of_a_gallery_leads_to_its_row_which_the_back_button_leaves(window, results):
    window.get(f"{run_page(results)}#faces?prediction=wrong")
    eventually(window, lambda: texts(window, "#faces output") != [""])
    wrong = texts(window, "#faces output")
    (link := window.find_element(By.CSS_SELECTOR, ".gallery a")).send_keys(Keys.ENTER)
    expect(window, "1 of 3,000 faces")
    eventually(window, lambda: texts(window, "#faces tbody td:nth-child(2)") == [link.text])
    focus = "return document.activeElement.closest('section')?.id"
    assert window.execute_script(focus) == "faces"
    window.back()
    expect(window, *wrong)


def test_time_and_machine_are_shown(window, results):
    for page in (index, run_page):
        window.get(page(results))
        cells = texts(window, '[data-run="made"] [data-machine]')
        throughput = pd.read_csv(results / "runs/made/training/throughput.csv")
        speed = throughput.images.sum() / throughput.seconds.sum()
        hardware = "A processor, 2 threads, float32"
        assert cells == ["10 min 0 s", f"{speed:.0f}", hardware, "0123456789"]


def test_pages_have_the_same_bytes_on_any_machine(changed):
    before = {path: path.read_bytes() for path in changed.rglob("*.html")}
    for name in ("page/machine.js", "training/throughput.csv", "training/*/training.json"):
        for path in changed.glob(f"runs/*/{name}"):
            path.write_text("another machine")
    for path in changed.glob("runs/*/provenance.json"):
        code = json.loads(path.read_text())["code"]
        path.write_text(json.dumps({"code": code, "hardware": "another machine"}))
    write_report(changed)
    assert before == {path: path.read_bytes() for path in changed.rglob("*.html")}


def test_page_without_the_facts_of_the_machine_shows_the_rest(changed, window):
    (changed / "runs/made/page/machine.js").unlink()
    window.get(index(changed))
    assert texts(window, '[data-run="made"] [data-machine]') == ["–"] * 4
    assert texts(window, '[data-run="slow"] [data-machine="time"]') == ["10 min 0 s"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(45.4, "45 s"), (59.7, "1 min 0 s"), (185, "3 min 5 s"),
                          (3600, "1 h 0 min"), (27_030, "7 h 30 min")],
)  # fmt: skip
def test_duration_is_read_without_counting(seconds, text):
    assert machine.duration(seconds) == text


def test_hardware_of_a_training_on_gpus_is_the_gpus():
    computed = {"device": "cuda", "precision": "bfloat16", "processes": 4, "machines": 2}
    hardware = {"cpu": "A processor", "gpus": ["NVIDIA H100"]}
    training = {"computed": computed | {"threads": 2}, "hardware": hardware}
    training["code"] = {"revision": None, "modified": None}
    throughput = pd.DataFrame({"images": [100, 100], "seconds": [1.0, 3.0]})
    facts = machine.summarise(training, throughput)
    assert facts["hardware"] == "4 × NVIDIA H100, 2 machines, bfloat16"
    assert facts["speed"] == "50" and facts["commit"] == "not under git"


def test_page_of_a_run_says_what_abstaining_does_on_the_test_set_and_on_external_sets(changed):
    run, folders = changed / "runs/made", {"": "", "external/portraits": " of portraits"}
    label = "Coverage and error by group"
    assert label not in (run / "report.html").read_text()  # no threshold keeps the rate
    for folder in folders:
        metrics = metrics_of(changed, f"made/{folder}")
        metrics["abstention"]["threshold"] = 0.9
        (run / folder / "metrics.json").write_text(json.dumps(metrics))
    write_report(changed)
    page = html.unescape((run / "report.html").read_text())
    for folder, suffix in folders.items():
        metrics = metrics_of(changed, f"made/{folder}")
        found = metrics["abstention"]
        (table,) = re.findall(rf'aria-label="{label}{suffix}".*?</table>', page, re.DOTALL)
        assert {group["slice"] for group in found["groups"]} == {"recorded gender", "age"}
        assert any(group["n"] < 30 for group in found["groups"])
        for group in found["groups"]:
            row = f'<th scope="row">{group["slice"]}: {group["value"]}</th>'
            if group["n"] < 30:
                assert row not in table
                continue
            cells = [f"{group[key]:,}" for key in ("n", "accepted")]
            cells += [phrases.percentage(group[key]) for key in ("coverage", "error")]
            assert row + "".join(f"<td>{cell}</td>" for cell in cells) in table
