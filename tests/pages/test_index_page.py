"""The index compares the runs of a config; the table of faces keeps its filter in the URL."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from helpers.browser import PHONE, eventually, show, texts
from helpers.pages import (
    benchmark_module,
    changed_settings,
    expect,
    index,
    run_page,
    write_report,
)
from helpers.project import call_script
from renet.common.history import HISTORY
from renet.config import validation
from renet.evaluation.tables import LEARNING_CURVE, RUNS
from renet.records import machine

MACHINE = '[aria-label="Size, time and machine"]'


@pytest.mark.parametrize(
    ("overlay", "order"),
    [("zeta renet alpha", ["zeta", "renet", "alpha"]), ("zeta alpha", ["renet", "zeta", "alpha"])],
)
def test_runs_keep_the_order_of_the_file_that_names_them(overlay, order):
    files = {"config.yaml": "renet", "overlay.yaml": overlay}
    given = {Path(name): {"runs": {run: {} for run in files[name].split()}} for name in files}
    assert list(validation.load({}, given, {}).runs) == order


def test_settings_that_differ_from_the_defaults_stand_by_recipe_and_once_if_all_share_them(
    window, changed
):
    with changed_settings(changed) as settings:
        for name, run in settings["runs"].items():  # the first one is also the defaults
            settings["runs"][name] = run | {"train": run["train"] | {"momentum": 0.5}}
        settings["runs"]["again"]["model"] = {"kind": "cnn"}
    window.get(index(changed))
    assert "Of all runs: momentum 0.5." in [text[-26:] for text in texts(window, "h2 + .note")]
    names, own = (texts(window, f".texts tbody {cell}") for cell in ("th", "td"))
    assert names == ["made", "slow", "again"]
    assert own == ["no others", "learning_rate 0.001", "kind cnn · seed 2"]


def test_rows_fall_by_the_metric_also_where_the_best_run_is_of_a_row_with_a_lower_value(changed):
    rows = RUNS.read(changed / "comparison/runs.csv")
    rows.loc[(rows.set == "validation") & (rows.run == "again"), "value"] = 0.99
    RUNS.write(changed / "comparison/runs.csv", rows)
    write_report(changed)
    table = (changed / "index.html").read_text().split('id="runs"')[1]
    assert table.index('data-value="again"') < table.index('<span class="pill">best')


def test_row_of_a_grid_opens_to_its_runs(window, results):
    window.get(index(results))
    members = window.find_elements(By.CSS_SELECTOR, "#runs tr.member")
    assert [row.is_displayed() for row in members] == 2 * [False]
    assert "best of 2: learning_rate 0.01" in texts(window, "#runs tr.chosen")[0]
    window.find_element(By.CSS_SELECTOR, "#runs .toggle input").send_keys(Keys.SPACE)
    assert [row.is_displayed() for row in members] == 2 * [True]
    assert texts(window, "#runs .member a") == ["made", "slow"]


def test_kinds_of_the_runs_are_named_and_one_without_epochs_has_no_losses(window, changed):
    with changed_settings(changed) as settings:
        settings["grids"] = {}
        settings["runs"]["slow"]["model"] = {"kind": "hog_svm"}
        history = changed / "runs/slow/history.csv"
        HISTORY.write(history, HISTORY.read(history).tail(1).assign(epoch=50))
    window.get(index(changed))
    assert texts(window, "#runs tr:has(a[href*='slow']) th small") == ["hog_svm"]
    assert texts(window, f"{MACHINE} tr[data-run=slow] td")[2] == "–"
    assert "slow: After" not in (changed / "index.html").read_text()
    page = (changed / "runs/slow/report.html").read_text()
    assert "epochs" not in page.split('id="slices"')[0] and "training_curves.svg" not in page


def test_table_of_five_runs_fits_a_desktop_and_of_seven_rows_has_one_line_each(window, changed):
    with changed_settings(changed) as settings:
        settings["grids"] = {}
        for name in "abcdef":
            shutil.copytree(changed / "runs/made", changed / "runs" / name)
            settings["runs"][name] = settings["runs"]["made"] | {"folds": 0}
            settings["runs"][name]["train"] = settings["runs"]["made"]["train"] | {"momentum": 0.1}
            settings["runs"][name]["train"]["batch_size"] = ord(name)
        call_script("compare", **benchmark_module().values(changed)["compare"])
    window.get(index(changed))
    table = window.find_element(By.ID, "runs")
    hidden = "return arguments[0].scrollWidth - arguments[0].clientWidth"
    assert window.execute_script(hidden, table) <= 0
    rows = table.find_elements(By.CSS_SELECTOR, "tbody tr:not(.member)")
    heights = [row.size["height"] for row in rows]
    assert len(heights) == 10 and max(heights[1:-1]) < 40
    show(window, PHONE)
    assert rows[5].find_element(By.CSS_SELECTOR, "td small").is_displayed()  # the interval


def test_runs_are_sorted_by_each_set_and_back_and_all_four_sets_fit(window, changed):
    rows = RUNS.read(changed / "comparison/runs.csv")
    rows.loc[(rows.set == "test") & (rows.run == "again"), "value"] = 0.95
    fourth = rows.query("set == 'portraits' and run == 'again'")
    fourth = fourth.assign(set="out_of_fold", leads=1, value=0.3, low=0.25, high=0.35)
    RUNS.write(changed / "comparison/runs.csv", pd.concat([rows, fourth]))
    write_report(changed)
    window.get(index(changed))
    buttons = {one.text: one for one in window.find_elements(By.CSS_SELECTOR, "#runs th button")}
    by_validation = ["rates", "made", "slow", "again", None]
    by_test = ["again", *by_validation[:3], None]
    for button, order, direction in [
        ("Validation", by_test, "ascending"), ("Test", by_test, "descending"),
        ("Validation", by_validation, "descending"), ("Out-of-fold", by_test, "descending"),
        ("Out-of-fold", by_test, "ascending"),  # which the other row does not have
        ("Run", by_validation, "descending"), ("Run", by_test, "ascending"),
    ]:  # fmt: skip
        buttons[button].send_keys(Keys.ENTER)
        found = window.find_elements(By.CSS_SELECTOR, "#runs th[scope=row]")
        assert [one.get_attribute("data-value") for one in found] == order, button
        assert texts(window, f"#runs th[aria-sort={direction}] button") == [button]
    said = "30.0 %, 95 % interval 25.0 to 35.0 %, significantly above the baseline of 50.0 %"
    dot = window.find_element(By.CSS_SELECTOR, "#runs .axis:has(path)").accessible_name
    assert dot.replace("\N{NO-BREAK SPACE}", " ") == said
    for width in (1400, 1024, PHONE):
        show(window, width)
        boxes = [one.rect for one in window.find_elements(By.CSS_SELECTOR, "#runs, #runs text")]
        assert boxes[0]["width"] >= max(box["x"] + box["width"] for box in boxes) - boxes[0]["x"]
        keys = window.find_elements(By.CSS_SELECTOR, ".legend span")
        assert len(keys) == 5 and all(key.size["height"] < 25 for key in keys)
    window.find_element(By.CSS_SELECTOR, "#runs .axis:has(path)").click()  # by a finger, too
    shown = "return getComputedStyle(document.activeElement, '::after').content"
    assert "95 % interval 25.0 to 35.0" in window.execute_script(shown)
    assert window.find_element(By.CSS_SELECTOR, "#runs tbody td").aria_role == "cell"


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


def test_url_with_choices_that_the_table_does_not_have_shows_all_faces(window, results):
    window.get(f"{run_page(results)}#faces?prediction=maybe&label=7&group=gone:1&sort=constructor")
    expect(window, "3,000 of 3,000 faces")
    assert window.get_log("browser") == []


def test_table_of_faces_keeps_its_filter_in_the_url(window, results):
    window.get(run_page(results))
    window.find_element(By.NAME, "query").send_keys("person 7")
    window.find_element(By.CSS_SELECTOR, 'select[name="label"] option:nth-child(2)').click()
    eventually(window, lambda: "label=0" in window.current_url)
    for sort in ("year", "-year"):
        window.find_element(By.CSS_SELECTOR, '#faces th[data-column="year"] button').click()
        assert window.current_url.endswith(f"report.html#faces?query=person+7&label=0&sort={sort}")
    unfiltered = ([""], ["3,000 of 3,000 faces"])
    eventually(window, lambda: texts(window, "#faces output") not in unfiltered)
    found = texts(window, "#faces output")
    window.refresh()
    expect(window, *found)
    assert window.find_element(By.CSS_SELECTOR, "#faces th[aria-sort=descending]").text == "year"


def test_face_of_a_gallery_leads_to_its_row_which_the_back_button_leaves(window, results):
    window.get(f"{run_page(results)}#faces?prediction=wrong")
    eventually(window, lambda: texts(window, "#faces output") != [""])
    wrong = texts(window, "#faces output")
    mistakes = 1 - pd.read_csv(results / "runs/made/inference.csv").correct
    assert wrong == [f"{mistakes.sum()} of 3,000 faces"]
    (link := window.find_element(By.CSS_SELECTOR, ".gallery a")).send_keys(Keys.ENTER)
    expect(window, "1 of 3,000 faces")
    eventually(window, lambda: texts(window, "#faces tbody td:nth-child(2)") == [link.text])
    focus = "return document.activeElement.closest('section')?.id"
    assert window.execute_script(focus) == "faces"
    window.back()
    expect(window, *wrong)


def test_size_time_and_machine_are_shown(window, results):
    run = results / "runs" / "made"
    parameters = json.loads((run / "page/model.json").read_text())["parameters"]
    throughput = pd.read_csv(run / "training/throughput.csv")
    speed = throughput.images.sum() / throughput.seconds.sum()
    expected = ["10", "10 min 0 s", f"{speed:.0f}", "A processor, 2 threads, float32", "0123456789"]
    for page, runs in ((index, ["made", "slow", "again"]), (run_page, ["made"])):
        window.get(page(results))
        assert texts(window, f"{MACHINE} tbody th") == runs
        parameter_cell, _, *cells = texts(window, '[data-run="made"] td')
        assert parameter_cell == f"{parameters:,}" and cells == expected


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


def test_duration_is_read_without_counting():
    texts = {45.4: "45 s", 59.7: "1 min 0 s", 185: "3 min 5 s", 3600: "1 h 0 min"}
    assert [machine.duration(seconds) for seconds in texts] == [*texts.values()]


def test_hardware_of_a_training_on_gpus_is_the_gpus():
    computed = {"device": "cuda", "precision": "bfloat16", "processes": 4}
    training = {"computed": computed | {"threads": 2}, "hardware": {"gpus": ["NVIDIA H100"]},
                "code": {"revision": None, "modified": None}}  # fmt: skip
    facts = machine.summarise(training, pd.DataFrame({"images": [100], "seconds": [2.0]}))
    assert facts["hardware"] == "4 × NVIDIA H100, bfloat16"
    assert facts["speed"] == "50" and facts["commit"] == "not under git"
