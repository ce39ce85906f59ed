"""The workflow through Snakemake: from the sample to results, and what a change makes again."""

import base64
import importlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
import yaml

from helpers.archives import jpeg, write_tar
from helpers.dry_run import dry_run, in_fork, plan
from helpers.project import ROOT, SCRIPTS, run_python
from helpers.workflow import (
    EVERYTHING_AFTER,
    copy_project,
    other_text,
    planned,
    run,
    snakemake,
    write_config,
)
from renet.common.table import Table
from renet.evaluation import summary
from renet.planning import code_digest

SAVED = "saved-seed_1"  # the one run of a grid
MOST_FILES = 700  # of IMDB and WIKI, as profiles/README.md says
OTHERS = 0.1 * 523_051 / 256 + 21  # sheets of faces, if every row became one; files in folders


def documented_files() -> list[re.Pattern]:
    """The first column of the README's table of files, as patterns."""
    rows = re.findall(r"^\| (`.*?) \|", (ROOT / "docs/files.md").read_text(), re.MULTILINE)
    patterns = []
    for name in re.findall(r"`([^`]+)`", " ".join(rows)):
        pattern = re.escape(name).replace("…", ".+")
        pattern = re.sub(r"<\w+>", "[^/]+", pattern)
        pattern = re.sub(r"\\\{(.*?)\\\}", lambda some: f"({some[1].replace(',', '|')})", pattern)
        patterns.append(re.compile(pattern))
    return patterns


def add_photos(project: Path, name: str = "photos") -> dict:
    """A folder of 12 photos of 12 people, two of whom the training and the test set have, too."""
    split = pd.read_csv(project / "results/data/split.csv").groupby("subset").subject.first()
    known = [split["train"], split["test"]]
    folder = project / name
    folder.mkdir()
    lines = ["path,gender,subject,glasses,owner"]
    for number in range(12):
        (folder / f"{number}.jpg").write_bytes(jpeg(seed=number))
        subject = known[number] if number < len(known) else f"stranger {number}"
        lines.append(f"{number}.jpg,{'fm'[number % 2]},{subject},{'ny'[number % 2]},somebody")
    (project / f"{name}.csv").write_text("\n".join(lines))
    own = {"url": folder.as_uri(), "database": "table", "table": f"{name}.csv", "photos": "crop"}
    return {"external": [name], "archives": {name: own | {"shards": 1, "slices": ["glasses"]}}}


RECORD_OPENED_FILES = """
import sys
def record(event, given, script=sys.argv[0].split(".")[-2]):
    if event == "open" and str(given[0]).startswith(str(ROOMS[0].parent)) and ".py" not in given[0]:
        print(script, Path(given[0]).resolve(), file=open("opened.txt", "a"))
sys.addaudithook(record)
"""


@pytest.mark.slow
def test_readme_of_the_results_names_every_file_and_no_other(project):
    saved = {"grid": {"train.seed": [1]}}
    runs = {"saved": saved, "renet": {"folds": 2, "learning_curve": [0.5, 1]}}
    photos = {"photos": "resources/sample/wiki_crop.tar"}
    settings = {"audit": {"folds": 2}, "runs": runs, "predict": photos}
    settings["export"] = ["safetensors", "hub"]
    external = add_photos(project)
    write_config(project, **settings, **external)
    module = project / "workflow/scripts/renet/pages/templates.py"
    module.write_text(module.read_text() + RECORD_OPENED_FILES)
    run(project)
    for line in set((project / "opened.txt").read_text().splitlines()):
        script, path = line.split()
        assert Path(path) in code_digest.used_files(module.parents[2] / f"{script}.py"), line
    check_external_set(project, settings, external)
    results = project / "results"
    index = (results / "index.html").read_text()
    assert 'href="audit/index.html"' in index
    assert sorted(re.findall(r'<tr data-run="(.*?)"', index)) == ["renet", SAVED]
    made = [path for path in results.rglob("*") if path.is_file() and path.name[0] != "."]
    names = {path.relative_to(results).as_posix() for path in made}
    patterns = documented_files()
    assert [name for name in names if not any(one.fullmatch(name) for one in patterns)] == []
    assert [one.pattern for one in patterns if not any(map(one.fullmatch, names))] == []


def check_external_set(project: Path, settings: dict, external: dict) -> None:
    """All runs are evaluated on the external set; a change of it, or its end, trains nothing."""
    results = project / "results"
    faces = pd.read_csv(results / "data/photos.csv")
    assert sorted(faces.row) == [row for row in range(12) if row != 0]  # the trained person's
    assert (faces.subset == "photos").all()
    funnel = pd.read_csv(results / "data/photos/external_funnel.csv").set_index("step")
    assert funnel.dropped["known_person"] == 1 and funnel.remaining["photos"] == 11
    for name in ("renet", SAVED):
        of_set = results / "runs" / name / "external/photos"
        assert pd.read_csv(of_set / "inference.csv").id.tolist() == faces.id.tolist()
        metrics = summary.read(of_set / "metrics.json")
        by_slice = pd.read_csv(of_set / "tables/slices.csv").set_index("slice")
        assert by_slice.loc["column glasses"].n.tolist() == [5, 6]  # no, yes
        assert metrics.test.n == 11 and "test" not in metrics.data.faces
        manifest = json.loads((of_set.parents[1] / "manifest.json").read_text())
        assert "external/photos/metrics.json" in manifest["outputs"]
        assert len(manifest["archives"]) == 2
        assert "External test set photos" in (of_set.parents[1] / "report.html").read_text()
    texts = [one.read_bytes() for one in results.rglob("*") if one.suffix in (".csv", ".html")]
    assert not any(b"somebody" in text for text in texts)  # of a column that no key names
    assert '<th scope="col">photos<small>' in (results / "index.html").read_text()
    (project / "photos/3.jpg").write_bytes(jpeg(seed=99))  # the time of the folder stays
    assert "download" in planned(project)
    (project / "photos.csv").write_text((project / "photos.csv").read_text() + "\n12.jpg,f,new,y,")
    (project / "photos/12.jpg").write_bytes(jpeg(seed=12))
    further = planned(project)
    assert {"crop_faces", "external_set", "infer_external", "report"} <= further
    assert not {"train", "infer", "evaluate", "shuffle", "fold"} & further
    write_config(project, **settings)
    assert planned(project) == {"compare", "hub", "manifest", "report"}
    write_config(project, **settings, **external)


def test_added_external_set_trains_nothing(project):
    write_config(project, **add_photos(project))
    assert planned(project) == {
        "download", "index_archive", "parse_metadata", "crop_faces", "external_set", "write_hdf5",
        "face_box_external", "infer_external", "evaluate_external", "gallery_external", "compare",
        "manifest", "report",
    }  # fmt: skip
    jobs = dry_run(project, "--configfile", "small.yaml").stdout
    assert "subset=photos" in jobs and "subset=train" not in jobs


def test_folder_of_results_has_its_readme(finished):
    text = (ROOT / "docs/files.md").read_text()
    assert (finished / "results/README.md").read_text() == text
    assert not re.search(r"\]\((?!http)", text)  # a relative link would lead nowhere from there


def test_readme_of_the_results_names_every_column():
    text = (ROOT / "docs/files.md").read_text()
    columns = text.split("## Columns")[1]
    words = {word for name in re.findall(r"`([^`]+)`", columns) for word in name.split()}
    files = [path for path in SCRIPTS.glob("renet/*/*.py") if "= Table(" in path.read_text()]
    modules = [importlib.import_module(f"renet.{path.parent.name}.{path.stem}") for path in files]
    tables = [one for each in modules for one in vars(each).values() if isinstance(one, Table)]
    assert len(tables) > 20
    for table in tables:
        assert set(table.columns) <= words, table


def test_counts_add_up_from_the_rows_to_the_predictions(finished):
    data = finished / "results" / "data"
    funnel = pd.read_csv(data / "funnel.csv").set_index("step")
    reasons = funnel[:"box_invalid"]
    assert reasons.remaining["rows"] == 60
    assert 60 - reasons.dropped.sum() == reasons.remaining["box_invalid"]
    sizes = {
        name: len(pd.read_csv(data / f"{name}.csv")) for name in ("train", "validation", "test")
    }
    assert sum(sizes.values()) == reasons.remaining["box_invalid"]
    assert funnel.changed["near_duplicates"] == 0  # drawn people are not taken for one another
    assert {name: funnel.remaining[name] for name in sizes} == sizes
    predictions = pd.read_csv(finished / "results/runs/renet/inference.csv")
    assert predictions.id.tolist() == pd.read_csv(data / "test.csv").id.tolist()
    metrics = json.loads((finished / "results/runs/renet/metrics.json").read_text())
    assert metrics["test"]["n"] == sizes["test"]
    assert metrics["test"]["accuracy"] == predictions.correct.mean()
    lines = (finished / "results/runs/renet/inference.txt").read_text().splitlines()
    assert len(lines) == sizes["test"] + 1


def test_pages_link_only_files_that_exist_and_stay(finished):
    for page in (finished / "results").rglob("*.html"):
        links = re.findall(r'(?:href|src)="([^"]+)"', page.read_text())
        assert links
        for link in set(links) - {"data:,"}:  # no icon
            path, _, anchor = link.split("?")[0].partition("#")
            target = page.parent / path if path else page
            assert target.exists(), f"{page.name}: {link}"
            assert target.suffix not in (".h5", ".npy", ".tar")  # which a config can delete
            assert not anchor or f' id="{anchor}"' in target.read_text(), f"{page.name}: {link}"


@pytest.mark.fault("lost-output")
def test_every_output_is_wanted_by_name(tmp_path):
    runs = {"renet": {}, "second": {}}
    project = write_config(copy_project(tmp_path / "copy"), audit={"folds": 2}, runs=runs)
    said = plan(project, "--forceall", "--configfile", "small.yaml")
    made = re.findall(r"^    output: (.+)$", said, re.MULTILINE)
    outputs = {path for line in made for path in line.split(", ")}
    wanted = re.search(r"^(?:local)?rule all:\n    input: (.+)$", said, re.MULTILINE)[1]
    assert len(outputs) > 90 and "results/audit/2-of-2.csv" in outputs
    assert outputs == set(wanted.split(", "))


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("data/sample/metadata.csv", EVERYTHING_AFTER["parse_metadata"]),
        ("runs/renet/history.csv", EVERYTHING_AFTER["train"]),
        ("runs/renet/tables/layers.csv", {"explain", "report", "manifest"}),
    ],
)
def test_lost_output_is_made_again(project, name, rules):
    (project / "results" / name).unlink()
    assert planned(project) == rules


@pytest.mark.fault("lost-records")
def test_model_of_which_snakemake_has_no_record_is_named(project):
    said = "Snakemake has no record of results/runs/renet/model.pt, and does not notice"
    options = ("--configfile", "small.yaml")
    assert said not in plan(project, *options)
    name = base64.urlsafe_b64encode(b"results/runs/renet/model.pt").decode()
    (record := project / ".snakemake/metadata" / name).unlink()  # those of other files stay
    assert said in (printed := plan(project, *options))
    assert re.search(
        r"`\.venv/bin/snakemake --touch --forceall --configfile \S*small.yaml`", printed
    )
    (record.parents[1] / "incomplete" / name).touch()  # its job is repeated
    assert said not in plan(project, *options)


@pytest.mark.fault("unchanged-meaning")
def test_touched_tree_reruns_nothing(project):
    paths = sorted(path for path in project.rglob("*") if ".snakemake" not in path.parts)
    for number, path in enumerate(reversed(paths)):
        os.utime(path, (2_000_000_000 + number, 2_000_000_000 + number))
    assert planned(project) == set()


@pytest.mark.fault("unchanged-meaning")
def test_comment_order_of_keys_and_zeros_behind_the_point_in_the_config_rerun_nothing(project):
    for name in ("config.yaml", "small.yaml"):
        content = other_text(yaml.safe_load((project / name).read_text()))
        text = yaml.safe_dump(content, sort_keys=False)
        (project / name).write_text(f"# A comment.\n{text}")
    (project / "same.yaml").write_text("train: {epochs: 2.0}")
    assert planned(project, "same.yaml") == set()


EVALUATED = {"evaluate", "compare", "predictor", "report", "manifest"}


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({"train": {"learning_rate": 0.02}}, EVERYTHING_AFTER["train"]),
        ({"checkpoints": {"minutes": 3}, "resources": {"minutes": 100}}, set()),
        ({"split": {"seed": 43}}, EVERYTHING_AFTER["shuffle"]),
        ({"crop": {"margin": 0.3}}, EVERYTHING_AFTER["crop_faces"]),
        ({"sample": {"shards": 3}}, EVERYTHING_AFTER["crop_faces"]),
        ({"filter": {"min_face_score": 2.0}}, EVERYTHING_AFTER["parse_metadata"]),
        ({"hdf5": {"mean": "channel"}}, EVERYTHING_AFTER["shuffle"] - {"shuffle"}),
        ({"runs": {"renet": {"model": {"cell": "gru"}}}}, EVERYTHING_AFTER["train"]),
        ({"datasheet": "notes.md"}, {"report"}),
        ({"corrections": "labels.csv"}, EVERYTHING_AFTER["shuffle"]),
        ({"split": {"from": "labels.csv"}}, EVERYTHING_AFTER["shuffle"]),
        ({"comparison": {"metric": "accuracy"}}, EVALUATED),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_changed_config_reruns_what_depends_on_it(project, changes, rules):
    (project / "notes.md").write_text("From my own album.")
    (project / "labels.csv").write_text("id,gender\n")
    write_config(project, **changes)
    assert planned(project) == rules


def test_further_run_leaves_the_first_one_alone(project):
    write_config(project, runs={"second": {"train": {"seed": 2}}})
    jobs = dry_run(project, "--configfile", "small.yaml").stdout
    assert "wildcards: run=second" in jobs and "wildcards: run=renet" not in jobs


@pytest.mark.parametrize(
    ("module", "rules"),
    [
        ("train.py", EVERYTHING_AFTER["train"]),
        # What is only written down:
        ("provenance.py", {"provenance", "report", "manifest"}),
        ("renet/network/rnn.py", EVERYTHING_AFTER["train"]),
        ("renet/network/kinds/cnn.py", set()),  # of a kind that no run has
        ("renet/faces/crop.py", EVERYTHING_AFTER["crop_faces"]),
        ("renet/dataset/splits.py", EVERYTHING_AFTER["shuffle"]),
        ("renet/evaluation/tables.py", EVALUATED),
        ("renet/prediction/saliency.py", {"explain", "walkthrough", "report", "manifest"}),
        ("renet/network/layer_profile.py", {"explain", "report", "manifest"}),
        ("renet/walkthrough/activations.py", {"walkthrough", "report", "manifest"}),
        (
            "renet/pages/galleries.py",
            {"thumbnails", "gallery", "explain", "walkthrough", "report", "manifest"},
        ),
        ("renet/pages/templates/run.html.j2", {"report"}),
    ],
)
def test_edited_module_reruns_exactly_its_users(project, module, rules):
    path = project / "workflow" / "scripts" / module
    edit = "EDITED = 1\n" if path.suffix == ".py" else "\n"
    path.write_text(path.read_text() + edit)
    assert planned(project) == rules


@pytest.mark.fault("optional-file")
@pytest.mark.parametrize(
    ("patterns", "config"),
    [
        (["results/data/sample/faces/*.npy"], {"crop": {"keep_shards": False}}),
        (["results/data/*.h5"], {"hdf5": {"keep_files": False}}),
        (
            ["resources/sample/*.tar", "results/data/sample/faces/*.npy", "results/data/*.h5"],
            {"crop": {"keep_shards": False}, "hdf5": {"keep_files": False}},
        ),
    ],
    ids=["shards", "HDF5 files", "all of them"],
)
def test_what_takes_space_can_go_where_the_config_says_so(project, patterns, config):
    for pattern in patterns:
        found = list(project.glob(pattern))
        assert found
        for path in found:
            path.unlink()
    write_config(project, **config)
    assert planned(project) == set()


@pytest.mark.parametrize(
    ("freed", "changes", "rules"),
    [
        ("test.h5", {"hdf5": {"keep_files": False}, "train": {"learning_rate": 0.02}},
         EVERYTHING_AFTER["shuffle"] - {"shuffle"}),
        ("sample/faces/1-of-2.npy", {"crop": {"keep_shards": False}, "split": {"seed": 7}},
         {"crop_faces"} | EVERYTHING_AFTER["shuffle"]),
    ],
)  # fmt: skip
def test_freed_files_are_made_again_when_they_are_needed_and_freed(project, freed, changes, rules):
    write_config(project, **changes)
    for path in (project / "results/data" / freed).parent.glob(f"*{Path(freed).suffix}"):
        path.unlink()
    assert planned(project) == rules
    said = plan(project, "--configfile", "small.yaml")
    assert f"Would remove temporary output results/data/{freed}" in said


@pytest.mark.parametrize("file", ["out_of_fold/metrics.json", "walkthrough.html"])
def test_run_without_folds_or_layers_has_no_such_file(tmp_path, file):
    runs = {"renet": {"folds": 2}, "svm": {"model": {"kind": "hog_svm"}}}
    project = write_config(copy_project(tmp_path / "copy"), runs=runs)
    for name, exit_code in (("renet", 0), ("svm", 1)):
        path = f"results/runs/{name}/{file}"
        outcome = dry_run(project, "--configfile", "small.yaml", "--", path)
        assert outcome.returncode == exit_code
    assert "MissingRuleException" in outcome.stdout + outcome.stderr


def test_every_file_is_in_the_folders_that_the_config_names(tmp_path):
    folders = {"results": "mine/results", "resources": "mine/archives"}
    project = write_config(copy_project(tmp_path / "copy"), pathvars=folders)
    said = plan(project, "--configfile", "small.yaml")
    files = re.findall(r"^    (?:output|log): (.+)$", said, re.MULTILINE)
    paths = [path for line in files for path in line.split(", ")]
    assert "mine/results/index.html" in paths and len(paths) > 50
    assert [path for path in paths if not path.startswith("mine/")] == []


def test_models_of_other_sources_are_not_replaced(project):
    photos = {"other": {"url": (project / "config.yaml").as_uri(), "database": "wiki",
                        "photos": "crop"}}  # fmt: skip
    write_config(project, sources=["other"], archives=photos)
    outcome = dry_run(project, "--configfile", "small.yaml")
    said = outcome.stdout + outcome.stderr
    assert outcome.returncode != 0 and "Traceback" not in said
    assert "results/runs/renet/model.pt was trained on sample" in said
    write_config(project, sources=["other"], archives=photos, pathvars={"results": "results/b"})
    assert "train" in planned(project)


@pytest.mark.fault("other-shards")
@pytest.mark.slow
def test_another_number_of_shards_gives_the_same_faces_and_trains_nothing(project):
    data, model = project / "results/data", project / "results/runs/renet/model.pt"
    files = [*data.glob("*.h5"), model, project / "resources/sample/wiki_crop.tar"]
    before = [path.read_bytes() for path in files]
    write_config(project, sample={"shards": 3})
    run(project, "--", model.relative_to(project), "results/data/test.h5")
    assert [path.read_bytes() for path in files] == before and len(files) == 5
    assert "epoch 1," not in (project / "results/runs/renet/logs/train.log").read_text()
    shards = {path.name for path in (data / "sample/faces").iterdir()}
    assert shards >= {f"{n}-of-3{suffix}" for n in (1, 2, 3) for suffix in (".csv", ".npy")}


@pytest.mark.slow
def test_archive_files_in_another_order_are_indexed_again(project):
    """The tables refer to a file by its number."""
    for name in ("a", "b"):
        write_tar(project / f"{name}.tar", {f"{name}.jpg": jpeg()})
    (project / "own.csv").write_text("path,gender\na.jpg,f\nb.jpg,m\n")
    urls = [(project / f"{name}.tar").as_uri() for name in ("a", "b")]
    own = {"database": "table", "table": "own.csv", "photos": "crop", "shards": 1}
    settings = {"sources": ["own"], "pathvars": {"results": "results/own"}}
    write_config(project, archives={"own": own | {"url": urls}}, **settings)
    run(project, "--", "results/own/data/own/members.csv")
    write_config(project, archives={"own": own | {"url": urls[::-1]}}, **settings)
    assert "index_archive" in planned(project)


@pytest.mark.slow
def test_photo_that_is_added_to_a_subfolder_is_predicted_and_a_hidden_file_reruns_nothing(project):
    settings = add_photos(project, "album")
    (inner := project / "album" / "2024").mkdir()
    (inner / "first.jpg").write_bytes(jpeg())
    write_config(project, predict={"photos": "album"}, **settings)
    table, index = "results/runs/renet/predictions.csv", "results/data/album/members.csv"
    run(project, "--", table, index)
    for folder in (inner.parent, inner):
        (folder / ".DS_Store").touch()
    assert planned(project, "--", table, index) == set()
    (inner / "second.jpg").write_bytes(jpeg(seed=2))
    assert planned(project, "--", table, index) == {"download", "index_archive", "predict"}
    run(project, "--", table)
    assert len(pd.read_csv(project / table)) == 14


@pytest.mark.slow
def test_config_beside_a_run_makes_it_again_and_its_results_stay_until_they_are_deleted(project):
    old, index = project / "results/runs/old", project / "results/index.html"
    write_config(project, runs={"old": {"train": {"seed": 2}}, "renet": {}})
    run(project)
    left = [path for path in project.rglob("results/**/*old*") if path != old]
    assert left == []
    again, config = project / "again", old / "config.yaml"
    arguments = ("--directory", again, "--configfile", config, "--until", "predictor")
    outcome = snakemake(project, "--cores", 2, *arguments)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert [path.name for path in (again / "results/runs").iterdir()] == ["old"]
    for file in ("model.pt", "history.csv", "inference.csv", "metrics.json", "predictor.json"):
        assert (again / "results/runs/old" / file).read_bytes() == (old / file).read_bytes(), file
    shutil.rmtree(again)
    write_config(project)
    assert planned(project) == {"compare", "report"}
    run(project)
    assert (old / "model.pt").exists() and "runs/old" not in index.read_text()
    shutil.rmtree(old)
    assert planned(project) == set()


def test_each_page_names_its_config(finished):
    pages = list((finished / "results").rglob("*.html"))
    assert len(pages) > 1
    assert all("Config: small.yaml" in page.read_text() for page in pages)


@pytest.mark.fault("own-file")
@pytest.mark.parametrize("linked", [False, True])
def test_make_clean_keeps_trained_models_and_distclean_asks_and_follows_no_link(tmp_path, linked):
    def make(target, typed=""):
        return subprocess.run(["make", target], cwd=tmp_path, check=True, input=typed, text=True,
                              capture_output=True).stdout  # fmt: skip

    shutil.copy(ROOT / "Makefile", tmp_path)
    model = tmp_path / ("disk" if linked else "results") / "runs/renet/model.pt"
    model.parent.mkdir(parents=True)
    model.write_bytes(os.urandom(1 << 20))
    (tmp_path / "resources").mkdir()
    if linked:
        (tmp_path / "results").symlink_to("disk")
    (tmp_path / "results/data").mkdir()
    assert "kept: results/runs/renet/model.pt\n" in make("clean")
    assert model.exists() and not (tmp_path / "results/data").exists()
    said = make("distclean", "n\n")
    assert "trained model: results/runs/renet/model.pt\n" in said and "M\tresults\n" in said
    assert ("results is a link: only the link is deleted, and its folder stays." in said) == linked
    assert model.exists() and (tmp_path / "resources").exists()
    make("distclean", "y\n")
    assert model.exists() == linked and not (tmp_path / "results").is_symlink()
    assert not (tmp_path / "resources").exists()


def test_each_output_of_the_report_has_a_caption():
    rules = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    names = {Path(path).stem for path in re.findall(r'reported\("(.*?)"\)', rules)}
    captions = (SCRIPTS / "renet/pages/captions").glob("*.rst")
    assert {"runs", "metrics"} <= names <= {path.stem for path in captions}


@pytest.mark.slow
def test_snakemake_report_holds_the_figures_with_captions_and_refers_to_no_other_file(project):
    write_config(project, runs={"renet": {}, "off": None})  # a run that is switched off
    run(project, "--report", project / "report.zip")
    shutil.unpack_archive(project / "report.zip", project)
    page = (project / "report/report.html").read_text().replace("\\n", " ")  # as JSON has it
    for text in (
        "confusion_matrix.svg", "training_curves.svg", "ranking_curves.svg", "reliability.svg",
        "mistakes.jpg", "saliency.jpg", "faces of these sources: sample.",
        "Each run has a category of its own: renet.",
        *(f'"content": "{title}"' for title in ("Confusion matrix", "Saliency", "Funnel")),
    ):  # fmt: skip
        assert text in page
    files = [path for path in (project / "report/data").rglob("*") if path.is_file()]
    assert {"metrics.json", "funnel.svg"} <= {path.name for path in files}
    for path in files:
        if path.suffix in (".html", ".md", ".svg"):
            links = r"""(?:src|href)=["']([^"'#]+)|\]\(([^)#\s]+)"""
            for match in re.finditer(links, path.read_text(encoding="utf-8")):
                target = match[1] or match[2]
                if not re.match(r"[a-z]+:", target):
                    assert (path.parent / target).exists(), (path.name, target)


def verify(project: Path, *arguments: str) -> subprocess.CompletedProcess:
    return run_python("workflow/scripts/verify.py", "results", *arguments, folder=project)


def test_verify_says_whether_a_run_is_whole_and_what_differs(project):
    outcome = verify(project)
    assert outcome.returncode == 0, outcome.stderr
    assert re.search(r"renet: whole: \d\d files compared, \d\d not \(listed", outcome.stderr)
    assert "; made by this code, config and data." in outcome.stderr
    run = project / "results/runs/renet"
    (run / "history.csv").write_text("other")
    (run / "figures/reliability.svg").unlink()
    code = project / "workflow/scripts/renet/network/rnn.py"
    code.write_text(code.read_text() + "EDITED = 1\n")
    archive = project / "resources/sample/wiki_crop.tar"
    archive.write_bytes(archive.read_bytes()[:-1] + b"x")
    quick, whole = verify(project, "--quick"), verify(project)
    assert quick.returncode == whole.returncode == 1
    for fault in ("history.csv has other bytes", "figures/reliability.svg is missing",
                  "the code of", "train.py"):  # fmt: skip
        assert fault in quick.stderr and fault in whole.stderr
    assert "wiki_crop.tar has other bytes" in whole.stderr and archive.name not in quick.stderr


@pytest.mark.fault("accepted-code")
@pytest.mark.slow
def test_touch_accepts_the_results_of_other_code_and_verify_names_it(project):
    module = project / "workflow/scripts/renet/training/loop.py"
    module.write_text(module.read_text() + "EDITED = 1\n")
    assert "train" in planned(project)
    outcome = snakemake(project, "--touch", "--configfile", "small.yaml")
    assert outcome.returncode == 0 and "This start trains" not in outcome.stdout + outcome.stderr
    assert planned(project) == set()
    (project / "results/runs/renet/manifest.json").unlink()
    run(project)  # the manifest is written again
    outcome = verify(project, "--quick")
    assert outcome.returncode == 1
    assert "renet: the code of train.py has changed." in outcome.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("room", "page"), [("walkthrough", "walkthrough.html"), ("audit", "audit/index.html")]
)
def test_workflow_without_a_room_plans_the_rest_and_writes_an_index_without_its_link(
    project, room, page
):
    shutil.rmtree(project / "workflow/scripts/renet" / room)
    for place in (f"scripts/{room}.py", f"rules/{room}.smk"):
        (project / "workflow" / place).unlink()
    snakefile = project / "Snakefile"
    line = rf'include: [^\n]*/{room}\.smk"\n'
    snakefile.write_text(re.sub(line, "", snakefile.read_text()))
    write_config(project, audit={"folds": 2 if room == "audit" else 0})
    rules = planned(project)
    assert "report" in rules and not {room, "train", "infer"} & rules
    (project / "results/index.html").unlink()
    words = ["--cores", 1, "--configfile", "small.yaml", "--", "results/index.html"]
    outcome = in_fork(project, *words)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert page not in (project / "results/index.html").read_text()


@pytest.mark.slow
def test_imdb_and_wiki_together_leave_a_few_hundred_files(tmp_path):
    """Outputs, Snakemake's note of each and logs; an output that is a folder counts as one file."""
    said = plan(ROOT, "--config", "sources=[imdb, wiki]", "--directory", tmp_path)
    outputs = [*re.findall(r"^    output: (.+)", said, re.MULTILINE)]
    jobs = int(re.search(r"^total +(\d+)", said, re.MULTILINE)[1]) - 1  # all
    files = 2 * sum(len(one.split(", ")) for one in outputs) + jobs
    assert 400 < files + OTHERS < MOST_FILES
