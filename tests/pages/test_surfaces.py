"""All surfaces of the results say the same, and what the data say: pages draw no conclusion."""

import dataclasses
import functools
import html
import json
import operator
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from helpers.pages import benchmark_module, changed_settings, metrics_of, write_report
from helpers.predictions import describe_run, predictions_of
from helpers.project import call_script
from renet.common import files
from renet.evaluation import calibration, summary
from renet.evaluation.inference_table import OUT_OF_FOLD
from renet.evaluation.tables import COMPARISON, RUNS, SLICES
from renet.pages import cards
from renet.pages import results as results_of
from renet.pages.contact_sheet import ContactSheet
from renet.prediction import predictor

SEEDS, GRID = ["again-seed1", "again-seed2", "again-seed3"], ["fast", "slow"]
FOLDED, GOOD, CHANCE = ["gap", *GRID], (0.8, 0.8), (0.5, 0.5)
# Eight runs: their recalls of female and male on the test set and on the external one, those on the
# validation or the out-of-fold set, and the changes of the settings.
EIGHT = {
    "gap": (GOOD, (0.8, 1), {}),
    "balanced": ((0.8, 0.75), GOOD, {"momentum": 0.5}),  # the accuracy is not above its baseline
    "chance": (CHANCE, CHANCE, {"momentum": 0.6}),
    SEEDS[0]: (GOOD, GOOD, {"seed": 1}),
    SEEDS[1]: ((0.75, 0.8), GOOD, {"seed": 2}),
    SEEDS[2]: (CHANCE, GOOD, {"seed": 3}),
    "fast": ((0.9, 0.9), CHANCE, {"learning_rate": 0.1}),  # the best on the test set
    "slow": (CHANCE, GOOD, {"learning_rate": 0.001}),
}
# Runs alone: one that predicts male always, and one that is stated by its accuracy.
ALONE = {"constant": ((0, 1), (0, 1), {}), "female": ((1, 0), (1, 0), {})}
FACES = {"test": 90, "portraits": 300, "validation": 120, OUT_OF_FOLD: 600}
DOTS = {1: "dot", 0: "open", None: "rest"}
PAGES = "report.html", "model_card.html"
OF_GROUPS = r"below the others: |No group|differ significantly in|in no group"
NOTE = "The network is not significantly better than always predicting one class."


def plain(text: str) -> str:
    """The words of a page or of a part of it, with those of its pictures."""
    text = re.sub('<(?:img|div class="axis") [^>]*(?:alt|label)="([^"]*)"[^>]*>', r"\1", text)
    text = re.sub("(?s)<style>.*?</style>|<script.*?</script>|<[^>]*>", " ", text)
    return " ".join(html.unescape(text).split())


def remarks(page: Path) -> list[str]:
    """The sentences of the head of a page, each with its note."""
    head = page.read_text().split('<section class="conclusions"')[1].split("</section>")[0]
    return [plain(one) for one in re.findall("<h1>.*?</h1>|<li>.*?</li>", head, re.DOTALL)]


def predictions_on(name: str, recalls: tuple[float, float]) -> pd.DataFrame:
    """Predictions on one of `FACES`, of which two in three are male, of the portraits one in three.

    Mistakes are at random faces; where all male faces are recognised, old women are not.
    """
    numbers = np.arange(FACES[name])
    targets = ((numbers % 3 > 0) != (name == "portraits")).astype(int)
    order = numbers if recalls[1] == 1 else np.random.default_rng(1).permutation(numbers)
    wrong = np.zeros(len(numbers), dtype=bool)
    for label, recall in enumerate(recalls):
        of_label = order[targets[order] == label]
        wrong[of_label[round(recall * len(of_label)) :]] = True
    ages = np.where(numbers < 0.6 * len(numbers), 30, 60)
    return predictions_of(targets, np.where(targets != wrong, 0.8, 0.2), age=ages, subset=name)


def write_runs(
    made: Path, folder: Path, names: Sequence[str], metric: str = "balanced_accuracy"
) -> pd.DataFrame:
    """Evaluate runs of `EIGHT` or `ALONE`, the first of which is the reference; write their pages.

    Returns runs.csv. `made` are results with all other files.
    """
    shutil.copytree(made, folder, ignore=shutil.ignore_patterns("runs", "evaluations"))
    split, settings = folder / "split.csv", yaml.safe_load((made / "settings.yaml").read_text())
    pd.read_csv(made / "data/split.csv").groupby("subset").head(300).to_csv(split, index=False)
    of_made = settings["runs"].pop("made")
    settings |= {"runs": {}, "grids": {"rates": {"keys": ["train.learning_rate"], "runs": GRID}}}
    for name in names:
        run, (tested, validated, changes) = folder / "runs" / name, (EIGHT | ALONE)[name]
        folds = 5 * (name in FOLDED)
        external, validation = run / "external/portraits", run / "inference_validation.csv"
        shutil.copytree(made / "runs/made", run)
        sets = {"test": (run, run / "inference.csv", tested),
                "portraits": (external, external / "inference.csv", tested)}  # fmt: skip
        if folds:
            sets[OUT_OF_FOLD] = (run / OUT_OF_FOLD, validation, validated)
            shutil.copytree(external, run / OUT_OF_FOLD, ignore=shutil.ignore_patterns("*ce.csv"))
        else:
            predictions_on("validation", validated).to_csv(validation, index=False)
        for of_set, (_, path, recalls) in sets.items():
            predictions_on(of_set, recalls).to_csv(path, index=False)
        for place, path, _ in sets.values():
            history = {"history": run / "history.csv", "batch_size": 32} if place == run else {}
            call_script(
                "evaluate", run=name, test=path, validation=validation, split=[split], **history,
                model=run / "model.pt", evaluations=folder / "evaluations",
                metrics=place / "metrics.json", slice_table=place / "tables/slices.csv",
                metric=metric, ranked=len(names) if folds else 1,
            )  # fmt: skip
        evaluated = summary.read(run / "metrics.json").for_predictor()
        describe_run(run, np.zeros((1, 3, 32, 32), np.uint8), 0.4, evaluated)
        settings["runs"][name] = of_made | {"train": of_made["train"] | changes, "folds": folds}
    (folder / "settings.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    given = {"reference": names[0], "groups": [SEEDS], "metric": metric}
    call_script("compare", **benchmark_module().values(folder)["compare"] | given)
    write_report(folder)
    return results_of.read_runs(folder / "comparison/runs.csv")


def is_above(text: str, before: str = "") -> list[bool]:
    """What each claim of a text says, of those that follow a pattern."""
    found = re.findall(f"{before}(not )?significantly above the baseline", text, re.IGNORECASE)
    return [not one for one in found]


def check_stated(run: Path, stated: dict, log: str) -> None:
    """Hold that the surfaces of a run word the stated record: one metric, one value, one claim."""
    content = files.read_json(run / predictor.FILE)
    assert content["stated"] == stated
    given = [run / one for one in ("predictions.html", "model.pt", "predictions.csv")]
    ContactSheet().write(*given, predictor.load(run).notes, stated)
    predictions, report, card = (
        plain((run / one).read_text()) for one in ("predictions.html", *PAGES)
    )
    assert (NOTE in predictions) != stated["above"]
    words, on_set = stated["metric"].replace("_", " "), stated["set"].replace("_", "-")
    value, *ends, baseline = (
        f"{100 * stated[key]:.1f}" for key in ("value", "low", "high", "baseline")
    )
    on_set = f"on {stated['faces']} faces of the {on_set} set"
    within = f"(95 % interval {' to '.join(ends)} %"
    said = f"{words} is {value} % {within}) {on_set}; the baseline reaches {baseline} %"
    assert f"· run {run.name} Predictions Model: {run.name}/model.pt. Its {said}." in predictions
    assert f"Run {run.name}: the {said}" in plain(log)
    head = f"{run.name} reaches {value} % ({' to '.join(ends)}) {words} {on_set}; the baseline "
    assert f"{head}reaches {baseline} %. On the set portraits: " in report
    cited = f"To report the result: {words} {value} % {within}, from Clopper and Pearson's "
    cited += "intervals on the effective number of faces), "
    cited += f"baseline {baseline} %, {stated['faces']} faces"
    assert cited in report and cited in card


def check_surfaces(folder: Path, name: str, runs: pd.DataFrame, log: str) -> bool:
    """Hold that all surfaces of a run say the same; returns whether it is above the baseline."""
    run, sets = folder / "runs" / name, {"test": metrics_of(folder, name)}
    if name in FOLDED:
        sets[OUT_OF_FOLD] = metrics_of(folder, f"{name}/{OUT_OF_FOLD}")
    sets["portraits"] = metrics_of(folder, f"{name}/external/portraits")
    stated = sets["test"]["stated"]
    leads = stated["set"]
    assert leads == (OUT_OF_FOLD if name in FOLDED else "test")
    rows = runs[(runs.run == name) & (runs.kind == "run")].set_index("set", drop=False)
    assert stated == rows.loc[leads, [*stated]].to_dict()
    check_stated(run, stated, log)
    claims = rows.above == 1
    _, sureness, genders, *group = remarks(run / "report.html")
    assert is_above(sureness, "^") == [claims[leads]]
    report, card = (plain((run / page).read_text()) for page in PAGES)
    assert is_above(report) == claims[[*dict.fromkeys([leads, *sets])]].tolist()
    assert is_above(card) == claims[[*dict.fromkeys([leads, "test"])]].tolist()
    assert ("5 trainings with the seed" in card) == (leads == OUT_OF_FOLD)
    advice = re.findall(
        f"Run {name}: Not significantly above .*\\)\\. (?:The test is .* runs\\. )?(.*)", log
    )
    assert [f"What next: {one}" in report for one in advice] == [True] * (not claims[leads])
    gap, below = sets[leads]["test"]["male_minus_female"], sets[leads]["groups"]["below"]
    assert genders.endswith(" is significant.") == gap["significant"]
    named = [" ".join(one).capitalize() for one in below[:1]] or ["No group"]
    assert [re.split(" (?:is|was) ", one)[0] for one in group] == named * int(claims[leads])
    assert all(f" {one}" in card for one in (genders, *group))
    assert bool(re.findall(OF_GROUPS, report)) == claims.any()
    assert not (claims[leads] and "has not learnt" in report)
    return claims[leads]


@pytest.mark.parametrize(
    ("name", "metric", "above"),
    [
        ("balanced", "balanced_accuracy", [1, 1]), ("balanced", "accuracy", [0, 1]),
        ("constant", "balanced_accuracy", [0, 0]), ("constant", "accuracy", [0, 0]),
        ("female", "accuracy", [0, 0]),  # the portraits have few men
    ],
)  # fmt: skip
def test_all_surfaces_of_one_run_say_the_same(results, tmp_path, caplog, name, metric, above):
    caplog.set_level("INFO")
    runs = write_runs(results, tmp_path / "one", [name], metric)
    assert check_surfaces(tmp_path / "one", name, runs, caplog.text) == above[0]
    assert runs.set_index("set").above[["test", "portraits"]].tolist() == above
    index = tmp_path / "one/index.html"
    assert remarks(index) == remarks(tmp_path / f"one/runs/{name}/report.html")
    for of_set, gender in {"test": "male", "portraits": "female"}.items():
        (row,) = runs[runs.set == of_set].itertuples()
        assert row.baseline_class == gender
        assert f"{100 * row.baseline:.1f} % always {gender}" in plain(index.read_text())


def test_all_surfaces_of_eight_runs_say_the_same(results, tmp_path, caplog):
    caplog.set_level("INFO")
    eight, names = tmp_path / "eight", [*EIGHT]
    runs, index = write_runs(results, eight, names), eight / "index.html"
    above = [name for name in names if check_surfaces(eight, name, runs, caplog.text)]
    assert above == ["gap", "balanced", *SEEDS[:2], "slow"]
    assert "<small>seeds 1, 2, 3</small>" in index.read_text()
    assert "In the column Out-of-fold, the test is also corrected" in plain(index.read_text())
    head, sureness, lead, *others = remarks(index)
    assert [head, sureness, *others] == remarks(eight / "runs/gap/report.html")
    assert lead.startswith("Its lead is significant: ")
    assert lead.endswith(" on the validation set, which chose the run.")
    assert "Recall of female 80.0 %, of male 100.0 %: the difference of 20.0 points" in others[0]
    table = index.read_text().split('id="runs"')[1].split("</table>")[0].split("<tr")
    assert 'class="chosen"' in table[2] and 'href="runs/gap/report.html"' in table[2]
    for name, rows in runs.set_index("set").groupby("run"):
        link = f'href="runs/{name}/report.html"' if name in EIGHT else "<b>again</b>"
        (row,) = (one for one in table if link in one)
        sets = ["validation", "out_of_fold", "test", "portraits"]  # the second of runs with folds
        cells = rows.loc[[one for one in sets if one in rows.index]]
        dots = [DOTS[one] for one in cells.above]
        assert re.findall('circle class="(.*?)"', row) == dots, name
        assert is_above(plain(row)) == [one == "dot" for one in dots[1:]]
        for cell in cells[cells.deviation.notna()].itertuples():
            said = f"{100 * cell.value:.1f} % ± {100 * cell.deviation:.1f} over seeds"
            assert said in plain(row) and row.count('class="seed"') == 9


def marked(value: object, places: list[str], place: str) -> object:
    """Data with another number in place of each one but 0; its place is added to `places`."""
    if isinstance(value, dict):
        return {key: marked(one, places, f"{place}.{key}") for key, one in value.items()}
    if isinstance(value, list):
        return [marked(one, places, place) for one in value]
    if not value or isinstance(value, bool | str) or value != value:
        return value
    places.append(place)
    return 2001 + 2 * len(places) if isinstance(value, int) else (50 + 2 * len(places)) / 1000


# Of a run, of an external set, and of tables; some numbers have other decimals and other tests.
NOT_SHOWN = re.compile(
    r"above_baseline\.accuracy|\.p$|male_fraction|effective|calibration|updates|stated"
    r"|abstention\.(max_error|level|people|needed|threshold|test\.accepted)"
    r"|validation\.(n$|confusion|intervals|male_minus|above|majority)"
    r"|portraits\.(data|validation|abstention\.(?!test)|test\.confusion)"
    r"|runs\.csv\.p_corrected|slices\.csv\.(accuracy|low|high|gap)|_year|data\.faces"
)
TABLES = {  # with the rows that the pages have
    "comparison/runs.csv": (RUNS, "run == 'made'"),
    "comparison/comparison.csv": (COMPARISON, "kind == 'reference'"),
    "runs/made/tables/slices.csv": (SLICES, "slice == 'age' and small == 0"),
}
SAID = [  # in the head and in the log, of the set that leads; fractions are multiplied by 100
    "made reaches {claim.value:.1f} % ({claim.low:.1f} to {claim.high:.1f}) balanced accuracy on "
    "3,000 faces of the test set; the baseline reaches {claim.baseline:.1f} %. On the set "
    "portraits: {other.value:.1f} % ({other.low:.1f} to {other.high:.1f}).",
    "Significantly above the baseline of {claim.baseline:.1f} % (always male): a difference of "
    "{above[difference]:.1f} points ({above[interval][0]:.1f} to {above[interval][1]:.1f}).",
    "Recall of female {recall[female]:.1f} %, of male {recall[male]:.1f} %: the difference of "
    "{gap[value]:.1f} points ({gap[interval][0]:.1f} to {gap[interval][1]:.1f}) can be "
    "chance.",
    "Run made: the balanced accuracy is {claim.value:.1f} % (95 % interval {claim.low:.1f} to "
    "{claim.high:.1f} %) on 3,000 faces of the test set; the baseline reaches "
    "{claim.baseline:.1f} %",
]


def test_pages_show_the_value_of_each_field(changed, caplog):
    run, places = changed / "runs/made", []
    for folder in (run, run / "external/portraits"):
        found = marked(files.read_json(folder / "metrics.json"), places, folder.name)
        found["abstention"]["threshold"] = 0.95
        found["abstention"]["test"]["accepted"] = 1
        files.write_json(folder / "metrics.json", found)
    for name, (table, printed) in TABLES.items():
        rows = table.read(changed / name)
        shown = rows.query(printed).index
        for column in rows.select_dtypes("float"):
            numbers = marked(rows.loc[shown, column].tolist(), places, f"{name}.{column}")
            rows.loc[shown, column] = numbers
        table.write(changed / name, rows)
    caplog.set_level("INFO")
    write_report(changed)
    pages = changed / "index.html", *(run / page for page in PAGES)
    text = " ".join(plain(page.read_text()) for page in pages)
    numbers = set(re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", text))
    unseen = {
        place for number, place in enumerate(places, 1)
        if not NOT_SHOWN.search(place) and numbers.isdisjoint(
            [f"{2001 + 2 * number:,}", f"{2001 + 2 * number}",  # as marked
             f"{5 + number / 5:.1f}", f"{0.05 + number / 500:.3f}"]
        )
    }  # fmt: skip
    assert unseen == set()
    assert "On the test set, against made: 2 of 2 differences are significant" in text
    assert f"in {calibration.BINS} bins" in text
    source = (run / "metrics.json").read_text()
    test = json.loads(source, parse_float=lambda one: 100 * float(one))["test"]
    rows = RUNS.read(changed / "comparison/runs.csv").query("run == 'made'").set_index("set")
    shown = ("value", "low", "high", "baseline")
    values = {
        "above": test["above_baseline"]["balanced_accuracy"], "gap": test["male_minus_female"],
        "claim": 100 * rows.loc["test", [*shown]], "other": 100 * rows.loc["portraits", [*shown]],
    }  # fmt: skip
    *head, logged = (one.format(**test, **values) for one in SAID)
    assert remarks(run / "report.html")[:3] == head and logged in plain(caplog.text)


NOT_ABOVE, UNSURE = {"claims.above": 0}, {"abstention.threshold": 0.9}
AGES = [["age", f"{first}–{first + 9} years"] for first in range(0, 70, 10)]
PHOTOS = {"validation.n": 500, "validation.subjects": 500, "validation.unnamed_photos": 500}
SHARED = {"people": 0, "photos": 0, "pixels": 0}
# Of the run `made`: what is changed, in metrics.json or in its rows of runs.csv, and what its page
# or its card then says, although all other data say otherwise.
CASES = [
    ({"test.small": True, "test.effective_people": 9.97}, "number of people is 9.9. Calib"),
    ({"test.few": True}, "Cross-validate with runs: {made: {folds: 5}} in your config"),
    ({"test.constant_prediction": True}, "predicts the same class for every test face"),
    ({"test.majority_baseline.class": "female"}, "validation always female"),
    ({"claims.baseline_class": "female"}, "(always female)"),
    ({"test.above_baseline.balanced_accuracy": None}, "alone: it is not compared with the base"),
    ({"test.male_minus_female.significant": True}, ") is significant."),
    ({"test.male_minus_female.value": None}, "The test set has faces of one class alone."),
    ({"test.effective_faces": 149.6}, "people as 150 independent faces. The interv"),
    ({"test.unnamed_photos": 1, "test.subjects": 9}, "8 people and 1 photo without a recorded p"),
    ({"data.unnamed_photos": 40}, "40 photos have no recorded person. Each counts as"),
    ({"groups.below": AGES[1:]}, "Age 10–19 years is significantly below the others: recall of f",
     "The same holds for 5 other groups."),
    ({"groups.tested": []}, "No group was tested: each group, or the rest of the set, is too"),
    ({"groups.compared": []}, "compared in no group: each group, or the rest of the set,"),
    ({"groups.gaps": [AGES[4], AGES[0]]}, "differ significantly in 2 of 10 tested groups. They "
     "differ most in age 40–49 years: female 90"),
    ({"chosen_by_few.others": 40}, "temperature was chosen by faces that are worth only 40 indep"),
    ({"chosen_by_few.others": 40} | UNSURE, "threshold was chosen by faces that are worth only 40"),
    ({"chosen_by_few.epoch": 41}, "epoch was chosen by faces that are worth only 41 indep"),
    ({"calibration.confidences": "no_error_found"}, "of the confidences: no error found."),
    ({"calibration.confidences": "too_high", "calibration.temperature": 1.3}, "test of "
     "the confidences: too high.", "is 1.30 (95 % interval 0.63 to 0.74). It turns a "
     "confidence of 90 % into 84 %."),
    ({"calibration.fitted_on": OUT_OF_FOLD}, "temperature fitted on the out-of-fold set is"),
    ({"calibration.unfitted": "unclear"}, "its fit on the validation set is inconclusive."),
    ({"abstention.few_people": True, "abstention.needed": 1200},
     "At least 1,200 people without an error are needed."),
    (UNSURE, "confidence is above 0.9.", "on one face each of 1,107 people",
     "with one face each of these people", "error rate (1 − accuracy) of – (95 % interval –)"),
    (UNSURE | {"calibration.fitted_on": OUT_OF_FOLD}, "It is an approximation, because other net"),
    ({"claims.leads": 0}, "The test is corrected for the other sets of the run."),
    ({"claims.ranked": 8}, "The test is corrected for the choice among 8 runs."),
    (UNSURE | PHOTOS, "was chosen on the validation set, on one face each of 500 photos"),
    ({"leakage.in_two_subsets": SHARED | {"photos": 2}},
     "In more than one subset: people (0), photos (2), equal pixels (0). The metrics can be too"),
    ({"leakage.in_two_subsets": SHARED | {"people": 1}, "leakage.split_by": "image"}, "In more "
     "than one subset: people (1), photos (0), equal pixels (0). The"),
    (NOT_ABOVE, "Not significantly above the baseline of 50.0 % (always male): "),
    (NOT_ABOVE | {"advice": "few_updates"}, "The training made few updates"),
    (NOT_ABOVE | {"advice": "not_learnt"}, "The network has not learnt"),
    (NOT_ABOVE | {"advice": "few_photos"}, "than on new faces. Add photos; for a network,"),
    (NOT_ABOVE | {"advice": "few_test_faces"}, "on the training faces is like that on new faces"),
]  # fmt: skip
# The first is held by the test of all surfaces; `above` is read by predictor and comparison.
ABOVE = (f"test.above_baseline.{metric}.above" for metric in ("accuracy", "balanced_accuracy"))
ELSEWHERE = {"stated.set", "stated.metric", "stated.above", "groups.metric", *ABOVE}


def test_pages_word_the_conclusions_of_the_data_whatever_the_numbers_say(changed, monkeypatch):
    given = {}
    monkeypatch.setattr(
        cards, "write_run_page", lambda path, *more: given.update({path.parent: more})
    )
    with changed_settings(changed) as settings:
        settings["runs"]["made"]["train"]["select_epoch"] = "best"
    monkeypatch.undo()
    folder = changed / "runs/made"
    run, data = given[folder]

    def said(**changes: object) -> str:
        other, content = run, run.metrics.model_dump(by_alias=True)
        for place, value in changes.items():
            *parts, key = place.split(".")
            if parts == ["claims"]:
                other = dataclasses.replace(other, claims=run.claims.assign(**{key: value}))
            else:
                functools.reduce(operator.getitem, parts, content)[key] = value
        other = dataclasses.replace(other, metrics=summary.Summary.model_validate(content))
        cards.write_run_page(folder / "report.html", other, data)
        cards.write_model_card(folder / "model_card.md", other, data)
        return " ".join(plain((folder / page).read_text()) for page in PAGES)

    before = said()
    assert "below the others (9 tested)." in before
    for changes, *words in CASES:
        after = said(**changes)
        assert [one for one in words if one in before or one not in after] == [], changes
    flat = pd.json_normalize(run.metrics.model_dump(by_alias=True)).iloc[0]
    conclusions = {one for one, value in flat.items() if isinstance(value, bool | np.bool_ | str)}
    held = {place for changes, *_ in CASES for place in changes}
    own = {one for one in conclusions - held if not one.startswith("validation.")}
    assert own == ELSEWHERE
