"""Take the pictures of the documents from the pages in results/: `make pictures`.

Each picture is docs/<name>.webp. docs/pictures.json has the text that it shows, so that a test
notices when a page shows another one.
"""

import json
import re
import shutil
from pathlib import Path

import cv2
import numpy as np

from helpers.browser import PROGRAMS, Browser, opened

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


def words(text: str) -> list[str]:
    """The words that do not depend on the machine, which rounds the predictions."""
    parts = re.sub(r"[^\w ]", "", text).split()
    return [word for word in parts if not re.search(r"\d|male|correct|wrong|labelled", word)]


def main() -> None:
    """Take all pictures of results/."""
    texts = {}
    with opened([shutil.which(name) or name for name in PROGRAMS]) as browser:
        for name in PICTURES:
            top, bottom, texts[name] = show(browser, ROOT / "results", name)
            screen = np.frombuffer(browser.get_screenshot_as_png(), np.uint8)
            picture = cv2.imdecode(screen, cv2.IMREAD_COLOR)[max(top, 0) : bottom]
            cv2.imwrite(str(TEXTS.with_name(f"{name}.webp")), picture, QUALITY)
    TEXTS.write_text(json.dumps(texts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{TEXTS} has what the pictures show")


if __name__ == "__main__":
    main()
