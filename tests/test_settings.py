"""The config says everything, and a slip in it is an error that names the key."""

import copy

import pytest
import yaml
from snakemake.utils import update_config, validate

from helpers.project import ROOT
from renet.common.errors import InputError
from renet.config import settings
from renet.config.architecture import Architecture
from renet.training.trainer import Recipe

CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
OVERLAYS = sorted((ROOT / "configs").glob("*.yaml"))
ROSTER = {"url": "file:///data/wiki_crop.tar", "database": "wiki", "photos": "crop", "shards": 2}


def check(overlay: dict) -> dict:
    """Load the config with an overlay as the Snakefile does."""
    config = copy.deepcopy(CONFIG)
    update_config(config, overlay)
    validate(config, ROOT / "workflow" / "schemas" / "config.schema.yaml")
    settings.check(config)
    return config


def test_config_is_valid_and_runs_on_the_sample():
    assert check({})["sources"] == ["sample"]


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.stem)
def test_overlay_is_valid(overlay):
    config = check(yaml.safe_load(overlay.read_text()))
    sources = [settings.archive(config, source) for source in config["sources"]]
    for archive in sources:
        if archive["database"] == "table":
            continue  # one's own photos, wherever they are
        assert all(url.startswith("https://data.vision.ee.ethz.ch/") for url in archive["urls"])
        assert all(digest.startswith("md5:") for digest in archive["digests"])


def test_defaults_of_the_code_are_those_of_the_config():
    assert vars(Architecture()) == CONFIG["model"]
    assert vars(Recipe()) == CONFIG["train"]


@pytest.mark.parametrize(
    ("overlay", "named"),
    [
        ({"trian": {}}, "trian"),
        ({"train": {"learning_rte": 0.1}}, "learning_rte"),
        ({"train": {"epochs": "ten"}}, "epochs"),
        ({"train": {"learning_rate": "0.01"}}, "learning_rate"),
        ({"train": {"device": "tpu"}}, "device"),
        ({"filter": {"min_score": 1}}, "min_score"),
        ({"crop": {"size": "large"}}, "size"),
        ({"split": {"validation": 1.5}}, "validation"),
        ({"model": {"cell": "elman"}}, "cell"),
        ({"runs": {"wide": {"model": {"width": 3}}}}, "width"),
        ({"runs": {"../out": {}}}, r"\.\./out"),
        ({"archives": {"wiki": {"md5": "f536"}}}, "md5"),
        ({"archives": {"wiki": {"url": "ftp://example.org/x.tar"}}}, "url"),
        ({"archives": {"sample": ROSTER}}, "sample"),
        ({"sample": {"photos": 3}}, "photos"),
    ],
)
def test_unknown_key_or_wrong_type_is_named(overlay, named):
    with pytest.raises(Exception, match=named):
        check(overlay)


@pytest.mark.parametrize(
    ("overlay", "message"),
    [
        ({"sources": ["wikki"]}, "sources names wikki.*sample, wiki, imdb"),
        ({"split": {"validation": 0.5, "test": 0.5}}, "leaves nothing to train on"),
        ({"filter": {"min_age": 50, "max_age": 20}}, "min_age is above"),
        ({"runs": {"renet": None}}, "no run that is switched on"),
        ({"train": {"nesterov": True, "momentum": 0}}, "renet has nesterov: true, which needs"),
        (
            {"runs": {"a": {"seeds": [1]}, "a-seed1": {}}},
            "Two runs would be called a-seed1",
        ),
        ({"crop": {"size": 100}}, r"crop\.size is \[100, 100\].*run renet.*\[32, 32\]"),
        ({"crop": {"margin": 0.6}, "sources": ["wiki"]}, r"crop\.margin is 0\.6"),
        ({"archives": {"a": ROSTER | {"md5": ["0" * 32] * 2}}, "sources": ["a"]}, "1 URLs and 2"),
        ({"archives": {"a": ROSTER | {"table": "a.csv"}}, "sources": ["a"]}, "or neither"),
        ({"archives": {"a": ROSTER | {"database": "table"}}, "sources": ["a"]}, "or neither"),
        (
            {"archives": {"a": ROSTER | {"url": ["file:///1/a.tar", "file:///2/a.tar"]}},
             "sources": ["a"]},
            "have the same name",
        ),
        (
            {"archives": {"a": ROSTER | {"url": ["https://a/p.tgz", "https://a/p.tar"]}},
             "sources": ["a"]},
            "have the same name",
        ),
    ],
)  # fmt: skip
def test_rule_that_the_schema_cannot_say_is_checked_too(overlay, message):
    with pytest.raises(InputError, match=message):
        check(overlay)


def test_archive_may_have_no_digest_and_a_digest_may_be_taken_away():
    config = check({"archives": {"wiki": {"md5": None}, "own": ROSTER}, "sources": ["wiki", "own"]})
    assert settings.archive(config, "wiki")["digests"] == [None]
    assert settings.receipts(config, "own") == ["resources/own/wiki_crop.tar.json"]


def test_runs_override_model_and_train_and_nothing_else():
    config = check(
        {
            "runs": {
                "renet": None,
                "wide": {"model": {"conv_channels": [8, 16]}, "train": {"nesterov": True}},
                "many": {"seeds": [5, 6]},
            }
        }
    )
    runs = settings.runs(config)
    assert list(runs) == ["wide", "many-seed5", "many-seed6"]
    assert runs["wide"]["model"] == CONFIG["model"] | {"conv_channels": [8, 16]}
    assert runs["wide"]["train"] == CONFIG["train"] | {"nesterov": True}
    assert runs["many-seed6"]["train"] == CONFIG["train"] | {"seed": 6}


def test_every_key_of_the_schema_is_described():
    schema = yaml.safe_load((ROOT / "workflow" / "schemas" / "config.schema.yaml").read_text())

    def undescribed(node: dict, path: str) -> list[str]:
        found = []
        for name, child in node.get("properties", {}).items():
            if "$ref" in child:
                child = schema["$defs"][child["$ref"].rpartition("/")[2]]
            if "description" not in child:
                found.append(f"{path}{name}")
            found += undescribed(child, f"{path}{name}.")
        return found

    assert undescribed(schema, "") == []
