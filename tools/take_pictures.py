"""Take the pictures of the documents from the pages in results/: `make pictures`.

Each picture is docs/<name>.webp. docs/pictures.json has the text that it shows, so that a test
notices when a page shows another one.
"""

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np

from helpers.browser import PROGRAMS, Browser, eventually, opened, texts

ROOT = Path(__file__).resolve().parents[1]
TEXTS = ROOT / "docs" / "pictures.json"
WIDTH, MARGIN, QUALITY = 1080, 6, (cv2.IMWRITE_WEBP_QUALITY, 80)
REACH = "#rnn1 ~ h3:has(+ p + .pixels)"  # "What R contributes" is the first one
# Of each picture: the page, and the selectors of the first and the last element that it shows.
PICTURES = {
    "run": ("index.html", ".conclusions", ".row8"),
    "faces": ("runs/renet/report.html", "#hard_cases", "#hard_cases ~ ul ~ ul"),
    "walkthrough": ("runs/renet/walkthrough.html", "#rnn1", "#rnn1 ~ figure"),
    "reach": ("runs/renet/walkthrough.html", f"{REACH} ~ {REACH[8:]}", "#rnn1 ~ .pixels ~ .pixels"),
}


def show(browser: Browser, results: Path, name: str) -> tuple[int, int, str]:
    """Open the page of a picture; return top and bottom of the picture in pixels, and its text."""
    page, *ends = PICTURES[name]
    browser.set_window_size(WIDTH, 1000)
    browser.get((results / page).as_uri())
    height = browser.execute_script("return document.documentElement.scrollHeight")
    browser.set_window_size(WIDTH, height + 200)  # the window's frame
    first, last = (browser.find_element("css selector", selector) for selector in ends)
    text = " ".join(one.text for one in dict.fromkeys((first, last)))
    top, bottom = first.rect["y"], last.rect["y"] + last.rect["height"]
    return round(top) - MARGIN, round(bottom) + MARGIN, " ".join(text.split())


def take_demo(browser: Browser, results: Path) -> None:
    """Take the picture of the page of demo.py with a face of the test set."""
    photo = results / "runs/renet/page/walkthrough/face.png"
    command = [sys.executable, ROOT / "workflow/scripts/demo.py", results]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        browser.get(next(line.split()[3] for line in process.stderr or () if " Open " in line))
        browser.set_window_size(WIDTH, 1400)
        eventually(browser, lambda: texts(browser, "[type=checkbox]"))
        browser.find_element("css selector", "[type=checkbox]").click()
        browser.find_element("css selector", "[type=file]").send_keys(str(photo.resolve()))
        eventually(browser, lambda: texts(browser, "dl"))
        time.sleep(1)
        last = browser.find_elements("css selector", "button")[-1].rect
        save(browser, "demo", 0, round(last["y"] + last["height"]) + MARGIN)
        process.terminate()


def save(browser: Browser, name: str, top: int, bottom: int) -> None:
    """Save the rows of pixels from top to bottom."""
    screen = np.frombuffer(browser.get_screenshot_as_png(), np.uint8)
    picture = cv2.imdecode(screen, cv2.IMREAD_COLOR)[max(top, 0) : bottom]
    cv2.imwrite(str(TEXTS.with_name(f"{name}.webp")), picture, QUALITY)


def words(text: str) -> list[str]:
    """The words that do not depend on the machine, which rounds the predictions."""
    parts = re.sub(r"[^\w ]", "", text).split()
    return [word for word in parts if not re.search(r"\d|male|correct|wrong|labelled", word)]


def main() -> None:
    """Take all pictures of results/."""
    shown = {}
    with opened([shutil.which(name) or name for name in PROGRAMS]) as browser:
        for name in PICTURES:
            top, bottom, shown[name] = show(browser, ROOT / "results", name)
            save(browser, name, top, bottom)
        take_demo(browser, ROOT / "results")
    TEXTS.write_text(json.dumps(shown, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{TEXTS} has what the pictures show")


if __name__ == "__main__":
    main()
