"""An error in the config is one sentence: file, key, what is wrong, and the nearest valid form."""

import copy
from pathlib import Path

import pytest
import yaml

from helpers.project import ROOT
from helpers.workflow import snakemake
from renet.common.errors import InputError
from renet.config import runs, validation

SCHEMA_FILE = ROOT / "workflow" / "schemas" / "config.schema.yaml"
DEFAULTS = ROOT / "config.yaml"
OWN = "sources: [own]\narchives: {own: {database: wiki, photos: crop, url: "


def load(overlay: Path, command_line: dict | None = None) -> dict:
    """The config as Snakemake loads it from config.yaml and an overlay."""
    content = yaml.safe_load(overlay.read_text())
    config = copy.deepcopy(yaml.safe_load(DEFAULTS.read_text()))
    for key, value in content.items():
        merged = isinstance(value, dict) and isinstance(config.get(key), dict)
        config[key] = config[key] | value if merged else value
    validation.load(config, SCHEMA_FILE, [DEFAULTS, overlay], command_line or {})
    return config


@pytest.mark.parametrize(
    ("overlay", "sentence"),
    [
        ("trian: {}", "trian is not a key of the config; did you mean train?"),
        (
            "train: {learning_rte: 0.1}",
            "train.learning_rte is not a key of the config; did you mean train.learning_rate?",
        ),
        (
            "learning_rate: 0.1",
            "learning_rate is not a key of the config; did you mean train.learning_rate?",
        ),
        (
            "train: {learning_rate: 1e-3}",
            "train.learning_rate is 1e-3, which is text in YAML, and must be a number; write "
            "1.0e-3.",
        ),
        (
            "train: {learning_rate: 1E3}",
            "train.learning_rate is 1E3, which is text in YAML, and must be a number; write "
            "1.0e+3.",
        ),
        ("train: {epochs: ten}", "train.epochs is ten, and must be a whole number."),
        ("train: {epochs: 0}", "train.epochs is 0, and must be at least 1."),
        ("train: {momentum: 1}", "train.momentum is 1, and must be below 1."),
        ("train: {nesterov: 1}", "train.nesterov is 1, and must be true or false."),
        ("train: null", "train is empty, and must be a section with keys."),
        ("train: 5", "train is 5, and must be a section with keys."),
        (
            "train: {device: gpu}",
            "train.device is gpu, and must be one of auto, cpu, cuda.",
        ),
        (
            "model: {cell: grue}",
            "model.cell is grue, and must be one of tanh, relu, gru, lstm; did you mean gru?",
        ),
        ("model: {classes: 3}", "model.classes is 3, and must be 2."),
        ("model: {conv_channels: []}", "model.conv_channels is [], and must not be empty."),
        ("model: {spatial_rnns: [{units: 3}]}", "model.spatial_rnns.0 lacks block."),
        ("sources: wiki", "sources is wiki, and must be a list; write [wiki]."),
        ("sources: [wiki, wiki]", "sources is [wiki, wiki], which names something twice."),
        (
            "crop: {size: large}",
            "crop.size is large, which does not fit: Size in pixels, one number or "
            "[height, width].",
        ),
        ("crop: {size: 4}", "crop.size is 4, and must be at least 8."),
        ("split: {validation: 1.5}", "split.validation is 1.5, and must be below 1."),
        (
            "archives: {wiki: {md5: f536}}",
            "archives.wiki.md5 is f536, and must be 32 hexadecimal digits.",
        ),
        (
            OWN + "/data/a.tar}}",
            "archives.own.url is /data/a.tar, which is a path and not a URL; write "
            "file:///data/a.tar.",
        ),
        (
            OWN + "'ftp://example.org/a.tar'}}",
            "archives.own.url is ftp://example.org/a.tar, and must be a URL that begins with "
            "https://, http:// or file://.",
        ),
        (
            OWN + "'file:///no/such/a.tar'}}",
            "archives.own.url names /no/such/a.tar, which does not exist.",
        ),
        (
            "sources: [own]\narchives: {own: {database: table, photos: crop, "
            "url: 'https://example.org/a.tar', table: /no/such.csv}}",
            "archives.own.table names /no/such.csv, which is not a file.",
        ),
        ("archives: {own: {}}", "archives.own lacks url, database, photos."),
        (
            "runs: {wide: {model: {width: 3}}}",
            "runs.wide.model.width is not a key of the config; known: conv_channels, "
            "spatial_rnns, cell, shared, classes.",
        ),
        ("runs: {wide: 5}", "runs.wide is 5, and must be a section with keys or null."),
        (
            "runs: {true: {}}",
            'runs.true is a name that YAML does not read as text; write "true".',
        ),
        (
            "sources: [wikki]",
            "sources names wikki, which is not one of the archives: sample, wiki, imdb.",
        ),
    ],
)
def test_error_is_one_sentence_with_the_file(tmp_path, overlay, sentence):
    path = tmp_path / "own.yaml"
    path.write_text(overlay)
    if overlay.startswith("archives: {wiki"):
        path.write_text(overlay.replace("{md5", "{url: 'https://a.org/a.tar', database: wiki, "
                                                "photos: crop, md5"))  # fmt: skip
    with pytest.raises(InputError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: {sentence}"


@pytest.mark.parametrize("name", ["../out", ".hidden", "a b", "{x}", ""])
def test_name_that_cannot_be_a_folder_is_refused(tmp_path, name):
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump({"runs": {name: {}}}))
    with pytest.raises(InputError, match="is not a valid name; it must be text that begins"):
        load(path)


def test_sample_is_no_name_of_an_archive(tmp_path):
    path = tmp_path / "own.yaml"
    archive = {"url": "https://example.org/a.tar", "database": "wiki", "photos": "crop"}
    path.write_text(yaml.safe_dump({"archives": {"sample": archive}}))
    with pytest.raises(InputError, match="cannot be called sample"):
        load(path)


def test_several_errors_are_named_up_to_five_lines(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump({"train": {f"key{number}": 1 for number in range(9)}}))
    with pytest.raises(InputError) as caught:
        load(path)
    lines = str(caught.value).splitlines()
    assert len(lines) == 5 and lines[-1] == "… and 5 more errors"


def test_error_of_the_command_line_is_told_from_that_of_a_file(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("train: {epochs: 3}")
    with pytest.raises(InputError, match=r"^--config: train\.epochs is x, and"):
        load(path, {"train": {"epochs": "x"}})


def test_nested_values_of_the_command_line_are_read_as_yaml(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("train: {batch_size: 8}")
    line = {"train": {"epochs": "1", "nesterov": "true"}, "crop": {"size": ["64", "96"]}}
    config = load(path, line)
    assert config["train"]["epochs"] == 1 and config["train"]["nesterov"] is True
    assert config["train"]["batch_size"] == 8
    assert config["crop"]["size"] == [64, 96]


def test_run_may_be_called_by_a_number(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("runs: {1: {}, renet: null}")
    assert list(runs.runs(load(path))) == ["1"]


def output(folder: Path, *arguments: object) -> str:
    outcome = snakemake(ROOT, "-n", "--directory", folder / "work", *arguments)
    assert outcome.returncode == 1
    return outcome.stdout + outcome.stderr


def test_snakemake_prints_the_sentence_and_no_traceback(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("train: {learning_rte: 0.1}")
    lines = output(tmp_path, "--configfile", path).splitlines()
    assert lines[-1].startswith(f"{path}: train.learning_rte is not a key of the config; did you")
    assert len(lines) <= 5


def test_snakemake_takes_nested_values_on_the_command_line(tmp_path):
    outcome = snakemake(
        ROOT, "-n", "--directory", tmp_path, "--config", "train={epochs: 1}", "crop={size: 64}"
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "rule train" in outcome.stdout + outcome.stderr


def test_mistyped_folder_is_named_even_where_old_results_stand(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(OWN + "'file:///no/such/photos.tar'}}")
    printed = output(tmp_path, "--configfile", path)
    assert "archives.own.url names /no/such/photos.tar, which does not exist." in printed
