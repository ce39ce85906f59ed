"""A config may hold only what differs from the defaults; an error in it names the key."""

import copy
import json
import re
from pathlib import Path

import jsonschema
import pytest
import write_config
import yaml
from snakemake.utils import update_config

from helpers import published
from helpers.config import CONFIG, check, complete
from helpers.dry_run import plan
from helpers.project import ROOT
from helpers.workflow import other_text
from renet.config import validation
from renet.config.crop import ready_made_margin
from renet.config.model import Architecture, CnnArchitecture
from renet.config.runs import plain
from renet.config.schema import Config
from renet.config.train import Recipe
from renet.planning import before_start, data_summary, inputs, run_settings

OVERLAYS = sorted((ROOT / "configs").glob("*.yaml"))
BENCHMARKS = sorted((ROOT / "benchmarks" / "configs").glob("*.yaml"))
ROSTER = {"url": "https://example.org/wiki_crop.tar", "database": "wiki", "photos": "crop"}


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.stem)
def test_overlay_is_valid(overlay, tmp_path):
    for archive in check(with_own_photos(overlay, tmp_path)).archives.values():
        if archive.database == "table":
            continue  # one's own photos, wherever they are
        for url, digest in archive.downloads.values():
            assert url.startswith("https://data.vision.ee.ethz.ch/") and digest.startswith("md5:")


@pytest.mark.parametrize("overlay", BENCHMARKS, ids=lambda path: path.stem)
def test_overlay_of_a_benchmark_is_valid(overlay):
    text = overlay.read_text().replace("file:///data", "https://example.org")
    assert check(yaml.safe_load(text)).runs


@pytest.mark.parametrize(
    "name", ["congress", "imdb-wiki", "imdb-wiki-whole", "own-photos", "fairface"]
)
def test_overlay_gives_a_workflow(name, tmp_path):
    overlay = ROOT / "configs" / f"{name}.yaml"
    config = tmp_path / overlay.name
    config.write_text(yaml.safe_dump(with_own_photos(overlay, tmp_path)))
    said = plan(ROOT, "--directory", tmp_path / "work", "--configfile", config)
    assert "rule write_hdf5" in said and "File path" not in said  # a warning of Snakemake's


def with_own_photos(overlay: Path, folder: Path) -> dict:
    """An overlay whose own or published photos, if it has any, are in `folder`."""
    (folder / "photos").mkdir(exist_ok=True)
    (folder / "photos.csv").write_text("path,gender\n")
    published.write(folder)
    return yaml.safe_load(overlay.read_text().replace("/data/", f"{folder}/"))


def test_config_yaml_and_the_json_schemas_are_written_from_the_models():
    assert (ROOT / write_config.CONFIG).read_text() == write_config.config_yaml()
    assert (ROOT / write_config.SCHEMA).read_text() == write_config.json_schema()
    assert (ROOT / write_config.METRICS_SCHEMA).read_text() == write_config.metrics_schema()
    assert json.dumps(texts(complete({}))) == json.dumps(texts(complete(CONFIG)))


def test_editors_are_told_of_each_key_what_it_is_and_accept_all_configs():
    schema = json.loads((ROOT / write_config.SCHEMA).read_text())
    sections = [schema, *schema["$defs"].values()]
    keys = [(name, of) for one in sections for name, of in one["properties"].items()]
    undescribed = {name for name, of in keys if not {"description", "$ref"} & set(of)}
    assert undescribed == {"kind", "model"}  # the kinds are described as a whole
    validator = jsonschema.Draft202012Validator(schema)
    for file in (ROOT / "config.yaml", *OVERLAYS, *BENCHMARKS):
        assert not list(validator.iter_errors(yaml.safe_load(file.read_text()))), file
        named = re.match("# yaml-language-server: [$]schema=(.+)\n", file.read_text())
        assert (file.parent / named[1]).samefile(ROOT / write_config.SCHEMA)
    accepted = [
        {"archives": {"wiki": {"shards": 4}}}, {"sources": [2024]}, {"crop": {"size": [64, 96]}},
        {"train": {"learning_rate": "1e-3"}}, {"runs": {"cnn": None, "a": {"folds": 5}}},
        {"archives": {"wiki": {"url": ["https://a.org/x.tar"], "md5": ["0" * 32]}}},
        {"predict": {"photos": ["a", "b"]}}, {"model": {"classes": 2}},
    ]  # fmt: skip
    refused = [
        {"train": {"epochs": 0}}, {"train": {"learning_rate": "fast"}}, {"model": {"classes": 8}},
        {"archives": {"wiki": {"url": "/a/x.tar"}}}, {"archives": {"wiki": {"md5": "0" * 31}}},
    ]  # fmt: skip
    assert [content for content in accepted if not validator.is_valid(content)] == []
    assert [content for content in refused if validator.is_valid(content)] == []


def texts(config: Config) -> dict[str, str]:
    """The text of each section, archive and run."""
    parts = write_config.all_keys(config) | {name: plain(of) for name, of in config.runs.items()}
    parts |= parts["archives"]
    return {name: json.dumps(parts[name]) for name in parts if name not in ("archives", "runs")}


@pytest.mark.fault("unchanged-meaning")
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model": {"kind": "hog_svm", "alpha": 1}, "crop": {"size": [32, 64]}},
        {"runs": {"a": {"model": {"kind": "hog_svm", "alpha": 2}, "train": {"mixup": 1}}}},
        {"runs": {"a": {"grid": {"train.weight_decay": [0, 1], "train.epochs": [5]}}}},
        {"model": {"kind": "cnn"}, "runs": {"a": {"model": {"kind": "renet"}}}},
        {"audit": {"folds": 3}, "runs": {"renet": {"checkpoints": {"minutes": 5}}}},
    ],
)
def test_settings_have_one_text_for_any_order_of_keys_and_type_of_numbers(changes):
    config = complete(changes)
    assert texts(complete(other_text(write_config.all_keys(config)))) == texts(config)
    assert texts(complete(other_text(changes))) == texts(config)


@pytest.mark.fault("unchanged-meaning")
def test_square_is_one_number_however_it_is_written():
    sizes = [64, 64.0], 64, [64, 96]
    square, one, other = (check({"crop": {"size": size}}) for size in sizes)
    assert data_summary.for_provenance(square) == data_summary.for_provenance(one)
    assert (square.crop.shape, other.crop.size) == ([64, 64], [64, 96])


def test_archive_beside_the_sample_may_be_an_external_set():
    own = archive()["archives"]
    assert check({"archives": own, "external": ["a"]}).sources == ["sample"]
    assert check({"archives": {"wiki": {"md5": None}}}).sources == ["sample"]


def test_names_that_differ_in_case_alone_are_a_warning():
    declared = {"a": ROSTER, "A": ROSTER, "b": ROSTER}
    runs = {"renet": {}, "x-seed1": {}, "X": {"seeds": [1, 2]}, "Renet": None}
    config = check({"archives": declared, "sources": ["a", "b"], "external": ["A"], "runs": runs})
    of_runs, of_archives = before_start.warnings(config, [], [])
    assert "`runs` has x-seed1 and X-seed1, which share their files on a disk" in of_runs
    assert "`archives` has a and A, which share" in of_archives
    one = check({"archives": declared, "sources": ["A"]})
    assert not list(before_start.warnings(one, [], []))


def archive(**changes: object) -> dict:
    """An overlay with one archive and no other source."""
    return {"archives": {"a": ROSTER | changes}, "sources": ["a"]}


def test_archive_may_have_no_digest_and_a_digest_may_be_taken_away():
    config = check({"archives": {"wiki": {"md5": None}, "own": ROSTER}, "sources": ["wiki", "own"]})
    assert [digest for _, digest in config.used_archives["wiki"].downloads.values()] == [None]
    assert inputs.receipts(config, ["own"]) == ["<resources>/own/wiki_crop.tar.json"]


def test_runs_override_their_sections_and_nothing_else():
    wide = {"model": {"conv_channels": [8, 16]}, "train": {"nesterov": True}}
    others = {"saved": {"checkpoints": {"minutes": 2}}, "many": {"seeds": [5, 6]}}
    complete_runs = check({"runs": {"renet": None, "wide": wide, **others}}).runs
    assert list(complete_runs) == ["wide", "saved", "many-seed5", "many-seed6"]
    assert complete_runs["wide"].model == Architecture(conv_channels=[8, 16])
    assert complete_runs["wide"].train == Recipe(nesterov=True)
    assert complete_runs["saved"].train == Recipe()
    assert complete_runs["saved"].checkpoints.minutes == 2
    assert complete_runs["many-seed6"].train == Recipe(seed=6)


@pytest.mark.parametrize(("named", "found"), [("b", "b-seed4"), ("b-seed5", "b-seed5")])
def test_audit_and_reference_can_be_the_name_of_a_run_with_seeds(named, found):
    runs = {"renet": None, "a": {}, "b": {"seeds": [4, 5]}}
    of_name = {"audit": {"folds": 3, "run": named}, "comparison": {"reference": named}}
    config = check({"runs": runs} | of_name)
    assert data_summary.for_pages(config)["audit"]["run"] == found
    assert config.named_run(config.comparison.reference) == found
    assert config.named_run(None) == "a"


def test_run_of_another_kind_begins_at_the_defaults_of_that_kind():
    content = {
        "model": {"kind": "cnn", "classifier": "plain"},
        "runs": {"a": {}, "b": {"model": {"kind": "renet", "cell": "gru"}}},
    }
    files = {ROOT / "config.yaml": CONFIG, Path("overlay.yaml"): content}
    complete_runs = validation.load({}, files, {"model": {}}).runs
    assert complete_runs["a"].model == CnnArchitecture(classifier="plain")
    assert complete_runs["b"].model == Architecture(cell="gru")


@pytest.mark.fault("unchanged-meaning")
@pytest.mark.parametrize("of", [run_settings.training_settings, run_settings.compute_settings])
def test_svm_and_its_predictions_depend_on_the_settings_that_they_use(of):
    def settings(kind: str = "hog_svm", **train: object) -> dict:
        overlay = {"runs": {"a": {"model": {"kind": kind}}}, "train": train}
        return of(check(overlay).runs["a"])

    assert settings() == settings(epochs=3) == settings(threads=7)
    assert settings("renet") != settings("renet", threads=7)
    assert (settings() == settings(seed=2)) == (of == run_settings.compute_settings)


def test_fold_depends_on_its_run_but_not_on_the_processes_or_an_unused_validation():
    def settings_with(**train):
        overlay = {"runs": {"gru": {"model": {"cell": "gru"}}}, "train": train}
        return run_settings.fold_settings(check(overlay).runs["gru"])

    settings = settings_with()
    assert settings["model"]["cell"] == "gru"
    assert settings == settings_with(processes=2) == settings_with(validate_every=2)
    selecting = settings_with(select_epoch="best")
    assert settings_with(epochs=2) != settings != selecting
    assert selecting != settings_with(select_epoch="best", validate_every=2)


@pytest.mark.parametrize(
    ("changes", "crop"),
    [
        ({"photos": "crop"}, {"margin": 0.3, "whole": False, "turn": False}),
        ({"photos": "box"}, {"margin": 0.3, "whole": True, "turn": False}),
        # Nobody knows the margin of a user's own crops, so that they are left as they are.
        ({"photos": "crop", "database": "table"}, {"margin": None, "whole": False, "turn": True}),
        ({"photos": "box", "database": "table"}, {"margin": 0.3, "whole": True, "turn": True}),
    ],
)
def test_crop_settings_follow_from_the_kind_of_photos(tmp_path, changes, crop):
    (tmp_path / "own.csv").write_text("path,gender,x1,y1,x2,y2\na.jpg,f,1,1,9,9\n")
    table = {"table": str(tmp_path / "own.csv")} if "database" in changes else {}
    config = check(archive(**changes, **table) | {"crop": {"margin": 0.3, "size": [64, 96]}})
    found = config.crop.spec(config.used_archives["a"].record)
    assert found == crop | {"size": [64, 96], "detected": None}


@pytest.mark.parametrize("database", ["wiki", "imdb", "table"])
@pytest.mark.parametrize(("faces", "detected"), [({}, "one"), ({"faces": "largest"}, "largest")])
def test_detector_finds_the_faces_of_any_archive_whose_photos_are_to_be_detected(
    tmp_path, database, faces, detected
):
    (tmp_path / "own.csv").touch()
    own = {"table": str(tmp_path / "own.csv")} if database == "table" else {}
    config = check(archive(database=database, photos="detect", **own, **faces))
    used = config.used_archives["a"]
    assert used.detected == detected and not used.has_boxes
    assert data_summary.for_pages(config)["detected"] == {"a": detected}
    assert data_summary.for_provenance(config)["archives"]["a"]["detected"] == detected
    spec = config.crop.spec(used.record)
    assert spec["whole"] and spec["turn"] and spec["margin"] == config.crop.margin


@pytest.mark.parametrize(
    ("names", "expected"),
    [("archive", 0.3), ("own", None), ("archive own", 0.3), ("own box", None), ("box", 0.3)],
)
def test_ready_made_crops_are_trimmed_in_predictions_as_in_the_training(tmp_path, names, expected):
    (tmp_path / "own.csv").touch()
    table = ROSTER | {"database": "table", "table": str(tmp_path / "own.csv")}
    given = {"archive": ROSTER, "own": table, "box": table | {"photos": "box"}}
    config = check({"sources": names.split(), "archives": given, "crop": {"margin": 0.3}})
    assert ready_made_margin(data_summary.for_provenance(config)) == expected


def test_pages_and_provenance_name_the_settings_of_the_data():
    config = check({"sources": ["sample", "wiki"]})
    assert data_summary.for_pages(config)["databases"] == ["wiki"]
    provenance = data_summary.for_provenance(config)
    assert provenance["sample"] == {"photos": 600}
    assert provenance["archives"]["wiki"] == {
        "database": "wiki", "photos": "crop", "subjects": "shared", "detected": None,
    }  # fmt: skip
    assert "sample" not in data_summary.for_provenance(check({"sources": ["wiki"]}))
    changed = check({"sources": ["sample", "wiki"], "crop": {"keep_shards": False}})
    assert data_summary.for_provenance(changed) == provenance


def test_config_of_a_run_adds_nothing_to_what_config_yaml_names(tmp_path):
    thrice, gru = {"seeds": [1, 2, 3], "folds": 4}, {"model": {"cell": "gru"}}
    runs_of_defaults = {"thrice": thrice, "gru": gru}
    edited = copy.deepcopy(CONFIG) | {"runs": runs_of_defaults, "export": ["safetensors"]}
    edited |= {"audit": {"folds": 5, "run": "gru"}, "comparison": {"reference": "gru"}}
    (tmp_path / "notes.md").touch()
    edited |= {"predict": {"photos": str(tmp_path)}, "datasheet": str(tmp_path / "notes.md")}
    first = complete(edited)
    for run, settings in first.runs.items():
        content = copy.deepcopy(edited)
        update_config(content, data_summary.to_repeat(first, run, runs_of_defaults))
        repeated = complete(content)
        assert {name: plain(of) for name, of in repeated.runs.items()} == {run: plain(settings)}
        assert not repeated.export and not repeated.datasheet
        assert not repeated.audit.folds and not repeated.predict.photos


def test_origin_names_the_overlays_and_the_keys_of_the_command_line():
    assert data_summary.origin([], {}) == "config.yaml"
    assert data_summary.origin([Path("/a/wiki.yaml")], {}, "faces") == "module faces"
    assert data_summary.origin([Path("/a/wiki.yaml")], {"train": {}}) == "wiki.yaml, --config train"
