"""The pictures of the documents show the pages as they are."""

import json

import pytest
import yaml
from take_pictures import PICTURES, TEXTS, show, words

from helpers.project import ROOT

SECTIONS = ("sources", "sample", "filter", "crop", "split", "model", "train", "runs")


def has_results_of_the_default_config() -> bool:
    """Whether results/ has those of config.yaml alone, as after `make`."""
    made = ROOT / "results" / "runs" / "renet" / "config.yaml"
    if not made.exists():
        return False
    used, default = (yaml.safe_load(path.read_text()) for path in (made, ROOT / "config.yaml"))
    return all(used[section] == default[section] for section in SECTIONS)


def test_pictures_of_the_documents_say_what_the_pages_say(browser):
    if not has_results_of_the_default_config():
        pytest.skip("results/ has no results of config.yaml; run `make` for them")
    recorded = json.loads(TEXTS.read_text(encoding="utf-8"))
    for name in PICTURES:
        _, _, text = show(browser, ROOT / "results", name)
        assert words(text) == words(recorded[name]), f"{name}.webp is older: run `make pictures`"


def test_each_picture_is_on_a_document():
    documents = "".join(path.read_text() for path in [ROOT / "README.md", *ROOT.glob("docs/*.md")])
    assert sorted(PICTURES) == sorted(path.stem for path in ROOT.glob("docs/*.webp"))
    assert all(f"{name}.webp)" in documents for name in PICTURES)
