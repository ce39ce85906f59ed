"""The comparison of the runs on index.html: all claims as a table, and at its head in words."""

from typing import Any

import pandas as pd

from renet.evaluation.tables import ALPHA, BEST, FEWEST_SEEDS, OUT_OF_FOLD
from renet.pages import metric_tables, phrases
from renet.pages.results import RunResults, SetResults
from renet.pages.templates import PageTable

MOST_IN_WORDS = 5  # claims about one set; of more, the head of the page has their number


def section(table: pd.DataFrame, runs: list[RunResults]) -> dict | None:
    """The section, from comparison.csv; None for one run alone."""
    if len(runs) < 2:
        return None
    claims = table[table.kind != BEST]
    heading, _ = headline(table) or ("", "")
    return {
        "heading": heading,
        "level": ALPHA,
        "fewest_seeds": FEWEST_SEEDS,
        "sets": [
            {
                "described": described(name),
                "table": _table(claims[claims.set == name], phrases.few(one.metrics["test"])),
            }
            for name, one in compared_sets(runs).items()
        ],
    }


def compared_sets(runs: list[RunResults]) -> dict[str, SetResults]:
    """The sets on which the runs are compared; the out-of-fold set, if two of them have folds."""
    with_folds = [run.out_of_fold for run in runs if run.out_of_fold]
    return runs[0].sets | ({OUT_OF_FOLD: with_folds[0]} if len(with_folds) > 1 else {})


def headline(table: pd.DataFrame) -> tuple[str, str] | None:
    """A row of the head of the page: a heading, and a sentence on the differences on each set.

    None if nothing is compared.
    """
    claims = table[table.kind != BEST]
    if claims.empty:
        return None
    metric = metric_tables.BY_NAME[claims.metric.iloc[0]]
    label = f"{phrases.capitalised(metric.label)} against {_name(claims.other.iloc[0])}"
    sets = claims.groupby("set", sort=False)
    said = " ".join(_differences_of_set(name, rows) for name, rows in sets)
    if others := sorted(set(claims.other[claims.set == OUT_OF_FOLD]) - {claims.other.iloc[0]}):
        # The reference has no folds.
        said += f" On the {phrases.OUT_OF_FOLD_SET}, the reference is {_name(others[0])}."
    if sets.size().max() > MOST_IN_WORDS:
        return label, said
    return label, f"Percentage points with 95\N{NO-BREAK SPACE}% interval and corrected p. {said}"


def _differences_of_set(name: str, rows: pd.DataFrame) -> str:
    """`Test set: slow −2.4 (−3.0 to −1.9, p < 0.001, significant).`"""
    said = "; ".join(f"{_name(row.run)} {_estimate(row)}" for row in rows.itertuples())
    if len(rows) > MOST_IN_WORDS:
        said = f"{rows.significant.sum()} of {len(rows)} differences are significant"
    return f"{phrases.capitalised(described(name))}: {said}."


def _estimate(row: Any) -> str:
    """`+4.0 (0.7 to 7.3, p = 0.120, not significant)`."""
    if pd.isna(row.p):
        return "not tested"
    corrected = phrases.p_value(row.p_corrected)
    return f"{phrases.gain(row.difference)} ({_interval(row)}, p {corrected}, {_significance(row)})"


def _interval(row: Any) -> str:
    if pd.isna(row.low):
        return "no interval"
    return f"{phrases.points(row.low)} to {phrases.points(row.high)}"


def _significance(row: Any) -> str:
    if pd.isna(row.p):
        return "not tested"
    return "significant" if row.significant else "not significant"


def lead(table: pd.DataFrame) -> str:
    """Over which runs the lead of the best run is not significant on the set that chose it."""
    others = table[table.kind == BEST]
    names = others.run[others.significant != 1].tolist()
    if not names:
        return "the lead over each other run is significant"
    if len(names) > MOST_IN_WORDS:
        return f"the lead over {len(names)} of the other {len(others)} runs is not significant"
    return f"the lead over {phrases.listed(names)} is not significant"


def _name(runs: str) -> str:
    """A run, or the recipe of several, which have spaces between."""
    return f"the recipe of {_listed(runs)}" if " " in runs else runs


def _listed(runs: str) -> str:
    return phrases.listed(runs.split())


def described(name: str) -> str:
    """A set in words: `test set`, `external set congress`."""
    own = ("test", "validation", OUT_OF_FOLD)
    return f"{name.replace('_', '-')} set" if name in own else f"external set {name}"


def _table(of_set: pd.DataFrame, few: str) -> PageTable | None:
    """The claims about one set, folded if it has `few` faces; None if nothing is compared."""
    if of_set.empty:
        return None
    metric = metric_tables.BY_NAME[of_set.metric.iloc[0]]
    rows = [
        [
            _listed(row.run),
            metric.text(row.value),
            metric.text(row.other_value),
            phrases.gain(row.difference),
            _interval(row),
            phrases.UNDEFINED if pd.isna(row.p)
            else phrases.p_value(row.p_corrected).removeprefix("= "),
            _significance(row),
        ]
        for row in of_set.itertuples()
    ]  # fmt: skip
    headings = [
        "run", metric.label, "of the reference", "difference in points",
        "95 % interval, uncorrected", "p, corrected", "significance",
    ]  # fmt: skip
    label = f"All claims about the {described(of_set.set.iloc[0])}"
    return PageTable(label, headings, rows, collapsed=len(rows) > MOST_IN_WORDS or bool(few))
