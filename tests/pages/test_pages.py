"""The pages of the results in a real browser, from the disk: what they show and what they do."""

import csv
import html
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from thumbnails import write_samples

from helpers.browser import PHONE, check_page, eventually, show, texts
from helpers.pages import FIRST_HOSTILE, HOSTILE, evaluate_again, expect, index, run_page
from renet.faces.crop import cv2
from renet.pages import page_data, templates
from renet.pages.page_data import LAYERS


def columns_of(results: Path) -> dict:
    """The columns of the table of faces."""
    text = (results / "data/thumbnails/samples.js").read_text(encoding="utf-8")
    return json.loads(text[text.index("{") : -2])


def column(browser, number: int) -> list[str]:
    return texts(browser, f"#faces tbody tr:not(.gap) td:nth-child({number})")


def press(browser, heading: str) -> None:
    """Sort by a column with the keyboard."""
    button = browser.find_element(By.CSS_SELECTOR, f'#faces th[data-column="{heading}"] button')
    button.send_keys(Keys.ENTER)


def scroll_to_the_end(browser) -> None:
    browser.execute_script(
        "const v = document.querySelector('.viewport'); v.scrollTop = v.scrollHeight"
    )


@pytest.mark.parametrize("page", [index, run_page])
@pytest.mark.parametrize("width", [PHONE, 1200])
def test_page_fits_shows_its_pictures_and_asks_for_nothing_outside(window, results, page, width):
    check_page(window, page(results), width)


@pytest.mark.parametrize("content", ["Settings of the grid rates", "Loss of each run by epoch"])
def test_edge_at_which_a_table_or_a_chart_is_cut_off_has_a_shadow(window, results, content):
    show(window, PHONE)
    window.get(index(results))
    (table,) = window.find_elements(By.CSS_SELECTOR, f'[aria-label="{content}"]')
    for place, is_shaded in (("0", (False, True)), ("1e4", (True, False))):
        window.execute_script(f"arguments[0].scrollLeft = {place}", table)
        pixels = np.frombuffer(table.screenshot_as_png, np.uint8)
        picture = cv2.imdecode(pixels, cv2.IMREAD_GRAYSCALE).max(axis=0)
        assert (picture[2] < 245, picture[-3] < 245) == is_shaded


def test_page_is_dark_where_the_reader_wants_it_and_light_in_print(window, results):
    ground = "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    for scheme, medium, is_light in [("light", "screen", True), ("dark", "screen", False),
                                     ("dark", "print", True)]:  # fmt: skip
        show(window, 1200, scheme, medium)
        window.get(run_page(results))
        assert (sum(window.execute_script(ground)) > 3 * 128) == is_light, (scheme, medium)


def test_table_holds_all_faces_and_draws_those_in_sight(window, results):
    window.get(run_page(results))
    expect(window, "3,000 of 3,000 faces")
    assert 10 < len(column(window, 2)) < 60
    scroll_to_the_end(window)
    last = pd.read_csv(results / "data" / "test.csv").id.iloc[-1]
    eventually(window, lambda: column(window, 2)[-1] == last)


def test_table_sorts_by_a_column_both_ways_with_the_unknown_last(window, results):
    ages = pd.read_csv(results / "data" / "test.csv").age
    window.get(run_page(results))
    press(window, "age")
    assert column(window, 8)[0] == f"{ages.min():.0f}"
    press(window, "age")
    assert column(window, 8)[0] == f"{ages.max():.0f}"
    scroll_to_the_end(window)
    eventually(window, lambda: column(window, 8)[-1] == "–")


def test_table_sorts_ids_by_source_and_then_by_row_and_finds_one_alone(window, changed):
    script, columns = changed / "data/thumbnails/samples.js", columns_of(changed)
    columns["sources"] = ["early", "late"]
    columns["source"] = [number % 2 for number in range(3000)]
    columns["row"] = [*range(3000, 0, -1)]  # not in their order, as those of a test set
    places = zip(columns["source"], columns["row"], strict=True)
    columns["id"] = [f"{columns['sources'][source]}:{row}" for source, row in places]
    script.write_text(f"window.renetSamples = {json.dumps(columns)};\n", encoding="utf-8")
    rows = sorted(zip(columns["source"], columns["row"], strict=True))
    ids = [f"{columns['sources'][source]}:{row}" for source, row in rows]
    window.get(f"{run_page(changed)}#faces?sort=id")
    eventually(window, lambda: column(window, 2)[:5] == ids[:5])
    press(window, "id")
    eventually(window, lambda: column(window, 2)[:5] == ids[:-6:-1])
    window.get(f"{run_page(changed)}#faces?query=early:12")  # and not early:120 to early:128
    expect(window, "1 of 3,000 faces")


@pytest.mark.parametrize(("subject", "person"), [("anna", "anna"), ("imdb:/a.jpg", "–")])
def test_table_shows_what_the_tables_say_of_a_face(window, changed, subject, person):
    predictions = pd.read_csv(changed / "runs/made/inference.csv").iloc[7]
    samples = pd.read_csv(changed / "data/test.csv")
    samples.loc[7, "subject"] = subject
    write_samples(samples, changed / "data/thumbnails/samples.js", "sheets/")
    window.get(run_page(changed))
    window.find_element(By.NAME, "query").send_keys(predictions.id)
    row = texts(window, "#faces tbody tr:nth-child(2) td")
    label, predicted = (("female", "male")[predictions[name]] for name in ("target", "predicted"))
    is_correct = ("no", "yes")[predictions.correct]
    assert row[1:6] == [predictions.id, person, label, predicted, is_correct]
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
        expect(window, f"{hits:,} of 3,000 faces")


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


@pytest.mark.fault("hostile-name")
def test_name_that_looks_like_html_is_shown_as_text(window, results):
    window.get(run_page(results))
    title = window.title
    query = window.find_element(By.NAME, "query")
    for name in (name for name in HOSTILE if "title" in name):
        query.clear()
        query.send_keys(name.split()[-1])
        eventually(window, lambda name=name: column(window, 3)[:1] == [name])
    assert window.title == title and window.get_log("browser") == []


@pytest.mark.fault("hostile-name")
def test_group_links_to_its_faces_which_the_address_restores(window, changed):
    table, own = pd.read_csv(changed / "data/split.csv"), HOSTILE[0]
    table[own] = table["copy"] = np.resize(HOSTILE, len(table))
    table.assign(gender="f").to_csv(changed / "own.csv", index=False)
    read = {"labels": {}, "tables": [changed / "own.csv"], "database": "table"}
    evaluate_again(changed, slices={"imdb": read | {"slices": [own, "copy"]}})
    faces = pd.read_csv(changed / "runs/made/inference.csv").merge(table[["id", own]])
    groups = {f"{own}: {value}": faces[own] == value for value in HOSTILE}
    groups["age 70 years and more"] = faces.age >= 70
    window.get(run_page(changed))
    title, path = window.title, ".groups th > a"
    listed, links = texts(window, path), window.find_elements(By.CSS_SELECTOR, path)
    assert sum(name.startswith(("photo in", "copy:")) for name in listed) == 1  # of equal tests

    def expect_faces(in_group: pd.Series) -> None:
        tall = "document.querySelector('.viewport').style.height = '99999px'"  # draws all rows
        window.execute_script(f"{tall}; window.dispatchEvent(new Event('resize'))")
        eventually(window, lambda: column(window, 2) == faces.id[in_group].tolist())

    for name, in_group in groups.items():
        (link := links[listed.index(name)]).click()
        expect_faces(in_group)
    link.find_element(By.XPATH, "../small/a").click()
    expect_faces(in_group & (faces.correct == 0))
    Select(window.find_element(By.NAME, "group")).select_by_visible_text("recorded gender female")
    window.refresh()
    expect_faces((faces.target == 0) & (faces.correct == 0))
    assert window.title == title and window.get_log("browser") == []


class Markup(HTMLParser):
    """Collects the elements of a page that a hostile name could make."""

    def __init__(self, path: Path):
        super().__init__()
        self.found: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        hostile = [name for name, value in attributes if name[:2] == "on" or value == "x"]
        links = [value for _, value in attributes if value and value.startswith("javascript:")]
        self.found += [tag] * bool(hostile or links)

    def handle_data(self, data: str) -> None:
        if self.cdata_elem and "document.title=" in data:
            self.found.append("script")


@pytest.mark.fault("hostile-name")
def test_hostile_names_are_no_markup_on_any_page_or_figure(results):
    pages = [path for path in results.rglob("*.*") if path.suffix in (".html", ".svg")]
    found = {path.name: Markup(path).found for path in pages}
    assert len(pages) > 15 and not any(found.values()), found
    assert HOSTILE[0] in html.unescape((results / "audit/index.html").read_text())
    sheet = (results / "data/datasheet.md").read_text()
    assert "\\<img src=x" in sheet and "<img" not in sheet.replace("\\<", "")
    (line,) = (line for line in sheet.splitlines() if "imdb_crop.tar" in line)
    assert len(re.findall(r"(?<!\\)\|", line)) == 5  # of the table alone


@pytest.mark.fault("hostile-name")
def test_hostile_names_stay_as_they_are_in_tables_and_in_data_of_the_pages(results):
    names = slice(FIRST_HOSTILE, FIRST_HOSTILE + len(HOSTILE))
    columns = columns_of(results)
    people = [columns["subjects"][number] for number in columns["subject"][names]]
    assert people == columns["path"][names] == HOSTILE
    for name in ("runs/made/tables/gallery.csv", "audit/labels.csv"):
        with (results / name).open(newline="", encoding="utf-8") as handle:
            rows = list(csv.DictReader(handle, strict=True))
        assert {row["subject"] for row in rows} >= set(HOSTILE), name
        assert None not in {key for row in rows for key in row}


def test_page_without_its_rows_says_so(window, results, tmp_path):
    shutil.copy(results / "runs/made/report.html", tmp_path)
    window.get((tmp_path / "report.html").as_uri())
    said = window.find_element(By.CSS_SELECTOR, ".missing").text
    assert "needs the folder page beside it" in said


def test_run_page_has_a_row_for_each_layer(results):
    run = results / "runs" / "made"
    page = (run / "report.html").read_text()
    short = templates.ENVIRONMENT.get_template("parts.html.j2").module.short
    known = {0: "0", 9999: "9999", 999_960: "1.0 M", 452_984_832: "453.0 M", 2_000_000_000: "2.0 G"}
    assert {number: short(number) for number in known} == known
    for row in LAYERS.read(run / "tables/layers.csv").itertuples():
        cells = row.kind, row.output, short(row.parameters), short(row.operations)
        assert f"{row.layer}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}" in page


def test_columns_of_a_script_keep_names_numbers_and_gaps(tmp_path):
    page_data.write_table(
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
