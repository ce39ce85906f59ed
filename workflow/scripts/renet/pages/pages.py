"""The HTML pages of the results: one for each run, and the first page over all of them.

They need neither a server nor a network, and hold no dates, so that the same results make the same
pages. Styles and scripts are in the page; pictures and the rows of the faces lie beside it.

The charts are matplotlib's SVG: a browser without JavaScript, a printer and Snakemake's report show
them too. The table of all faces is a script of its own (templates/faces.js): grids that hold 50,000
rows, like Tabulator, are some 400 kB in each page and make an object for every row.
"""

from pathlib import Path

import jinja2
import pandas as pd
import yaml

from renet.common import files
from renet.common.imdb_wiki import CLASSES
from renet.pages import phrases, run_comparison

TEMPLATES = Path(__file__).with_name("templates")
TITLE = "Gender classification with a ReNet-style network"
HEADLINE = ("accuracy", "balanced accuracy", "recall of female", "recall of male", "log-loss")
COMPARED = (
    "accuracy", "balanced accuracy", "Matthews' correlation (MCC)", "area under ROC", "log-loss",
    "calibration error (ECE)",
)  # fmt: skip
CONTENTS = [
    ("figures", "figures"), ("training", "training"), ("confusion", "confusion matrix"),
    ("ranking", "ROC"), ("calibration", "calibration"), ("slices", "slices"),
    ("mistakes", "mistakes"), ("hard", "hard cases"), ("saliency", "where it looks"),
    ("faces", "all faces"), ("data", "data"), ("use", "use"), ("settings", "settings"),
    ("files", "files"),
]  # fmt: skip
FACE_COLUMNS = [  # of the table of all faces: the script's name, the heading, whether it is text
    ("photo", "photo", False), ("id", "number", True), ("person", "person", True),
    ("recorded", "recorded", False), ("answer", "answer", False), ("correct", "right", False),
    ("confidence", "confidence", False), ("age", "age", False), ("year", "year", False),
    ("score", "face score", False), ("crop", "crop", False), ("path", "path", True),
]  # fmt: skip


def _read(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def environment() -> jinja2.Environment:
    """How templates are filled in: HTML is escaped, a value that is missing is an error."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=lambda name: name is not None and ".html" in name,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"beside": _read}
    return made


def _write(template: str, path: str | Path, **values: object) -> None:
    files.write_text(path, environment().get_template(template).render(**values))


def write_run(path: str | Path, name: str, run: dict, data: dict) -> None:
    """Write the page of one run.

    Args:
        run: its `metrics` and `model` (as in the JSON files), `history`, `slices`, `gallery` and
            `saliency` (tables) and `settings`.
        data: `config` (its sections about the data), `funnel` (table) and `archives` (receipts).
    """
    metrics, gallery = run["metrics"], run["gallery"]
    _write(
        "run.html.j2",
        path,
        title=f"Run {name}",
        data=data["config"],
        contents=CONTENTS,
        model=run["model"],
        test=metrics["test"],
        leakage=metrics["leakage"],
        headline=[*_figures(metrics["test"], HEADLINE), _baseline(metrics["test"])],
        figures=phrases.all_figures(metrics),
        **_training(run["history"]),
        confusion_alt=phrases.confusion(metrics["test"]),
        ranking_alt=phrases.ranking(metrics["test"]),
        calibration=phrases.calibration_rows(metrics),
        calibration_text=phrases.calibration(metrics),
        **_slices(run["slices"]),
        mistakes=_faces(gallery[gallery.gallery == "mistakes"]),
        hard_cases=_faces(gallery[gallery.gallery == "hard_cases"]),
        explained=_faces(run["saliency"]),
        face_columns=FACE_COLUMNS,
        funnel_alt=phrases.funnel(data["funnel"]),
        archives=data["archives"],
        settings=yaml.safe_dump({**run["settings"], "data": data["config"]}, sort_keys=False),
    )


def _figures(summary: dict, names: tuple[str, ...]) -> list[dict]:
    by_name = {entry[2]: entry for entry in phrases.FIGURES}
    return [phrases.figure(summary, *by_name[name]) for name in names]


def _baseline(test: dict) -> dict:
    baseline = test["majority_baseline"]
    text = phrases.percent(baseline["accuracy"])
    return {"name": f"accuracy of always answering {baseline['class']}", "text": text,
            "interval": ""}  # fmt: skip


def _training(history: pd.DataFrame) -> dict:
    rows = [
        [f"{value:.4g}" if value == value else phrases.NOTHING for value in row]
        for row in history.itertuples(index=False)
    ]
    headings = [column.replace("_", " ") for column in history.columns]
    return {"history": rows, "history_headings": headings, "curve_alt": phrases.curve(history)}


def _slices(table: pd.DataFrame) -> dict:
    rows = [
        [
            f"{row.slice}: {row.value}",
            f"{row.n:,}",
            f"{row.subjects:,}",
            phrases.percent(row.accuracy),
            phrases.span([row.subjects_low, row.subjects_high], True),
            phrases.span([row.wilson_low, row.wilson_high], True),
            phrases.percent(row.recall_female),
            phrases.percent(row.recall_male),
            phrases.percent(row.majority_baseline),
        ]
        for row in table.itertuples()
    ]
    headings = [
        "slice", "faces", "people", "accuracy", "bootstrap over people", "Wilson",
        "recall of female", "recall of male", "its majority class",
    ]  # fmt: skip
    return {"slices": rows, "slices_headings": headings, "slices_text": phrases.slices(table)}


def _faces(rows: pd.DataFrame) -> list[dict]:
    """What the page says of each face of a gallery."""
    return [
        {
            **row,
            "recorded": CLASSES[row["target"]],
            "answer": CLASSES[row["predicted"]],
            "sure": phrases.percent(max(row["p_female"], row["p_male"])),
            "age": "" if row["age"] != row["age"] else f"{row['age']:.0f}",
        }
        for row in rows.to_dict("records")
    ]


def write_index(path: str | Path, runs: dict[str, dict], data: dict) -> None:
    """Write the page over all runs; the arguments are as for `write_run`."""
    pivot = data["funnel"].pivot(index="step", columns="source", values="remaining")
    pivot = pivot.loc[data["funnel"].step.drop_duplicates(), data["config"]["sources"]]
    counts = pivot.fillna(0).astype(int)
    tests = {name: run["metrics"]["test"] for name, run in runs.items()}
    _write(
        "index.html.j2",
        path,
        title=TITLE,
        data=data["config"],
        one_class=[name for name, test in tests.items() if test["answers_one_class"]],
        columns=COMPARED,
        runs=[{"name": name, "figures": _figures(test, COMPARED)} for name, test in tests.items()],
        summaries=[*_over_seeds(runs), _baseline_row(next(iter(tests.values())))],
        curves_alt=" ".join(f"{name}: {phrases.curve(run['history'])}" for name, run in
                            runs.items()),
        differences=run_comparison.differences(runs),
        funnel=[[step.replace("_", " "), *map("{:,}".format, row)] for step, row in
                zip(counts.index, counts.to_numpy(), strict=True)],
        funnel_headings=["step", *counts.columns],
        funnel_alt=phrases.funnel(data["funnel"]),
    )  # fmt: skip


def write_audit(
    path: str | Path, labels: pd.DataFrame, shown: pd.DataFrame, folds: int, sources: list[str]
) -> None:
    """Write the page of the audit.

    Args:
        labels: all labels, as from `audit.rank`.
        shown: the first of them, with `x` and `y`, the places of their tiles in suspects.jpg.
        folds: how many networks judged.
        sources: of the faces.
    """
    suspect = labels.suspect == 1
    by_class = [
        [name, f"{len(ours):,}", f"{ours.suspect.sum():,}", phrases.percent(ours.suspect.mean())]
        for target, name in enumerate(CLASSES)
        for ours in [labels[labels.target == target]]
        if len(ours)
    ]
    _write(
        "audit.html.j2",
        path,
        title="Audit of the labels",
        data={"sources": sources},
        labels=len(labels),
        suspects=int(suspect.sum()),
        folds=folds,
        by_class=by_class,
        faces=[_doubtful_face(row) for row in shown.to_dict("records")],
    )


def _doubtful_face(row: dict) -> dict:
    others, share = int(row["person_photos"]) - 1, row["person_disagreement"]
    answer = int(row["p_male"] > row["p_female"])
    return {
        "id": row["id"],
        "x": row["x"],
        "y": row["y"],
        "recorded": CLASSES[row["target"]],
        "answer": CLASSES[answer],
        "sure": phrases.percent(max(row["p_female"], row["p_male"])),
        "disagreement": f"{round(share * others)} of {others} other photos of the person are "
        "recorded otherwise"
        if others
        else "",
    }


def _over_seeds(runs: dict[str, dict]) -> list[dict]:
    """Mean and standard deviation of each group of runs that differ by their seed alone."""
    rows = []
    for names in run_comparison.seed_groups(runs):
        columns = zip(
            *(_figures(runs[name]["metrics"]["test"], COMPARED) for name in names), strict=True
        )
        rows.append(
            {
                "name": f"mean ± standard deviation of {len(names)} seeds: {', '.join(names)}",
                "figures": [_mean_figure(one) for one in columns],
            }
        )
    return rows


def _mean_figure(figures: tuple[dict, ...]) -> dict:
    values = [figure["value"] for figure in figures]
    if None in values:
        return {"value": None, "text": phrases.NOTHING, "interval": ""}
    mean, deviation = run_comparison.mean_and_deviation(values)
    share = figures[0]["share"]
    text = f"{phrases.either(mean, share)} ± {phrases.either(deviation, share)}"
    return {"value": mean, "text": text, "interval": ""}


def _baseline_row(test: dict) -> dict:
    baseline = test["majority_baseline"] | {"intervals": {}}
    return {"name": f"always {baseline['class']}", "figures": _figures(baseline, COMPARED)}
