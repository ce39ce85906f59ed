"""The comparison of the runs on index.html: which differences are shown, in words and tables."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from renet.common.imdb_wiki import CLASSES
from renet.config import runs as runs_config
from renet.evaluation.tables import ALPHA, BASELINE, FEWEST_SEEDS, POWER, RECIPE, REFERENCE
from renet.pages import metric_tables, phrases, templates
from renet.pages.results import RunResults
from renet.pages.templates import PageTable

CLAIMS = {REFERENCE: "reference", RECIPE: "recipe", BASELINE: "majority class"}


@dataclass(frozen=True)
class OfSet:
    """What is said of one set."""

    name: str
    described: str
    findings: list[str]
    table: PageTable
    faces: list[dict]  # on which the runs disagree, with `x` and `y` in their picture
    disagreeing: int


@dataclass(frozen=True)
class Section:
    """The section of the page."""

    reference: str
    metric: str
    sets: list[OfSet]
    level: float  # of the tests
    about: str  # what the claims are about


def section(
    table: pd.DataFrame, disagreements: pd.DataFrame, runs: list[RunResults]
) -> Section | None:
    """The section, from comparison.csv and disagreements.csv; None for one run alone."""
    if len(runs) < 2:
        return None
    table = _decided(table)
    reference, metric = _reference_and_metric(table)
    majority = runs[0].metrics["test"]["majority_baseline"]["class"]
    settings = settings_against(reference, runs)
    sets = [
        OfSet(
            name=name,
            described=described(name),
            findings=findings(of_set, majority),
            table=_table(of_set, metric, majority, settings),
            faces=_faces(disagreements[disagreements.set == name]),
            disagreeing=int((disagreements.set == name).sum()),
        )
        for name, of_set in table.groupby("set", sort=False)
    ]
    return Section(reference, metric.label, sets, ALPHA, about(table))


def _reference_and_metric(table: pd.DataFrame) -> tuple[str, metric_tables.Metric]:
    (metric,) = metric_tables.named(table.metric.iloc[0])
    return table.other[table.kind == REFERENCE].iloc[0], metric


def _decided(table: pd.DataFrame) -> pd.DataFrame:
    """The table with nothing shown where a metric is not defined, as of a set of one class."""
    return table.assign(shown=table.shown.fillna(0))


def about(table: pd.DataFrame) -> str:
    """What the claims are about: trained models, or their recipes too."""
    if (table.kind == RECIPE).any():
        return (
            "A recipe is a group of runs that differ in their seeds alone. The claims about "
            "recipes also hold for other seeds. Their intervals are over people and seeds, and "
            "their p-values are those of Student's t-test. The other claims are about the trained "
            "models."
        )
    return (
        "The claims are about the trained models. Another seed of the same recipe can give another "
        f"result: a claim about a recipe needs {FEWEST_SEEDS} seeds of it and of the "
        "reference (the key seeds of a run in the config)."
    )


def headline(table: pd.DataFrame) -> tuple[str, str] | None:
    """A row of the head of the page: a heading, and a sentence on what is shown on each set.

    A recipe stands for its runs. None for one run alone, which is compared with no other.
    """
    table = _decided(table)
    claims = table[table.kind.isin([REFERENCE, RECIPE])]
    if claims.empty:
        return None
    of_recipes = {name for runs in claims.run[claims.kind == RECIPE] for name in runs.split()}
    claims = claims[~((claims.kind == REFERENCE) & claims.run.isin(of_recipes))]
    reference, metric = _reference_and_metric(table)
    label = f"{phrases.capitalised(metric.label)} against {reference}"
    sets = claims.groupby("set", sort=False)
    return label, " ".join(_differences_of_set(name, rows) for name, rows in sets)


def _differences_of_set(name: str, rows: pd.DataFrame) -> str:
    """`Test set: slow −2.4 percentage points; no difference shown for again.`"""
    shown = [
        f"{_claimant(row)} {'+' if row.difference > 0 else ''}{phrases.points(row.difference)}"
        for row in _of_verdict(rows, shown=True)
    ]
    others = [_claimant(row) for row in _of_verdict(rows, shown=False)]
    parts = [f"{phrases.listed(shown)} percentage points"] if shown else []
    if others:
        parts.append(f"no difference shown for {phrases.listed(others)}")
    return f"{phrases.capitalised(described(name))}: {'; '.join(parts)}."


def _claimant(row: Any) -> str:
    if row.kind != RECIPE:
        return row.run
    return f"the recipe of {_names(row.run)} (against that of {_names(row.other)})"


def described(name: str) -> str:
    """A set in words: `test set` or `external set congress`."""
    return "test set" if name == "test" else f"external set {name}"


def findings(of_set: pd.DataFrame, majority: str) -> list[str]:
    """What is shown on one set, as sentences."""
    against = of_set[of_set.kind == REFERENCE]
    recipes = of_set[of_set.kind == RECIPE]
    baseline = of_set[of_set.kind == BASELINE]
    sentences = [_shown(row, row.run, row.other) for row in _of_verdict(against, shown=True)]
    if names := [row.run for row in _of_verdict(against, shown=False)]:
        reference = against.other.iloc[0]
        sentences.append(f"No difference from {reference} is shown for {phrases.listed(names)}.")
    for row in recipes.itertuples():
        recipe, base = f"The recipe of {_names(row.run)}", f"that of {_names(row.other)}"
        sentences.append(
            _shown(row, recipe, base)
            if row.shown == 1
            else f"No difference between the recipes of {_names(row.run)} and of "
            f"{_names(row.other)} is shown."
        )
    better = [row.run for row in _of_verdict(baseline, shown=True) if row.difference > 0]
    others = [name for name in baseline.run if name not in better]
    (metric,) = metric_tables.named(of_set.metric.iloc[0])
    than = f"better in {metric.label} than always predicting {majority}"
    if better:
        sentences.append(f"Shown to be {than}: {phrases.listed(better)}.")
    if others:
        sentences.append(f"Not shown to be {than}: {phrases.listed(others)}.")
    return [*sentences, *_smallest(against), *_smallest(recipes)]


def _of_verdict(rows: pd.DataFrame, *, shown: bool) -> list:
    return [row for row in rows.itertuples() if (row.shown == 1) == shown]


def _shown(row: Any, run: str, other: str) -> str:
    verb = "better" if row.difference > 0 else "worse"
    bounds = sorted(np.sign(row.difference) * np.array([row.low, row.high]))
    return (
        f"{run} is {verb} than {other}: {phrases.points(abs(row.difference))} percentage points "
        f"({phrases.points_interval(bounds)}, p {_p_value(row.p_holm)})."
    )


def _smallest(against: pd.DataFrame) -> list[str]:
    """The smallest differences from the reference, or from its recipe, that the set could show."""
    known = against.detectable[against.detectable > 0]
    if known.empty:
        return []
    other = against.other.iloc[0]
    base = other if (against.kind == REFERENCE).all() else f"the recipe of {_names(other)}"
    if known.min() >= 1:
        return [f"This set is too small to show any difference from {base}."]
    least, most = phrases.points(known.min()), phrases.points(known.max())
    most = most if known.max() < 1 else "more than 100"
    span = least if least == most else f"{least} to {most}"
    more = "" if least == most else ", more for runs that disagree more"
    return [
        f"The smallest difference from {base} that this set would show with a "
        f"probability of {100 * POWER:.0f}\N{NO-BREAK SPACE}% is about {span} "
        f"percentage points{more}."
    ]


def _p_value(number: float) -> str:
    return "< 0.001" if number < 0.001 else f"= {number:.3f}"


def _in_table(p_value: float) -> str:
    return phrases.UNDEFINED if pd.isna(p_value) else _p_value(p_value).removeprefix("= ")


def _names(runs: str) -> str:
    return phrases.listed(runs.split())


def settings_against(reference: str, runs: list[RunResults]) -> dict[str, str]:
    """The settings of each run that are not those of the reference."""
    flat = {run.name: runs_config.flatten(run.settings) for run in runs}
    return {
        name: ", ".join(
            f"{key}: {templates.setting(value)}"
            for key, value in of_run.items()
            if flat[reference].get(key) != value
        )
        for name, of_run in flat.items()
    }


def _table(
    of_set: pd.DataFrame, metric: metric_tables.Metric, majority: str, settings: dict[str, str]
) -> PageTable:
    rows = []
    for row in of_set[of_set.kind.isin(CLAIMS)].itertuples():
        other = f"always {majority}" if row.kind == BASELINE else _names(row.other)
        verdict = "shown" if row.shown == 1 else "not shown"
        rows.append(
            [
                _names(row.run),
                metric.text(row.value),
                other,
                metric.text(row.other_value),
                phrases.points(row.difference),
                f"{phrases.points(row.low)} to {phrases.points(row.high)}",
                _in_table(row.p_holm),
                "not tested" if pd.isna(row.p_holm) else verdict,
                phrases.points(row.detectable) if row.detectable > 0 else phrases.UNDEFINED,
                _in_table(row.p_mcnemar),
                _differing(row, settings),
            ]
        )
    headings = [
        "run", metric.label, "against", metric.label, "difference in points", "95 % interval",
        "p (Holm)", "difference", "smallest detectable", "p of McNemar", "settings that differ",
    ]  # fmt: skip
    if of_set.p_mcnemar.isna().all():  # people have several photos
        column = headings.index("p of McNemar")
        rows = [row[:column] + row[column + 1 :] for row in rows]
        headings.remove("p of McNemar")
    return PageTable(f"All claims about {of_set.set.iloc[0]}", headings, rows, collapsed=True)


def _differing(row: Any, settings: dict[str, str]) -> str:
    """The settings of a run, or of a recipe, that are not those of the reference."""
    if row.kind == BASELINE:
        return ""
    parts = settings[row.run.split()[0]].split(", ")
    is_recipe = row.kind == RECIPE
    return ", ".join(part for part in parts if not (is_recipe and part.startswith("train.seed:")))


def _faces(rows: pd.DataFrame) -> list[dict]:
    """The faces of the picture, on which the runs disagree."""
    return [
        face | {"label": CLASSES[face["target"]], "wrong": _names(face["wrong"])}
        for face in rows.dropna(subset="x").to_dict("records")
    ]
