"""A folder of results whose pages are written, from inputs that a benchmark makes."""

import contextlib
import importlib.util
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
import yaml
from selenium.webdriver.chrome.webdriver import WebDriver

import renet.pages.results  # noqa: F401 - completes the templates before a script loads them
from helpers.browser import eventually, texts
from helpers.faces import write_hdf5
from helpers.made_once import made_once
from helpers.project import ROOT, call_script
from helpers.training import SMALL
from renet.dataset import hdf5
from renet.dataset.tables import CORRECTED, FUNNEL
from renet.evaluation.run_figures import FIGURES_OF_PREDICTIONS

# Names and paths that would be markup, code, a spreadsheet's formula or a change of direction.
HOSTILE = [
    '<img src=x onerror="document.title=1">',
    "</script><script>document.title=2</script>",
    "\"' onmouseover='document.title=3' x=\"",
    "|*bold*|[link](javascript:alert(1))|`code`",
    '=HYPERLINK("https://example.org","sum")',
    "+1+1", "-1+cmd|' /C calc'!A0", "@SUM(1+1)",
    "\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe", "\N{RIGHT-TO-LEFT MARK}a, b; c\N{LINE SEPARATOR}d",
    "{{ 7 * 7 }} ${x} %s \\n \\u003cb\\u003e",
]  # fmt: skip
FIRST_HOSTILE = 100  # row of the test set
FACES = 3000
SIDE = 32


def benchmark_module() -> ModuleType:
    """benchmarks/report.py, which makes the inputs of the last rules."""
    spec = importlib.util.spec_from_file_location("report_benchmark", ROOT / "benchmarks/report.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build(results: Path) -> None:
    """Run the scripts of the last rules on inputs that the benchmark makes."""
    benchmark = benchmark_module()
    benchmark.make_inputs(results, FACES, SIDE, SMALL)
    for path in (results / "data/test.csv", results / "runs" / benchmark.RUN / "inference.csv"):
        rows = pd.read_csv(path)
        rows.loc[1, "age"] = None
        last = FIRST_HOSTILE + len(HOSTILE) - 1
        rows.loc[FIRST_HOSTILE:last, ["subject", "path"]] = [[name, name] for name in HOSTILE]
        if "p_male" in rows:  # confident mistakes, which are shown
            wrong = 0.9999 - 0.9998 * rows.target[FIRST_HOSTILE : last + 1]
            rows.loc[FIRST_HOSTILE:last, "p_male"] = wrong
            rows.loc[FIRST_HOSTILE:last, "p_female"] = 1 - wrong
            rows.loc[FIRST_HOSTILE:last, "predicted"] = 1 - rows.target
            rows.loc[FIRST_HOSTILE:last, "correct"] = 0
        rows.to_csv(path, index=False)
    receipt = json.loads((results / "receipt.json").read_text())
    receipt["url"] += f"/{HOSTILE[0]}{HOSTILE[3]}"
    (results / "receipt.json").write_text(json.dumps(receipt))
    for script in benchmark.values(results):
        call_script(script, **benchmark.values(results)[script])
        if script == "explain":
            add_external_set(results, benchmark.RUN)
        if script == "provenance":  # further runs with another seed and learning rate
            add_runs(results, benchmark.RUN)
            turn_predictions(results)
    write_audit(results, benchmark.RUN)


def add_external_set(results: Path, run: str) -> None:
    """Add an external set, portraits, of the first third of the test faces."""
    folder, data = results / "runs" / run, results / "data"
    of_set = folder / "external" / "portraits"
    of_set.mkdir(parents=True)
    faces = pd.read_csv(data / "test.csv").head(FACES // 3)
    faces.assign(subset="portraits").to_csv(data / "portraits.csv", index=False)
    stored = hdf5.read(data / "test.h5")
    write_hdf5(data / "portraits.h5", stored.pixels[: len(faces)], stored.targets[: len(faces)])
    predictions = pd.read_csv(folder / "inference.csv").head(FACES // 3).assign(subset="portraits")
    predictions.to_csv(of_set / "inference.csv", index=False)
    count = len(faces)
    steps = [("rows", 0, count + 7), ("known_person", 7, count), ("portraits", 0, count)]
    funnel = [("portraits", *step, 0) for step in steps]
    FUNNEL.write(data / "portraits" / "external_funnel.csv", FUNNEL.frame(funnel))
    evaluate_external(results, run)
    shutil.copy(folder / "tables" / "gallery.csv", of_set / "tables")
    shutil.copytree(folder / "faces", of_set / "faces")


def evaluate_external(results: Path, run: str) -> None:
    """Evaluate a run on the external set, portraits."""
    folder, data = results / "runs" / run, results / "data"
    of_set = folder / "external" / "portraits"
    call_script(
        "evaluate", run=run, test=of_set / "inference.csv",
        validation=folder / "inference_validation.csv",
        split=[data / "split.csv", data / "portraits.csv"], model=folder / "model.pt",
        evaluations=results / "evaluations", metrics=of_set / "metrics.json",
        slice_table=of_set / "tables/slices.csv",
        figures=[of_set / f"figures/{name}.svg" for name in FIGURES_OF_PREDICTIONS],
    )  # fmt: skip


def evaluate_again(results: Path, **given: object) -> None:
    """Evaluate the run `made` again, and write the pages of this run alone, and the audit."""
    benchmark = benchmark_module()
    call_script("evaluate", **benchmark.values(results)["evaluate"] | given)
    evaluate_external(results, benchmark.RUN)
    shutil.rmtree(results / "audit")
    write_audit(results, benchmark.RUN)
    shutil.rmtree(results / "runs" / "again")
    shutil.rmtree(results / "runs" / "slow")
    call_script("compare", **benchmark.values(results)["compare"])
    with changed_settings(results) as settings:
        settings["runs"] = {benchmark.RUN: settings["runs"][benchmark.RUN]}
        settings["grids"] = {}


def add_runs(results: Path, first: str) -> None:
    """Copy a run, as runs of another seed and of another learning rate, which make a grid."""
    settings = yaml.safe_load((results / "settings.yaml").read_text())
    for name, changes in {"again": {"seed": 2}, "slow": {"learning_rate": 0.001}}.items():
        shutil.copytree(results / "runs" / first, results / "runs" / name)
        run = json.loads(json.dumps(settings["runs"][first]))
        run["train"] |= changes
        settings["runs"][name] = run
        script = results / "runs" / name / "page" / "machine.js"
        script.write_text(script.read_text().replace(f'"{first}"', f'"{name}"'))
    settings["grids"] = {"rates": {"keys": ["train.learning_rate"], "runs": [first, "slow"]}}
    (results / "settings.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))


def turn_predictions(results: Path) -> None:
    """Turn some predictions of the copies around, so that the runs differ; evaluate these again."""
    benchmark = benchmark_module()
    for name, every in (("again", 50), ("slow", 5)):
        for path in sorted((results / "runs" / name).rglob("inference*.csv")):
            rows = pd.read_csv(path)
            turned = ["p_female", "p_male", "predicted", "correct"]
            rows.loc[::every, turned] = 1 - rows.loc[::every, turned]
            rows.to_csv(path, index=False)
        benchmark.RUN = name
        call_script("evaluate", **benchmark.values(results)["evaluate"])
        evaluate_external(results, name)


def write_audit(results: Path, run: str) -> None:
    """Write the page of a label audit, in which the predictions of a run are one fold."""
    folder, data = results / "audit", results / "data"
    settings = yaml.safe_load((results / "settings.yaml").read_text())
    shown = settings["data"] | {"audit": {"folds": 1, "run": run}}
    folder.mkdir()
    fold = folder / "1-of-1.csv"
    pd.read_csv(results / "runs" / run / "inference.csv")[["id", "p_female", "p_male"]].to_csv(
        fold, index=False
    )
    CORRECTED.write(folder / "corrected.csv", CORRECTED.frame([]))
    call_script(
        "audit", predictions=[fold], faces=[data / "test.h5"], tables=[data / "test.csv"],
        labels=folder / "labels.csv", summary=folder / "summary.json", page=folder / "index.html",
        proposals=folder / "suspects.csv", picture=folder / "suspects.jpg",
        corrected=folder / "corrected.csv", data=shown, has_initial_weights=False,
    )  # fmt: skip


def write_report(results: Path, **given: object) -> None:
    """Write the pages of a folder of results again."""
    call_script("report", **benchmark_module().values(results)["report"] | given)


@contextlib.contextmanager
def changed_settings(results: Path) -> Iterator[dict]:
    """Give the settings of a folder of results to be changed, and write its pages again."""
    settings = yaml.safe_load((results / "settings.yaml").read_text())
    yield settings
    (results / "settings.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    write_report(results)


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of three runs, `made`, `again` and `slow`; not to be changed by a test."""
    folder = made_once(tmp_path_factory, "pages", lambda folder: build(folder / "results"))
    return folder / "results"


@pytest.fixture
def changed(results: Path, tmp_path: Path) -> Path:
    """A copy of the results, to be changed by one test."""
    shutil.copytree(results, tmp_path / "results")
    return tmp_path / "results"


def metrics_of(results: Path, folder: str) -> dict:
    """The metrics of a run, or of an external set in its folder."""
    return json.loads((results / "runs" / folder / "metrics.json").read_text())


def index(results: Path) -> str:
    """The address of the page over all runs."""
    return (results / "index.html").as_uri()


def run_page(results: Path) -> str:
    """The address of a run's page."""
    return (results / "runs" / "made" / "report.html").as_uri()


def expect(browser: WebDriver, *said: str) -> None:
    """Wait until the table of faces on a run's page says that."""
    eventually(browser, lambda: texts(browser, "#faces output") == [*said])
