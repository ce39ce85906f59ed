"""axe-core and the Nu validator find nothing on any page, and each text has enough contrast."""

import shutil
import subprocess

import pytest

from helpers.browser import DESKTOP, PHONE, show, violations
from helpers.pages import index, run_page


@pytest.mark.parametrize(
    ("width", "scheme"), [pytest.param(PHONE, "dark", marks=pytest.mark.slow), (DESKTOP, "light")]
)
def test_pages_have_no_barrier(window, results, finished, width, scheme):
    copies = {"again", "slow"}  # runs with the pages of `made`
    pages = [page for page in results.rglob("*.html") if page.parent.name not in copies]
    assert len(pages) >= 4
    show(window, width, scheme)
    for page in [*pages, finished / "results/runs/renet/walkthrough.html"]:
        window.get(page.as_uri())
        assert violations(window) == [], page


def test_axe_finds_a_barrier_that_is_there(window, tmp_path):
    page = tmp_path / "page.html"
    page.write_text('<!doctype html><html lang="en"><title>A</title><img src="data:,">')
    window.get(page.as_uri())
    assert any(one.startswith("image-alt") for one in violations(window))
    page.write_text(page.read_text() + "<p style='color: #888'>grey")
    window.get(page.as_uri())
    assert violations(window)[-1].startswith('contrast: <p style="color: #888">grey')


@pytest.mark.slow
def test_pages_are_valid_html(results, finished):
    if not (validator := shutil.which("vnu")):
        pytest.skip("the validator is absent; `npm install --global vnu-jar` and Java install it")
    pages = [*results.rglob("*.html"), *(finished / "results/runs/renet").glob("*.html")]
    unknown = ".*(vector-effect|--level).*"  # CSS that the validator does not know
    given = [validator, "--errors-only", "--filterpattern", unknown, *pages]
    outcome = subprocess.run(given, capture_output=True, text=True)
    assert outcome.stderr == "" and outcome.returncode == 0 and len(pages) > 9


SMALLEST = """
    const size = (text) => parseFloat(getComputedStyle(text).fontSize)
        * Math.hypot(text.getScreenCTM().a, text.getScreenCTM().b);
    const sizes = [...document.querySelectorAll("text")].map(size);
    return [Math.min(...sizes), document.documentElement.getBoundingClientRect().width];
"""


@pytest.mark.parametrize("width", [PHONE, 700, DESKTOP])
def test_text_of_a_chart_is_never_smaller_than_nine_pixels(window, results, width):
    charts = "[...document.querySelectorAll('img.chart')].map((one) => [one.src, one.width])"
    show(window, width)
    for page in (index, run_page):
        window.get(page(results))
        images = window.execute_script(f"return {charts}")
        assert len(images) >= 2
        for source, displayed_width in images:
            window.get(source)
            size, natural = window.execute_script(SMALLEST)
            assert size * displayed_width / natural >= 9, source
