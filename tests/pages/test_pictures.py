"""The pictures of the documents show the pages as they are."""

import json
import re

import pytest
from take_pictures import PICTURES, TEXTS, show, words

from helpers.project import ROOT


def test_pictures_of_the_documents_say_what_the_pages_say(browser):
    if not all((ROOT / "results" / page).exists() for page, *_ in PICTURES.values()):
        pytest.skip("results/ has no pages of a run renet; run `make` for them")
    recorded = json.loads(TEXTS.read_text(encoding="utf-8"))
    on_pages = {name: show(browser, ROOT / "results", name)[2] for name in PICTURES}
    texts = (on_pages["run"], recorded["run"])
    numbers = [[float(one) for one in re.findall(r"\d+(?:\.\d+)?", text)] for text in texts]
    if numbers[0] != numbers[1]:  # the conclusions on the page can then differ, too
        pytest.skip("results/ are of another config, or of a processor that rounds differently")
    for name, text in on_pages.items():
        assert words(text) == words(recorded[name]), f"{name}.webp is older: run `make pictures`"


def test_each_picture_is_on_a_document():
    documents = "".join(path.read_text() for path in [ROOT / "README.md", *ROOT.glob("docs/*.md")])
    pictures = [*PICTURES, "demo"]
    assert sorted(pictures) == sorted(path.stem for path in ROOT.glob("docs/*.webp"))
    assert all(f"{name}.webp)" in documents for name in pictures)
