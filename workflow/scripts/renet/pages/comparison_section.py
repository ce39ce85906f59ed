"""The comparison of the runs on index.html: significant differences in words, all in tables."""

from typing import Any

import numpy as np
import pandas as pd

from renet.common.imdb_wiki import CLASSES
from renet.config.runs import flatten
from renet.evaluation.tables import ALPHA, BASELINE, FEWEST_SEEDS, POWER, RECIPE, REFERENCE
from renet.pages import metric_tables, phrases, templates
from renet.pages.metric_tables import Metric
from renet.pages.results import RunResults
from renet.pages.templates import PageTable


def section(
    table: pd.DataFrame, disagreements: pd.DataFrame, runs: list[RunResults]
) -> dict | None:
    """The section, from comparison.csv and disagreements.csv; None for one run alone."""
    if len(runs) < 2:
        return None
    reference, metric = _reference_and_metric(table)
    majority = runs[0].metrics["test"]["majority_baseline"]["class"]
    settings = settings_against(reference, runs)
    return {
        "reference": reference,
        "metric": metric.label,
        "level": ALPHA,
        "has_recipes": (table.kind == RECIPE).any(),
        "fewest_seeds": FEWEST_SEEDS,
        "sets": [
            {
                "name": name,
                "described": described(name),
                "findings": findings(of_set, metric, majority),
                "table": _table(of_set, metric, majority, settings),
                "faces": _faces(disagreements[disagreements.set == name]),
                "disagreeing": int((disagreements.set == name).sum()),
            }
            for name, of_set in table.groupby("set", sort=False)
        ],
    }


def _reference_and_metric(table: pd.DataFrame) -> tuple[str, Metric]:
    (metric,) = metric_tables.named(table.metric.iloc[0])
    return table.other[table.kind == REFERENCE].iloc[0], metric


def headline(table: pd.DataFrame) -> tuple[str, str] | None:
    """A row of the head of the page: a heading, and a sentence on the differences on each set.

    A recipe stands for its runs. None for one run alone, which is compared with no other.
    """
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
    """`Test set: slow −2.4 percentage points; no significant difference for again.`"""
    significant, others = _by_significance(rows)
    differences = [
        f"{_claimant(row)} {'+' if row.difference > 0 else ''}{phrases.points(row.difference)}"
        for row in significant
    ]
    parts = [f"{phrases.listed(differences)} percentage points"] if differences else []
    if others:
        parts.append(
            f"no significant difference for {phrases.listed(list(map(_claimant, others)))}"
        )
    return f"{phrases.capitalised(described(name))}: {'; '.join(parts)}."


def _claimant(row: Any) -> str:
    return row.run if row.kind != RECIPE else f"{_name(row.run)} (against {_name(row.other)})"


def _name(runs: str) -> str:
    """A run, or the recipe of several, which have spaces between."""
    return f"the recipe of {_listed(runs)}" if " " in runs else runs


def _listed(runs: str) -> str:
    return phrases.listed(runs.split())


def described(name: str) -> str:
    """A set in words: `test set` or `external set congress`."""
    return "test set" if name == "test" else f"external set {name}"


def findings(of_set: pd.DataFrame, metric: Metric, majority: str) -> list[str]:
    """What differs significantly on one set, as sentences."""
    claims = [of_set[of_set.kind == kind] for kind in (REFERENCE, RECIPE)]
    sentences = []
    for rows in claims:
        significant, others = _by_significance(rows)
        sentences += [_difference(row) for row in significant]
        if names := "; ".join(_name(row.run) for row in others):
            sentences.append(f"No significant difference from {_name(others[0].other)}: {names}.")
    baseline = of_set[of_set.kind == BASELINE]
    better = [row.run for row in _by_significance(baseline)[0] if row.difference > 0]
    others = [name for name in baseline.run if name not in better]
    than = f"significantly better in {metric.label} than always predicting {majority}"
    if better:
        sentences.append(f"{phrases.capitalised(than)}: {phrases.listed(better)}.")
    if others:
        sentences.append(f"Not {than}: {phrases.listed(others)}.")
    return [*sentences, *(sentence for rows in claims for sentence in _smallest(rows))]


def _by_significance(rows: pd.DataFrame) -> tuple[list, list]:
    """The rows of significant differences, and the others.

    A metric that a set does not define, as one of a single class, has no significant difference.
    """
    is_significant = rows.shown.eq(1).fillna(value=False).astype(bool)
    return [*rows[is_significant].itertuples()], [*rows[~is_significant].itertuples()]


def _difference(row: Any) -> str:
    verb = "better" if row.difference > 0 else "worse"
    bounds = sorted(np.sign(row.difference) * np.array([row.low, row.high]))
    sentence = (
        f"{_name(row.run)} is {verb} than {_name(row.other)}: "
        f"{phrases.points(abs(row.difference))} percentage points "
        f"({phrases.points_interval(bounds)}, p {phrases.p_value(row.p_holm)})."
    )
    return phrases.capitalised(sentence) if row.kind == RECIPE else sentence


def _smallest(against: pd.DataFrame) -> list[str]:
    """The smallest differences from the reference, or from its recipe, that can be significant."""
    known = against.detectable[against.detectable > 0]
    if known.empty:
        return []
    base = _name(against.other.iloc[0])
    if known.min() >= 1:
        return [f"This set is too small for any difference from {base} to be significant."]
    least, most = phrases.points(known.min()), phrases.points(known.max())
    most = most if known.max() < 1 else "more than 100"
    span = least if least == most else f"{least} to {most}"
    more = "" if least == most else ", more for runs that disagree more"
    return [
        f"The smallest difference from {base} that would be significant on this set with a "
        f"probability of {100 * POWER:.0f}\N{NO-BREAK SPACE}% is about {span} "
        f"percentage points{more}."
    ]


def settings_against(reference: str, runs: list[RunResults]) -> dict[str, dict[str, str]]:
    """The settings of each run that are not those of the reference, as text."""
    flat = {run.name: flatten(run.settings) for run in runs}
    return {
        name: {
            key: templates.setting(value)
            for key, value in settings.items()
            if flat[reference].get(key) != value
        }
        for name, settings in flat.items()
    }


def _table(
    of_set: pd.DataFrame, metric: Metric, majority: str, settings: dict[str, dict[str, str]]
) -> PageTable:
    has_mcnemar = of_set.p_mcnemar.notna().any()  # not where people have several photos
    rows = [
        [
            _listed(row.run),
            metric.text(row.value),
            f"always {majority}" if row.kind == BASELINE else _listed(row.other),
            metric.text(row.other_value),
            phrases.points(row.difference),
            f"{phrases.points(row.low)} to {phrases.points(row.high)}",
            _p_value(row.p_holm),
            ("significant" if row.shown == 1 else "not significant")
            if pd.notna(row.p_holm)
            else "not tested",
            phrases.points(row.detectable) if row.detectable > 0 else phrases.UNDEFINED,
            *([_p_value(row.p_mcnemar)] if has_mcnemar else []),
            _differing(row, settings),
        ]
        for row in of_set[of_set.kind.isin([REFERENCE, RECIPE, BASELINE])].itertuples()
    ]
    headings = [
        "run", metric.label, "against", metric.label, "difference in points", "95 % interval",
        "p (Holm)", "difference", "smallest detectable",
        *(["p of McNemar"] if has_mcnemar else []), "settings that differ",
    ]  # fmt: skip
    return PageTable(f"All claims about {of_set.set.iloc[0]}", headings, rows, collapsed=True)


def _p_value(number: float) -> str:
    return phrases.UNDEFINED if pd.isna(number) else phrases.p_value(number).removeprefix("= ")


def _differing(row: Any, settings: dict[str, dict[str, str]]) -> str:
    """The settings of a run, or of a recipe, that are not those of the reference."""
    differing = {} if row.kind == BASELINE else settings[row.run.split()[0]]
    left_out = "train.seed" if row.kind == RECIPE else None
    return ", ".join(f"{key}: {value}" for key, value in differing.items() if key != left_out)


def _faces(rows: pd.DataFrame) -> list[dict]:
    """The faces of the picture, on which the runs disagree."""
    return [
        face | {"label": CLASSES[face["target"]], "wrong": _listed(face["wrong"])}
        for face in rows.dropna(subset="x").to_dict("records")
    ]
