"""The workflow through Snakemake: from the sample to results, and what a change makes again."""

import json
import os
import re
import shutil
from pathlib import Path

import jsonschema
import pandas as pd
import pytest
import yaml

from helpers.project import ROOT
from helpers.workflow import EVERYTHING_AFTER, copy_project, planned, run, snakemake, write_config

WITH_A_CLOCK = {"throughput.csv", "tensorboard", "benchmarks", "logs"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A copy of the project in which the workflow has run on a small sample."""
    project = copy_project(tmp_path_factory.mktemp("project"))
    write_config(project)
    run(project)
    return project


@pytest.fixture
def project(finished, tmp_path) -> Path:
    """A copy of the finished project, to be changed by one test."""
    shutil.copytree(finished, tmp_path / "copy", symlinks=True)
    return tmp_path / "copy"


def test_results_are_laid_out_as_documented(finished):
    made = {
        path.relative_to(finished / "results").as_posix() for path in finished.rglob("results/**/*")
    }
    assert {
        "index.html", "data/funnel.csv", "data/split.csv", "data/sample/metadata.csv",
        "data/sample/funnel.csv", "data/sample/members.csv", "data/sample/faces/1-of-2.npy",
        "data/train.h5", "data/train.csv", "data/validation.h5", "data/validation.csv",
        "data/test.h5", "data/test.csv", "runs/renet/model.pt", "runs/renet/history.csv",
        "runs/renet/throughput.csv", "runs/renet/inference.csv",
        "runs/renet/inference_validation.csv", "runs/renet/inference.txt",
        "runs/renet/metrics.json", "runs/renet/learning_curve.svg",
        "runs/renet/confusion_matrix.svg", "runs/renet/report.html", "runs/renet/slices.csv",
        "runs/renet/model_card.md", "data/datasheet.md", "data/thumbnails/sheets/0.webp",
        "logs/train/renet.log", "benchmarks/train/renet.tsv",
    } <= made  # fmt: skip
    assert not [name for name in made if name.endswith(".tmp") or "checkpoint" in name]


def documented_files() -> list[re.Pattern]:
    """The first column of the README's table of files, as patterns."""
    rows = re.findall(r"^\| (`.*?) \|", (ROOT / "results/README.md").read_text(), re.MULTILINE)
    patterns = []
    for name in re.findall(r"`([^`]+)`", " ".join(rows)):
        pattern = re.escape(name).replace("…", ".+")
        pattern = re.sub(r"<\w+>", "[^/]+", pattern)
        pattern = re.sub(r"\\\{(.*?)\\\}", lambda some: f"({some[1].replace(',', '|')})", pattern)
        patterns.append(re.compile(pattern))
    return patterns


def test_readme_of_the_results_names_every_file_and_no_other(project):
    write_config(
        project, audit={"folds": 2}, runs={"renet": {}, "saved": {"checkpoints": {"save_every": 1}}}
    )
    run(project)
    results = project / "results"
    assert 'href="audit/index.html"' in (results / "index.html").read_text()
    made = [path for path in results.rglob("*") if path.is_file() and path.name[0] != "."]
    names = {path.relative_to(results).as_posix() for path in made}
    patterns = documented_files()
    assert [name for name in names if not any(one.fullmatch(name) for one in patterns)] == []
    assert [one.pattern for one in patterns if not any(map(one.fullmatch, names))] == []


def test_readme_of_the_results_names_every_column(finished):
    text = (ROOT / "results/README.md").read_text()
    columns = text.split("## Columns")[1]
    words = {word for name in re.findall(r"`([^`]+)`", columns) for word in name.split()}
    tables = list((finished / "results").rglob("*.csv"))
    assert len(tables) > 12
    for path in tables:
        assert set(pd.read_csv(path, nrows=0).columns) <= words, path


def test_metrics_are_as_their_schema_says(finished):
    schema = yaml.safe_load((ROOT / "workflow/schemas/metrics.schema.yaml").read_text())
    metrics = json.loads((finished / "results/runs/renet/metrics.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(metrics)


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
    assert {name: funnel.remaining[name] for name in sizes} == sizes
    predictions = pd.read_csv(finished / "results/runs/renet/inference.csv")
    assert predictions.id.tolist() == pd.read_csv(data / "test.csv").id.tolist()
    metrics = json.loads((finished / "results/runs/renet/metrics.json").read_text())
    assert metrics["test"]["n"] == sizes["test"]
    assert metrics["test"]["accuracy"] == predictions.correct.mean()
    lines = (finished / "results/runs/renet/inference.txt").read_text().splitlines()
    assert len(lines) == sizes["test"] + 1


def test_pages_link_only_files_that_exist(finished):
    for page in [finished / "results/index.html", finished / "results/runs/renet/report.html"]:
        links = re.findall(r'(?:href|src)="([^"]+)"', page.read_text())
        assert links
        ids = set(re.findall(r' id="([^"]+)"', page.read_text()))
        for link in links:
            if link.startswith("#"):
                assert link[1:] in ids, f"{page.name}: {link}"
            elif link != "data:,":  # no icon
                assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_finished_workflow_has_nothing_to_do(finished):
    assert planned(finished) == set()
    assert "Nothing to be done" in run(finished)


def test_touched_tree_reruns_nothing(project):
    paths = sorted(path for path in project.rglob("*") if ".snakemake" not in path.parts)
    for number, path in enumerate(reversed(paths)):
        os.utime(path, (2_000_000_000 + number, 2_000_000_000 + number))
    assert planned(project) == set()


def test_copied_tree_without_time_stamps_reruns_nothing(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "copy", copy_function=shutil.copyfile)
    assert planned(tmp_path / "copy") == set()


def test_comment_in_the_config_reruns_nothing(project):
    text = (project / "config.yaml").read_text()
    (project / "config.yaml").write_text(f"# A comment.\n{text}")
    assert planned(project) == set()


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({"train": {"learning_rate": 0.02}}, EVERYTHING_AFTER["train"]),
        ({"checkpoints": {"minutes": 3, "save_every": 1}}, set()),
        ({"resources": {"minutes": 100}}, set()),
        ({"model": {"cell": "gru"}}, EVERYTHING_AFTER["train"]),
        ({"split": {"seed": 43}}, EVERYTHING_AFTER["shuffle"]),
        ({"crop": {"margin": 0.3}}, EVERYTHING_AFTER["crop_faces"]),
        ({"filter": {"min_face_score": 2.0}}, EVERYTHING_AFTER["parse_metadata"]),
        ({"hdf5": {"mean": "channel"}}, EVERYTHING_AFTER["shuffle"] - {"shuffle"}),
        ({"runs": {"renet": {"train": {"momentum": 0.8}}}}, EVERYTHING_AFTER["train"]),
        ({"runs": {"second": {"train": {"seed": 2}}}}, EVERYTHING_AFTER["train"]),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_changed_config_reruns_what_depends_on_it(project, changes, rules):
    write_config(project, **changes)
    assert planned(project) == rules


def test_further_run_leaves_the_first_one_alone(project):
    write_config(project, runs={"second": {"train": {"seed": 2}}})
    jobs = snakemake(project, "-n", "--configfile", "small.yaml").stdout
    assert "wildcards: run=second" in jobs and "wildcards: run=renet" not in jobs


@pytest.mark.parametrize(
    ("module", "rules"),
    [
        ("train.py", EVERYTHING_AFTER["train"]),
        ("provenance.py", {"provenance", "report"}),  # what is only written down
        ("renet/training/trainer.py", EVERYTHING_AFTER["train"]),
        ("renet/network/rnn.py", EVERYTHING_AFTER["train"]),
        ("renet/faces/crop.py", EVERYTHING_AFTER["crop_faces"]),
        ("renet/dataset/splits.py", EVERYTHING_AFTER["shuffle"]),
        ("renet/evaluation/run_plots.py", {"evaluate", "report"}),
        ("renet/evaluation/slices.py", {"evaluate", "report"}),
        ("renet/evaluation/saliency.py", {"explain", "report"}),
        ("renet/pages/galleries.py", {"thumbnails", "gallery", "explain", "report"}),
        ("renet/pages/templates/run.html.j2", {"report"}),
        ("renet/pages/templates/faces.js", {"report"}),
        ("renet/pages/templates/style.css", {"report"}),
    ],
)
def test_edited_module_reruns_exactly_its_users(project, module, rules):
    path = project / "workflow" / "scripts" / module
    comments = {
        ".py": "# edited",
        ".j2": "{# edited #}",
        ".css": "/* edited */",
        ".js": "// edited",
    }
    path.write_text(f"{path.read_text()}{comments[path.suffix]}\n")
    assert planned(project) == rules


def test_edited_module_of_the_download_never_downloads_again(project):
    archive = project / "resources" / "sample" / "wiki_crop.tar"
    own = {"url": f"file://{archive}", "database": "wiki", "photos": "crop", "shards": 1}
    write_config(project, archives={"own": own}, sources=["own"])
    run(project)
    for name in ("archives/downloads.py", "common/files.py"):
        path = project / "workflow" / "scripts" / "renet" / name
        path.write_text(path.read_text() + "# edited\n")
    assert "download" not in planned(project)
    assert planned(project) >= EVERYTHING_AFTER["parse_metadata"]


def test_same_config_gives_the_same_bytes(finished, tmp_path):
    project = copy_project(tmp_path)
    write_config(project)
    run(project)
    compared = 0
    for path in (finished / "results").rglob("*"):
        name = path.relative_to(finished)
        if path.is_file() and not WITH_A_CLOCK & set(name.parts):
            assert path.read_bytes() == (project / name).read_bytes(), name
            compared += 1
    assert compared > 20


def test_archive_can_be_freed_once_its_faces_are_cut(project):
    (project / "resources" / "sample" / "wiki_crop.tar").unlink()
    assert planned(project) == set()
    write_config(project, crop={"margin": 0.3})
    outcome = snakemake(project, "--cores", 1, "--configfile", "small.yaml")
    assert outcome.returncode != 0
    assert "wiki_crop.tar.json is gone; delete the receipt" in outcome.stdout + outcome.stderr


@pytest.mark.parametrize(
    "patterns",
    [
        ["resources/sample/*.tar"],
        ["results/data/sample/faces/*.npy"],
        ["results/data/*.h5"],
        ["resources/sample/*.tar", "results/data/sample/faces/*.npy", "results/data/*.h5"],
    ],
    ids=["archive", "shards", "HDF5 files", "all of them"],
)
def test_what_takes_space_can_be_deleted_and_an_unchanged_run_does_nothing(project, patterns):
    for pattern in patterns:
        found = list(project.glob(pattern))
        assert found
        for path in found:
            path.unlink()
    assert planned(project) == set()


def test_deleted_hdf5_files_are_written_again_from_the_shards_when_they_are_needed(project):
    for path in project.glob("results/data/*.h5"):
        path.unlink()
    write_config(project, train={"learning_rate": 0.02})
    assert planned(project) == EVERYTHING_AFTER["shuffle"] - {"shuffle"}


def test_shards_are_freed_where_the_config_says_so(finished, tmp_path):
    project = copy_project(tmp_path)
    write_config(project, crop={"keep_shards": False})
    run(project)
    assert not list(project.glob("results/data/sample/faces/*.npy"))
    assert planned(project) == set()
    write_config(project, crop={"keep_shards": False}, split={"seed": 7})
    assert planned(project) == {"crop_faces"} | EVERYTHING_AFTER["shuffle"]


def test_slip_in_the_config_is_named_before_any_job(project):
    write_config(project, train={"learning_rte": 0.1})
    outcome = snakemake(project, "--cores", 1, "--configfile", "small.yaml")
    assert outcome.returncode != 0 and "learning_rte" in outcome.stdout + outcome.stderr


def test_unknown_source_is_named_before_any_job(project):
    write_config(project, sources=["wikki"])
    outcome = snakemake(project, "--cores", 1, "--configfile", "small.yaml")
    assert outcome.returncode != 0
    assert (
        "sources names wikki, which is not one of the archives" in outcome.stdout + outcome.stderr
    )


def test_work_can_be_done_in_another_folder(finished, tmp_path):
    outcome = snakemake(
        finished, "-n", "--directory", tmp_path / "elsewhere", "--configfile", "small.yaml"
    )
    assert outcome.returncode == 0, outcome.stderr
    assert "make_sample" in outcome.stdout + outcome.stderr


def test_snakemake_report_holds_the_figures_with_their_captions(finished, tmp_path):
    run(finished, "--report", tmp_path / "report.zip")
    shutil.unpack_archive(tmp_path / "report.zip", tmp_path)
    page = (tmp_path / "report" / "report.html").read_text()
    for text in (
        "confusion_matrix.svg", "learning_curve.svg", "metrics.json", "index.html", "slices.svg",
        "ranking_curves.svg", "reliability.svg", "mistakes.jpg", "saliency.jpg", "funnel.svg",
    ):  # fmt: skip
        assert text in page
    for caption in (
        "the fractions are of the recorded class", "some differences are due to",
        "Highest-confidence wrong predictions",
    ):  # fmt: skip
        assert caption in page


def test_two_processes_learn_what_one_does_and_leave_the_models_asked_for(project):
    together = {"processes": 2, "sync_batchnorm": True}
    saved = {"save_every": 1, "keep_models": 1}
    write_config(project, runs={"together": {"train": together, "checkpoints": saved}})
    run(project, "--", "results/runs/together/history.csv")
    alone, together = (
        pd.read_csv(project / "results" / "runs" / name / "history.csv")
        for name in ("renet", "together")
    )
    pd.testing.assert_frame_equal(together, alone, rtol=1e-4)
    models = [path.name for path in (project / "results/runs/together/models").iterdir()]
    assert models == ["model_2.pt"]


def test_fewer_gpus_than_processes_are_an_error_with_the_way_out(project):
    write_config(project, runs={"together": {"train": {"processes": 2, "device": "auto"}}})
    outcome = snakemake(
        project, "--cores", 2, "--configfile", "small.yaml", "--resources", "gpu=1",
        "--", "results/runs/together/history.csv",
    )  # fmt: skip
    assert outcome.returncode != 0
    assert "train.processes is 2 and Snakemake may use 1 GPUs only" in outcome.stderr
