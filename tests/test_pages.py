"""The pages of the results in a real browser, from the disk: what they show and what they do."""

import importlib.util
import json
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from helpers.project import ROOT, run_script
from helpers.training import SMALL
from renet.pages import galleries, index_page, phrases, templates

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
FACES = 3000
SIDE = 32


def benchmark_module():
    """benchmarks/report.py, which makes the inputs of the last rules."""
    spec = importlib.util.spec_from_file_location("report_benchmark", ROOT / "benchmarks/report.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build(results: Path) -> None:
    """Run the scripts of the last rules on inputs that the benchmark makes."""
    benchmark = benchmark_module()
    benchmark.make_inputs(results, FACES, SIDE, SMALL)
    table = results / "data" / "test.csv"
    hostile = '<img src=x onerror="document.title=1">'
    for path in (table, results / "runs" / benchmark.RUN / "inference.csv"):
        rows = pd.read_csv(path)
        rows.loc[0, "subject"] = hostile
        rows.loc[1, "age"] = None
        rows.to_csv(path, index=False)
    for script in benchmark.commands(results):
        outcome = run_script(f"{script}.py", *benchmark.commands(results)[script])
        assert outcome.returncode == 0, outcome.stderr
        if script == "explain":  # further runs with another seed and learning rate
            add_run(results, benchmark.RUN)


def add_run(results: Path, first: str) -> None:
    settings = yaml.safe_load((results / "settings.yaml").read_text())
    for name, changes in {"again": {"seed": 2}, "slow": {"learning_rate": 0.001}}.items():
        shutil.copytree(results / "runs" / first, results / "runs" / name)
        run = json.loads(json.dumps(settings["runs"][first]))
        run["train"] |= changes
        settings["runs"][name] = run
        metrics = json.loads((results / "runs" / name / "metrics.json").read_text())
        metrics["test"]["accuracy"] -= 0.1 if name == "slow" else 0.05
        (results / "runs" / name / "metrics.json").write_text(json.dumps(metrics))
    (results / "settings.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pages") / "results"
    build(folder)
    return folder


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium that keeps the console's and the network's log."""
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if not all(programs):
        pytest.skip("chromium and chromedriver (Debian: chromium, chromium-driver) are not on PATH")
    options = Options()
    options.binary_location = programs[0]
    with tempfile.TemporaryDirectory() as profile:
        for flag in [*FLAGS, f"--user-data-dir={profile}", "--window-size=1200,1000"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = webdriver.Chrome(options=options, service=Service(programs[1]))
        yield driver
        driver.quit()


@pytest.fixture
def window(browser):
    """The browser as a desktop in light colours; changes of one test do not reach the next."""
    show(browser, 1200)
    browser.get("about:blank")
    for log in ("browser", "performance"):
        browser.get_log(log)
    return browser


def show(browser, width: int, scheme: str = "light", medium: str = "screen") -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": medium, "features": [feature]})


def index(results: Path) -> str:
    return (results / "index.html").as_uri()


def run_page(results: Path) -> str:
    return (results / "runs" / "made" / "report.html").as_uri()


def requests(browser) -> list[str]:
    """The addresses that the browser asked for."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [event for event in events if event["method"] == "Network.requestWillBeSent"]
    return [event["params"]["request"]["url"] for event in sent]


def texts(browser, selector: str) -> list[str]:
    return browser.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent.trim())",
        selector,
    )


def column(browser, number: int) -> list[str]:
    return texts(browser, f"#faces tbody tr:not(.gap) td:nth-child({number})")


def eventually(browser, holds: Callable[[], bool]) -> None:
    """Wait until something holds: a table is drawn in the frame after the one that asked for it."""
    missing = (IndexError, StaleElementReferenceException)
    WebDriverWait(browser, 10, 0.05, ignored_exceptions=missing).until(lambda _: holds())


def press(browser, heading: str) -> None:
    browser.find_element(By.CSS_SELECTOR, f'#faces th[data-column="{heading}"] button').click()


@pytest.mark.parametrize("page", [index, run_page])
def test_page_loads_from_the_disk_without_an_error_or_an_outside_request(window, results, page):
    window.get(page(results))
    time.sleep(0.3)
    assert window.get_log("browser") == []
    asked = requests(window)
    assert asked and all(url.startswith(("file://", "data:,")) for url in asked)


@pytest.mark.parametrize("page", [index, run_page])
def test_every_picture_shows_and_has_an_alternative_text(window, results, page):
    window.get(page(results))
    pictures = window.execute_script(
        "return [...document.images].map((one) => [one.naturalWidth, one.alt, one.src])"
    )
    assert pictures
    for width, text, source in pictures:
        assert width > 0 and len(text) > 20, source


@pytest.mark.parametrize("page", [index, run_page])
@pytest.mark.parametrize("width", [390, 1200])
def test_page_fits_the_width_of_a_phone_and_of_a_desktop(window, results, page, width):
    show(window, width)
    window.get(page(results))
    assert window.execute_script("return document.documentElement.scrollWidth") <= width


def test_page_is_dark_where_the_reader_wants_it_and_light_in_print(window, results):
    ground = "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    for scheme, medium, is_light in [("light", "screen", True), ("dark", "screen", False),
                                     ("dark", "print", True)]:  # fmt: skip
        show(window, 1200, scheme, medium)
        window.get(run_page(results))
        assert (sum(window.execute_script(ground)) > 3 * 128) == is_light, (scheme, medium)


def test_table_holds_all_faces_and_draws_those_in_sight(window, results):
    window.get(run_page(results))
    eventually(window, lambda: texts(window, "#faces output") == ["3,000 of 3,000 faces"])
    assert 10 < len(column(window, 2)) < 60
    window.execute_script(
        "const v = document.querySelector('.viewport'); v.scrollTop = v.scrollHeight"
    )
    last = pd.read_csv(results / "data" / "test.csv").id.iloc[-1]
    eventually(window, lambda: column(window, 2)[-1] == last)


def test_table_sorts_by_a_column_both_ways_with_the_unknown_last(window, results):
    ages = pd.read_csv(results / "data" / "test.csv").age
    window.get(run_page(results))
    press(window, "age")
    assert column(window, 8)[0] == f"{ages.min():.0f}"
    press(window, "age")
    assert column(window, 8)[0] == f"{ages.max():.0f}"
    assert window.find_element(By.CSS_SELECTOR, 'th[data-column="age"]').get_attribute(
        "aria-sort") == "descending"  # fmt: skip
    window.execute_script(
        "const v = document.querySelector('.viewport'); v.scrollTop = v.scrollHeight"
    )
    eventually(window, lambda: column(window, 8)[-1] == "–")


def test_table_shows_what_the_tables_say_of_a_face(window, results):
    predictions = pd.read_csv(results / "runs/made/inference.csv").iloc[7]
    window.get(run_page(results))
    window.find_element(By.NAME, "query").send_keys(predictions.id)
    row = texts(window, "#faces tbody tr:nth-child(2) td")
    classes, is_correct = ("female", "male"), ("no", "yes")
    wanted = [
        predictions.id,
        predictions.subject,
        classes[predictions.target],
        classes[predictions.predicted],
    ]
    wanted.append(is_correct[predictions.correct])
    assert row[1:6] == wanted
    assert float(row[6].split()[0]) == pytest.approx(
        100 * max(predictions.p_male, predictions.p_female), abs=0.06)  # fmt: skip
    assert row[7:9] == [f"{predictions.age:.0f}", str(predictions.year)]
    assert row[10:] == [f"{predictions.crop_width} × {predictions.crop_height}", predictions.path]


def test_table_searches_numbers_names_and_paths(window, results):
    predictions = pd.read_csv(results / "runs/made/inference.csv")
    lines = (predictions.id + " " + predictions.subject + " " + predictions.path).str.lower()
    window.get(run_page(results))
    field = window.find_element(By.NAME, "query")
    for query in (predictions.path[5], predictions.subject[9].upper(), "imdb 77 99", "nobody"):
        field.clear()
        field.send_keys(query)
        hits = sum(all(word in line for word in query.lower().split()) for line in lines)
        assert texts(window, "#faces output") == [f"{hits:,} of 3,000 faces"], query


def test_table_filters_by_prediction_and_by_label(window, results):
    predictions = pd.read_csv(results / "runs/made/inference.csv")
    window.get(run_page(results))
    window.find_element(By.CSS_SELECTOR, 'select[name="prediction"] option:last-child').click()
    wrong = predictions[predictions.correct == 0]
    assert texts(window, "#faces output") == [f"{len(wrong):,} of 3,000 faces"]
    assert set(column(window, 6)) == {"no"}
    window.find_element(By.CSS_SELECTOR, 'select[name="label"] option:nth-child(2)').click()
    assert texts(window, "#faces output") == [f"{(wrong.target == 0).sum():,} of 3,000 faces"]
    assert set(column(window, 4)) == {"female"}


def test_photo_of_a_row_is_that_face_in_its_sheet(window, results):
    window.get(run_page(results))
    number = 300  # the 45th of the second sheet
    identity = pd.read_csv(results / "data" / "test.csv").id[number]
    window.find_element(By.NAME, "query").send_keys(identity)
    photo = window.find_element(By.CSS_SELECTOR, "#faces .photo")
    assert identity in photo.get_attribute("aria-label")
    style = window.execute_script(
        "const style = getComputedStyle(arguments[0]);"
        "return [style.backgroundImage, style.backgroundPosition]",
        photo,
    )
    assert style[0].endswith('data/thumbnails/sheets/1.webp")')
    assert style[1] == f"{-40 * ((number - 256) % 16)}px {-40 * ((number - 256) // 16)}px"


def test_name_that_looks_like_html_is_shown_as_text(window, results):
    window.get(run_page(results))
    title = window.title
    window.find_element(By.NAME, "query").send_keys("onerror")
    eventually(window, lambda: column(window, 3)[0].startswith("<img src=x"))
    assert window.title == title


def test_face_of_a_gallery_leads_to_its_row(window, results):
    window.get(run_page(results))
    link = window.find_element(By.CSS_SELECTOR, ".gallery a")
    link.send_keys(Keys.ENTER)
    assert column(window, 2)[0] == link.text


def test_table_is_sorted_with_the_keyboard(window, results):
    window.get(run_page(results))
    button = window.find_element(By.CSS_SELECTOR, '#faces th[data-column="confidence"] button')
    button.send_keys(Keys.ENTER)
    confidences = [float(text.split()[0]) for text in column(window, 7)]
    assert confidences == sorted(confidences)


def test_page_without_its_rows_says_so(window, results, tmp_path):
    shutil.copy(results / "runs/made/report.html", tmp_path)
    window.get((tmp_path / "report.html").as_uri())
    assert "needs predictions.js beside it" in window.find_element(By.CSS_SELECTOR, ".missing").text


def test_index_sorts_its_runs_and_keeps_the_baseline_last(window, results):
    window.get(index(results))
    names = "table.sortable tbody:first-of-type th"
    assert texts(window, names) == ["made", "again", "slow"]
    heading = window.find_elements(By.CSS_SELECTOR, "table.sortable th button")[1]
    heading.click()
    heading.click()
    assert texts(window, names) == ["slow", "again", "made"]
    assert texts(window, "table.sortable tr.summary th")[-1] == "always male"


def test_index_shows_which_settings_differ(results):
    page = (results / "index.html").read_text()
    table = page.split('aria-label="Settings that differ"')[1].split("</table>")[0]
    assert re.findall(r"<code>(.*?)</code>", table) == ["train.learning_rate", "train.seed"]
    assert re.findall(r'class="differs">(.*?)<', table) == ["0.001", "2"]


def test_runs_that_differ_by_their_seed_have_a_row_of_means(results):
    page = (results / "index.html").read_text()
    first, second = (
        json.loads((results / "runs" / name / "metrics.json").read_text())["test"]["accuracy"]
        for name in ("made", "again")
    )
    mean, deviation = (first + second) / 2, abs(first - second) / 2**0.5
    assert "mean ± standard deviation of 2 seeds: made, again" in page
    assert f"{phrases.percentage(mean)} ± {phrases.percentage(deviation)}" in page


def test_equal_accuracies_are_called_equal():
    rows = [("recorded gender", "female", 40, 0.9), ("recorded gender", "male", 60, 0.9)]
    table = pd.DataFrame(rows, columns=["slice", "value", "n", "accuracy"])
    assert "accuracy is equal for faces labelled female and male" in phrases.slices(table)


def test_cards_hold_the_runs_own_numbers(results):
    metrics = json.loads((results / "runs/made/metrics.json").read_text())
    card = (results / "runs/made/model_card.md").read_text()
    assert phrases.percentage(metrics["test"]["accuracy"]) in card
    assert json.loads((results / "runs/made/model.json").read_text())["sha256"] in card
    slices = pd.read_csv(results / "runs/made/slices.csv")
    shown = slices[slices.n >= phrases.SMALL_SLICE]
    assert all(f"| {row.slice}: {row.value} |" in card for row in shown.itertuples())
    assert "Out-of-scope use" in card and "<" not in card and "&" not in card
    sheet = (results / "data/datasheet.md").read_text()
    assert "30,000" in sheet and "https://example.org/imdb_crop.tar" in sheet


def test_same_results_make_the_same_pages(results, tmp_path):
    before = {path: path.read_bytes() for path in results.rglob("*.html")}
    benchmark = benchmark_module()
    run_script("report.py", *benchmark.commands(results)["report"])
    assert before == {path: path.read_bytes() for path in results.rglob("*.html")}


def test_columns_of_a_script_keep_names_numbers_and_gaps(tmp_path):
    galleries.write_script(
        tmp_path / "a.js", "it",
        {"age": pd.Series([1, None], dtype="Int64"), "name": pd.Series(["NA", "é\u2028"]),
         "score": pd.Series([0.25, None])},
        more=[1],
    )  # fmt: skip
    text = (tmp_path / "a.js").read_text()
    assert text.startswith("window.it = ") and text.endswith(";\n")
    assert json.loads(text[len("window.it = ") : -2]) == {
        "age": [1, None], "name": ["NA", "é\u2028"], "score": [0.25, None], "more": [1],
    }  # fmt: skip


def test_missing_value_of_a_page_is_an_error():
    template = templates.ENVIRONMENT.from_string("{{ nothing }}")
    with pytest.raises(Exception, match="'nothing' is undefined"):
        template.render()


def settings_of(seed: int, rate: float) -> dict:
    return {"train": {"seed": seed, "learning_rate": rate}, "model": {"cell": "gru"}}


def test_runs_with_other_seeds_alone_make_a_group():
    runs = {"a": settings_of(1, 0.1), "b": settings_of(2, 0.1), "c": settings_of(1, 0.2),
            "again": settings_of(1, 0.1)}  # fmt: skip
    assert index_page.seed_groups(runs) == [["a", "b"]]


def test_only_settings_that_differ_are_compared():
    runs = {"a": settings_of(1, 0.1), "b": settings_of(1, 0.2)}
    assert index_page.differences(runs) == {"train.learning_rate": [0.1, 0.2]}
    assert index_page.differences({"a": settings_of(1, 0.1)}) == {}
