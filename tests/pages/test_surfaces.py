"""All surfaces of the results say the same, and what the data say: pages draw no conclusion."""

import copy
import dataclasses
import functools
import html
import itertools
import operator
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from helpers.pages import benchmark_module, changed_settings, metrics_of, write_report
from helpers.predictions import describe_run, predictions_of
from helpers.project import call_script
from renet.common import files
from renet.evaluation.inference_table import OUT_OF_FOLD
from renet.evaluation.tables import COMPARISON, RUNS, SLICES
from renet.pages import cards, results, run_page
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
METRICS = "accuracy", "balanced_accuracy"
NOTE = "The network is not significantly better than always predicting one class."


def plain(text: str) -> str:
    """The words of a page or of a part of it, with those of its pictures, or of a card."""
    text = re.sub('<img [^>]*alt="([^"]*)"[^>]*>', r"\1", text)
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


def marked(value: object, numbers: Iterator[int]) -> object:
    """Data with another number in place of each one but 0; no two of them have the same text."""
    if isinstance(value, dict):
        return {key: marked(one, numbers) for key, one in value.items()}
    if isinstance(value, list):
        return [marked(one, numbers) for one in value]
    if not value or isinstance(value, bool | str) or value != value:
        return value
    number = 2 * next(numbers)
    return 2001 + number if isinstance(value, int) else (50 + number) / 1000


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """The values of data with their places, such as `test.recall.male`, which the parts of a list share."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from leaves(one, f"{path}.{key}".strip("."))
    elif isinstance(value, list):
        for one in value:
            yield from leaves(one, path)
    else:
        yield path, value


def missing(values: Iterable[tuple[str, object]], text: str) -> set[str]:
    """The places of the marked numbers that a text does not have."""
    shown = set(re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", text))
    formats = {int: ("{0:,}", "{0}"), float: ("{1:.1f}", "{0:.3f}")}
    return {
        place for place, one in values if one and one == one and type(one) in formats
        if shown.isdisjoint(text.format(one, 100 * one) for text in formats[type(one)])
    }  # fmt: skip


# Of a run, and of an external set; the rest has other decimals, and tests of its own.
NOT_SHOWN = {
    "made": r"above_baseline\.accuracy|\.p$|male_fraction|effective|updates|calibration"
    r"|abstention\.(max_error|level|people|needed|threshold|test\.accepted)"
    r"|validation\.(n$|confusion|intervals|male_minus|above|majority)",
    "made/external/portraits": r"above_baseline\.accuracy|confusion|\.p$|male_fraction|effective"
    r"|abstention\.(?!test)|test\.accepted|^(data|validation|calibration)",
}
TABLES = {  # with their rows that the pages have, and the columns that these have not
    "comparison/runs.csv": (RUNS, "run == 'made'", {"p", "p_corrected", "baseline"}),
    "comparison/comparison.csv": (COMPARISON, "kind == 'reference'", {"p"}),
    "runs/made/tables/slices.csv": (
        SLICES, "slice == 'age' and p_holm.notna()", {"p", "effective_people", "rest_low", "rest_high"}
    ),
}  # fmt: skip


def percent(*fractions: float) -> str:
    """One fraction or the two of an interval, as texts have them."""
    return " to ".join(f"{100 * one:.1f}" for one in fractions)


def test_pages_show_the_value_of_each_field(changed, caplog):
    numbers, run = itertools.count(), changed / "runs/made"
    data = {folder: marked(metrics_of(changed, folder), numbers) for folder in NOT_SHOWN}
    for folder, found in data.items():
        found["abstention"]["threshold"] = 0.95
        found["abstention"]["test"] |= marked({"accepted": 1, "error": 0.1}, numbers)
        found["groups"]["below"] = found["groups"]["tested"][:1]
        files.write_json(changed / "runs" / folder / "metrics.json", found)
    tables = {}
    for name, (table, rows, _) in TABLES.items():
        written = table.read(changed / name)
        for column in written.select_dtypes("float"):
            written[column] = marked(written[column].tolist(), numbers)
        table.write(changed / name, written)
        tables[name] = written.query(rows)
    write_report(changed)
    pages = [changed / "index.html", run / "report.html", run / "model_card.md"]
    text = " ".join(plain(page.read_text()) for page in pages)
    for folder, found in data.items():
        unseen = missing(leaves(found), text)
        assert [one for one in unseen if not re.search(NOT_SHOWN[folder], one)] == []
    for name, (_, _, hidden) in TABLES.items():
        rows = tables[name].select_dtypes("float")
        unseen = missing(((column, one) for column in rows for one in rows[column]), text)
        assert unseen <= hidden, name
    test, metric = data["made"]["test"], "balanced_accuracy"
    claim, gap, recall = (
        test["above_baseline"][metric], test["male_minus_female"], test["recall"]
    )  # fmt: skip
    group = tables["runs/made/tables/slices.csv"].iloc[0]
    (females, errors), (others, males) = test["confusion_matrix"]
    assert remarks(run / "report.html") == [
        f"made is right for {100 * test[metric]:.0f} % of new people's faces, with equal weight for "
        f"female and male; the baseline gets {100 * test['majority_baseline'][metric]:.0f} %.",
        f"Significantly above the baseline: {percent(claim['difference'])} points "
        f"({percent(*claim['interval'])}). {percent(test[metric])} % (95 % interval "
        f"{percent(*test['intervals'][metric])} %) on {test['n']:,} test faces. On portraits, it is "
        "significantly above the baseline.",
        f"No significant difference between female, {percent(recall['female'])} %, and male, "
        f"{percent(recall['male'])} %. {females:,} of {females + errors:,} female and {males:,} of "
        f"{others + males:,} male faces; male − female: {percent(gap['value'])} points "
        f"({percent(*gap['interval'])}).",
        f"Age {group.value} is significantly below the others: {percent(group.accuracy)} % "
        f"({percent(group.low, group.high)} %), by {percent(group.difference)} points. {group.n:,} "
        f"faces of {group.subjects:,} people; p = {group.p_holm:.3f}, corrected for "
        f"{len(data['made']['groups']['tested'])} tests.",
    ]
    assert (
        f"Run made: accuracy {percent(test['accuracy'])}% of {test['n']} test faces, balanced accuracy "
        f"{percent(test[metric])}%, baseline {percent(test['majority_baseline']['accuracy'])}%"
    ) in caplog.text


ABOVE_NOT = {"claims.above": 0}
# Of the run `made`: what is changed, in metrics.json or in its rows of runs.csv, and what its page
# or card then says. No number changes: it says otherwise.
CASES = [
    ({"test.small": True}, "Too few faces to judge groups."),
    ({"test.few": True}, "The test set is small."),
    ({"test.few": True}, "With <code>folds: 5</code>"),
    ({"test.constant_prediction": True}, "predicts the same class for every test face"),
    ({"test.majority_baseline.class": "female"}, "The baseline always predicts female"),
    ({"test.male_minus_female.significant": True}, "Faces labelled male are recognised less often"),
    ({"test.above_baseline.balanced_accuracy": None}, "nothing is said about its balanced accuracy"),
    ({"groups.below": [["age", "20–29 years"]]}, "Age 20–29 years is significantly below the others"),
    ({"groups.below": []}, "No group is significantly below the others (9 tested)."),
    ({"groups.tested": []}, "No other group was large enough to test."),
    ({"groups.compared": []}, "No tested slice was large enough for the difference"),
    ({"groups.gaps": [["age", "20–29 years"]]}, "is significantly lower in age 20–29 years"),
    ({"chosen_by_few.others": True}, "other faces could choose another temperature."),
    ({"chosen_by_few.epoch": True, "calibration.fitted_on": OUT_OF_FOLD}, "another epoch."),
    ({"calibration.unfitted": "limit"}, "gave one at a limit of the search."),
    ({"calibration.confidences": "too_high"}, "The confidences are too high"),
    (ABOVE_NOT, "Not significantly above the baseline: "),
    (ABOVE_NOT | {"advice": "few_updates", "updates": 1234}, "The training made 1,234 updates"),
    (ABOVE_NOT | {"advice": "not_learnt"}, "The network has not learnt"),
    (ABOVE_NOT | {"advice": "few_photos"}, "add photos, or use the recipe of configs/modern.yaml"),
    (ABOVE_NOT | {"advice": "few_photos", "updates": None}, "than the test faces: add photos."),
    (ABOVE_NOT | {"advice": "few_test_faces"}, "Training and test faces are predicted alike"),
]  # fmt: skip
# Read by the test of all surfaces, or by those of other sentences; `above` is that of runs.csv.
ELSEWHERE = {"leads", "leakage.split_by", "test.classes",
             *(f"test.above_baseline.{metric}.above" for metric in METRICS)}  # fmt: skip


def test_pages_word_the_conclusions_of_the_data_whatever_the_numbers_say(changed, monkeypatch):
    given = {}
    monkeypatch.setattr(run_page, "write", lambda path, *more: given.update({path: more}))
    with changed_settings(changed) as settings:
        settings["runs"]["made"]["train"]["select_epoch"] = "best"
    monkeypatch.undo()
    page = changed / "runs/made/report.html"
    run, data = given[page]

    def said(**changes: object) -> str:
        other = dataclasses.replace(run, metrics=copy.deepcopy(run.metrics))
        for place, value in changes.items():
            *parts, key = place.split(".")
            if parts == ["claims"]:
                other = dataclasses.replace(other, claims=run.claims.assign(**{key: value}))
            else:
                functools.reduce(operator.getitem, parts, other.metrics)[key] = value
        run_page.write(page, other, data)
        cards.write_model_card(page.with_name("model_card.md"), other, data)
        text = page.read_text() + page.with_name("model_card.md").read_text()
        return " ".join(html.unescape(text).split())

    before = said()
    wrong = [
        (changes, words) for changes, words in CASES
        if words in before and changes != {"groups.below": []} or words not in said(**changes)
    ]  # fmt: skip
    assert wrong == []
    conclusions = {
        place for place, value in leaves(run.metrics)
        if isinstance(value, bool | str) and not place.startswith("validation")
    }  # fmt: skip
    assert conclusions - {key for changes, _ in CASES for key in changes} == ELSEWHERE
