"""All surfaces of the results say the same, and what the data say: pages draw no conclusion."""

import copy
import dataclasses
import html
import itertools
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from helpers.pages import benchmark_module, changed_settings, metrics_of, write_report
from helpers.predictions import describe_run, predictions_of
from helpers.project import call_script
from renet.common import files
from renet.evaluation.inference_table import OUT_OF_FOLD
from renet.evaluation.tables import COMPARISON, RUNS, SLICES
from renet.pages import cards, filters, results, run_page, templates
from renet.pages.contact_sheet import ContactSheet
from renet.prediction import predictor

SEEDS = ["again-seed1", "again-seed2", "again-seed3"]
GRID = ["fast", "slow"]  # both have folds
GOOD, CHANCE = (0.8, 0.8), (0.5, 0.5)
# Eight runs: their recalls of female and male on the test set and on the external one, those on the
# validation or the out-of-fold set, and the changes of the settings.
EIGHT = {
    "gap": ((0.7, 1), (0.8, 1), {}),
    "balanced": ((0.8, 0.75), GOOD, {"momentum": 0.5}),  # the accuracy is not above its baseline
    "chance": (CHANCE, CHANCE, {"momentum": 0.6}),
    SEEDS[0]: (GOOD, GOOD, {"seed": 1}),
    SEEDS[1]: ((0.75, 0.8), GOOD, {"seed": 2}),
    SEEDS[2]: (CHANCE, GOOD, {"seed": 3}),
    "fast": (GOOD, CHANCE, {"learning_rate": 0.1}),
    "slow": (CHANCE, GOOD, {"learning_rate": 0.001}),
}
FACES = {"test": 90, "portraits": 300, "validation": 120, OUT_OF_FOLD: 600}
COLUMNS = ["validation", "test", "portraits"]  # of the table of runs
ABOVE = re.compile("(not )?significantly above the baseline")
DOTS = {1: "dot", 0: "open", None: "rest"}
NOTE = "The network is not significantly better than always predicting one class."


def plain(text: str) -> str:
    """The words of a page or of a part of it, or of a card."""
    text = re.sub("(?s)<style>.*?</style>|<script.*?</script>|<[^>]*>", " ", text)
    return " ".join(html.unescape(text).replace("\\", "").split())


def remarks(page: Path) -> list[str]:
    """The sentences of the head of a page, each with its note."""
    head = page.read_text().split('<section class="verdict"')[1].split("</section>")[0]
    return [plain(one) for one in re.findall("<h1>.*?</h1>|<li>.*?</li>", head, re.DOTALL)]


def predictions_on(name: str, recalls: tuple[float, float], seed: int) -> pd.DataFrame:
    """Predictions on one of `FACES`, of which two in three are male.

    Mistakes are at random faces; where all male faces are recognised, old women are not.
    """
    numbers = np.arange(FACES[name])
    targets = (numbers % 3 > 0).astype(int)
    order = numbers if recalls[1] == 1 else np.random.default_rng(seed).permutation(numbers)
    wrong = np.zeros(len(numbers), dtype=bool)
    for label, recall in enumerate(recalls):
        of_label = order[targets[order] == label]
        wrong[of_label[round(recall * len(of_label)) :]] = True
    ages = np.where(numbers < 0.6 * len(numbers), 30, 60)
    return predictions_of(targets, np.where(targets != wrong, 0.8, 0.2), age=ages, subset=name)


def write_eight_runs(folder: Path) -> None:
    """Evaluate the eight runs, and describe them for predictions on other photos."""
    runs, split, made = folder / "runs", folder / "split.csv", folder / "made"
    settings = yaml.safe_load((folder / "settings.yaml").read_text())
    of_made = settings["runs"]["made"]
    shutil.move(runs / "made", made)
    shutil.rmtree(runs)
    shutil.rmtree(made / "figures")
    pd.read_csv(folder / "data/split.csv").groupby("subset").head(300).to_csv(split, index=False)
    settings["runs"] = {}
    for number, (name, (tested, validated, changes)) in enumerate(EIGHT.items()):
        run, folds = shutil.copytree(made, runs / name), 5 * (name in GRID)
        validation = run / "inference_validation.csv"
        sets = {"test": (run, run / "inference.csv", tested)}
        of_set = run / "external/portraits"
        sets["portraits"] = (of_set, of_set / "inference.csv", tested)
        if folds:
            shutil.copytree(of_set, run / OUT_OF_FOLD, ignore=shutil.ignore_patterns("inference*"))
        chooser = OUT_OF_FOLD if folds else "validation"
        sets[chooser] = (run / chooser, validation, validated)
        for of_set, (_, path, recalls) in sets.items():
            predictions_on(of_set, recalls, number).to_csv(path, index=False)
        for of_set, (place, path, _) in sets.items():
            more = {"history": run / "history.csv", "batch_size": 32} if of_set == "test" else {}
            if of_set != "validation":
                call_script(
                    "evaluate", run=name, test=path, validation=validation, split=[split],
                    model=run / "model.pt", evaluations=folder / "evaluations",
                    metrics=place / "metrics.json", slice_table=place / "tables/slices.csv", **more,
                )  # fmt: skip
        describe_run(run, np.zeros((1, 3, 32, 32), np.uint8), 0.4, metrics_of(folder, name))
        settings["runs"][name] = of_made | {"train": of_made["train"] | changes, "folds": folds}
    settings["grids"] = {"rates": {"keys": ["train.learning_rate"], "runs": GRID}}
    (folder / "settings.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))


def compare_and_report(folder: Path, reference: str, **given: object) -> pd.DataFrame:
    """Compare the runs and write their pages; returns runs.csv."""
    values = benchmark_module().values(folder)["compare"]
    call_script("compare", **values | {"reference": reference} | given)
    write_report(folder)
    return results.read_runs(folder / "comparison/runs.csv")


def check_surfaces(folder: Path, name: str, runs: pd.DataFrame, log: str) -> bool:
    """Hold that all surfaces of a run say the same; returns whether it is above the baseline."""
    run = folder / "runs" / name
    own, rows = metrics_of(folder, name), runs[runs.run == name].set_index("set")
    sets = {"test": own, "portraits": metrics_of(folder, f"{name}/external/portraits")}
    if (run / OUT_OF_FOLD).exists():
        sets = {"test": own, OUT_OF_FOLD: metrics_of(folder, f"{name}/{OUT_OF_FOLD}")} | sets
        assert own["leads"] == OUT_OF_FOLD and own["validation"] == sets[OUT_OF_FOLD]["test"]
    led, (metric,) = sets[own["leads"]], runs.metric.unique()
    is_above = bool(rows.above[own["leads"]])
    content = files.read_json(run / predictor.FILE)["above_baseline"]
    claims = {key: claim["above"] for key, claim in led["test"]["above_baseline"].items()}
    assert claims == content and claims[metric] == is_above
    notes = predictor.load(run).notes
    assert (NOTE in notes) == (not any(content.values()))
    ContactSheet().write(run / "predictions.html", name, "predictions.csv", notes)
    assert (NOTE in plain((run / "predictions.html").read_text())) == (NOTE in notes)
    report, card = (plain((run / page).read_text()) for page in ("report.html", "model_card.md"))
    _, sureness, genders, group = remarks(run / "report.html")
    assert sureness.startswith(f"{'Significantly' if is_above else 'Not significantly'} above")
    said = re.compile(r"percentage points \([^)]*\): (not )?significantly above the baseline")
    assert [not one for one in said.findall(report)] == [rows.above[one] == 1 for one in sets]
    in_card = dict.fromkeys([own["leads"], "test"])
    assert [not one for one in said.findall(card)] == [rows.above[one] == 1 for one in in_card]
    advice = re.findall(f"Run {name} is not significantly better than always .*?\\. (.*)", log)
    assert len(advice) == (not is_above)
    assert ["What may help: " + one in report for one in advice] == [True] * len(advice)
    assert ("recognised less often" in genders) == led["test"]["male_minus_female"]["significant"]
    below = led["groups"]["below"]
    named = [" ".join(one).capitalize() for one in below[:1]]
    assert re.findall("^(.*) is significantly below", group) == (named or ["No group"])
    assert all(one in card for one in (genders, group))
    assert genders in report.split("Wrong predictions")[0]
    return is_above


def test_all_surfaces_of_eight_runs_and_of_one_say_the_same(changed, caplog):
    write_eight_runs(changed)
    runs, index = compare_and_report(changed, "gap", groups=[SEEDS]), changed / "index.html"
    above = [name for name in EIGHT if check_surfaces(changed, name, runs, caplog.text)]
    assert above == ["gap", "balanced", *SEEDS[:2], "slow"]
    head, sureness, lead, *others = remarks(index)
    assert [head, sureness, *others] == remarks(changed / "runs/gap/report.html")
    assert "Faces labelled female are recognised less often: 70.0 % against 100.0 %." in others[0]
    assert lead.startswith("Its lead over")
    table = index.read_text().split('id="runs"')[1].split("</table>")[0].split("<tr")
    for name, rows in runs.groupby("run"):
        link = f'href="runs/{name}/report.html"' if name in EIGHT else "<b>again</b>"
        (row,) = (one for one in table if link in one)
        above = rows.set_index("set").above[COLUMNS].tolist()
        assert re.findall('circle class="(.*?)"', row) == [DOTS[one] for one in above], name
        assert [not one for one in ABOVE.findall(plain(row))] == [one == 1 for one in above[1:]]
    for name in {*EIGHT} - {"balanced"}:
        shutil.rmtree(changed / "runs" / name)
    settings = yaml.safe_load((changed / "settings.yaml").read_text())
    alone = settings | {"runs": {"balanced": settings["runs"]["balanced"]}, "grids": {}}
    (changed / "settings.yaml").write_text(yaml.safe_dump(alone))
    caplog.clear()
    runs = compare_and_report(changed, "balanced")
    assert not check_surfaces(changed, "balanced", runs, caplog.text)  # stated by its accuracy
    assert remarks(index) == remarks(changed / "runs/balanced/report.html")
