"""A headless Chromium, and what tests ask it."""

import contextlib
import importlib.resources
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
AXE = importlib.resources.files("axe_playwright_python") / "axe.min.js"
PROGRAMS = ("chromium", "chromedriver")
ABSENT = "without Chromium"  # category of the tests that need it
PHONE, DESKTOP = 390, 1280  # widths in pixels


class Browser(webdriver.Chrome):
    """Chromium, whose driver does not always wait for the end of a page's scripts."""

    def get(self, url: str) -> None:
        """Open a page, and wait until it is loaded."""
        is_other_page = self.current_url.partition("#")[0] != url.partition("#")[0]
        self._leave(lambda: super(Browser, self).get(url), leaves=is_other_page)

    def refresh(self) -> None:
        """Load the page again, and wait until it is loaded."""
        self._leave(super().refresh, leaves=True)

    def _leave(self, go: Callable[[], None], *, leaves: bool) -> None:
        if leaves:
            self.execute_script("window.isLeft = true")
        go()
        is_loaded = """
            if (document.readyState !== "complete" || (arguments[0] && window.isLeft)) return false;
            const images = [...document.images];
            images.forEach((one) => (one.loading = "eager")); // also what is out of sight
            return images.every((one) => one.complete);"""
        WebDriverWait(self, 10, 0.01).until(lambda _: self.execute_script(is_loaded, leaves))


@contextlib.contextmanager
def opened(programs: Sequence[str]) -> Iterator[Browser]:
    """A headless Chromium, by the paths of both programs, with the console's and network's logs."""
    options = Options()
    options.binary_location = programs[0]
    # Its processes may still write as they end.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in [*FLAGS, f"--user-data-dir={profile}", "--window-size=1280,1000"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = Browser(options=options, service=Service(programs[1]))
        yield driver
        driver.quit()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium, where there is one."""
    programs = [shutil.which(name) for name in PROGRAMS]
    if not all(programs):
        pytest.skip(ABSENT)
    with opened(programs) as driver:
        yield driver


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Count the tests that need Chromium apart, so that no list names each."""
    is_absent = report.skipped and ABSENT in str(report.longrepr)
    return (ABSENT, "s", "SKIPPED") if is_absent else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say once what tests the pages."""
    if skipped := terminalreporter.stats.get(ABSENT):
        way = "`apt-get install chromium chromium-driver`"
        terminalreporter.write_line(f"{len(skipped)} tests of pages are skipped without {way}.")


@pytest.fixture
def window(browser: WebDriver) -> WebDriver:
    """The browser as a desktop in light colours; changes of one test do not reach the next."""
    show(browser, DESKTOP)
    browser.get("about:blank")
    for log in ("browser", "performance"):
        browser.get_log(log)
    return browser


def show(browser: WebDriver, width: int, scheme: str = "light", medium: str = "screen") -> None:
    """Set the width of the window, the colour scheme and the medium."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": medium, "features": [feature]})


def requests(browser: WebDriver) -> list[str]:
    """The addresses that the browser asked for."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [event for event in events if event["method"] == "Network.requestWillBeSent"]
    return [event["params"]["request"]["url"] for event in sent]


def check_page(browser: WebDriver, address: str, width: int, pictures: int = 1) -> None:
    """Expect a page that fits the width, shows its pictures and asks for nothing outside."""
    show(browser, width)
    browser.get(address)
    time.sleep(0.3)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.get_log("browser") == []
    asked = requests(browser)
    assert asked and all(url.startswith(("file://", "data:,")) for url in asked)
    found = browser.execute_script(
        "return [...document.images].map((one) => [one.naturalWidth, one.alt, one.src])"
    )
    assert len(found) >= pictures
    for natural_width, text, source in found:
        assert natural_width > 0 and len(text) > 20, source


def texts(browser: WebDriver, selector: str) -> list[str]:
    """The text of each element, hidden or not."""
    return browser.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent.trim())",
        selector,
    )


def eventually(browser: WebDriver, holds: Callable[[], bool]) -> None:
    """Wait until something holds: a table is drawn in the frame after the one that asked for it."""
    missing = (IndexError, StaleElementReferenceException)
    WebDriverWait(browser, 30, 0.05, ignored_exceptions=missing).until(lambda _: holds())


def choose(browser: WebDriver, choice: str) -> None:
    """Go to the next suspect of the label audit by keyboard, and choose one of its decisions."""
    left = browser.switch_to.active_element.get_attribute("name")
    while (now := browser.switch_to.active_element).get_attribute("name") in (None, "", left):
        now.send_keys(Keys.TAB)
    steps = ("keep", "flip", "drop", "undecided").index(choice)
    now.send_keys(Keys.SPACE, *[Keys.ARROW_DOWN] * steps)


def download(browser: WebDriver, folder: Path) -> Path:
    """Press the page's button that downloads corrections.csv by keyboard."""
    options = {"behavior": "allow", "downloadPath": str(folder)}
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", options)
    browser.find_element(By.CSS_SELECTOR, ".decide button").send_keys(Keys.ENTER)
    path = folder / "corrections.csv"
    eventually(browser, lambda: path.exists() and path.stat().st_size > 0)
    return path


# Elements whose text has a contrast below 4.5 with the nearest background colour; axe cannot judge
# a text over the shadow of a part that scrolls.
FAINT = """
    const { Color, getContrast } = axe.commons.color;
    const parsed = (colour) => new Color().parseString(colour);
    const ground = (one) => {
        const colour = parsed(one ? getComputedStyle(one).backgroundColor : "#fff");
        return colour.alpha === 0 ? ground(one.parentElement) : colour;
    };
    const hasText = ({ nodeType, data }) => nodeType === Node.TEXT_NODE && data.trim();
    return [...document.querySelectorAll("body *")].filter((one) => {
        const { color, fill } = getComputedStyle(one);
        return one.checkVisibility() && [...one.childNodes].some(hasText) &&
            getContrast(ground(one), parsed(one.closest("svg") ? fill : color)) < 4.5;
    }).map((one) => `contrast: ${one.outerHTML}`);
"""


def violations(browser: WebDriver) -> list[str]:
    """What axe-core finds on the page, each rule with its first elements; and faint texts."""
    browser.execute_script(AXE.read_text())
    browser.execute_script("document.querySelectorAll('details').forEach((one) => one.open = true)")
    found = browser.execute_async_script(
        "axe.run({resultTypes: ['violations']}).then((found) => arguments[0](found.violations))"
    )
    return [
        f"{one['id']}: {one['help']}: {[node['html'][:120] for node in one['nodes'][:3]]}"
        for one in found
    ] + browser.execute_script(FAINT)
