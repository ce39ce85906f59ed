"""Filters of the templates for numbers, names and rows; the filters for sentences are macros."""

import json
import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

from renet.common.imdb_wiki import CLASSES

UNDEFINED = "–"


def percentage(fraction: float | None, digits: int = 1) -> str:
    """Format a fraction as `92.0 %`, with a no-break space, and None or NaN as `–`."""
    if fraction is None or pd.isna(fraction):
        return UNDEFINED
    return f"{100 * fraction:.{digits}f}\N{NO-BREAK SPACE}%"


def decimal(value: float | None, digits: int = 3) -> str:
    """Format a number as `0.833`, a negative number with a minus sign (no `−0.000`), NaN as `–`."""
    return UNDEFINED if pd.isna(value) else f"{value:z.{digits}f}".replace("-", "\N{MINUS SIGN}")


def interval(bounds: Sequence[float] | None) -> str:
    """Format an interval of a fraction as `83.7 to 98.0 %`, and None or NaN as `–`."""
    if bounds is None or pd.isna(bounds[0]):
        return UNDEFINED
    return f"{100 * bounds[0]:.1f} to {percentage(bounds[1])}"


def points(difference: float) -> str:
    """Format a difference of fractions in percentage points as `−3.6`, and NaN as `–`."""
    return decimal(100 * difference, 1)


def points_interval(bounds: list[float]) -> str:
    """Format a difference's interval in percentage points as `−3.6 to 28.3`, and NaN as `–`."""
    return UNDEFINED if pd.isna(bounds[0]) else f"{points(bounds[0])} to {points(bounds[1])}"


def p_value(number: float) -> str:
    """Format a p-value as `= 0.012` or `< 0.001`."""
    return "< 0.001" if number < 0.001 else f"= {number:.3f}"


def counted(count: int, singular: str, plural: str) -> str:
    """Return a count with its noun: `1 face`, `1,200 faces`."""
    return f"{count:,} {singular if count == 1 else plural}"


def capitalised(text: str) -> str:
    """Return a text with its first letter as a capital, and all other letters unchanged."""
    return text[:1].upper() + text[1:]


def listed(parts: list[str]) -> str:
    """Join parts of a sentence: `a, b and c`."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def group_name(row: Any) -> str:
    """Name the slice of a row of slices.csv: `age 20–29 years`, or by a user's column `hat: no`."""
    column = row.slice.removeprefix("column ")  # `slices.OWN_COLUMN`
    return f"{column}{'' if column == row.slice else ':'} {row.value}"


def setting(value: object) -> str:
    """Format a value of the config briefly: `32, 64`, `block 2, 2 units 256; block …`."""
    if isinstance(value, dict):
        return " ".join(f"{key} {setting(part)}" for key, part in value.items())
    if isinstance(value, list) and value:
        return ("; " if isinstance(value[0], dict) else ", ").join(map(setting, value))
    return value if isinstance(value, str) else json.dumps(value).removesuffix(".0")


def markdown_text(text: str) -> str:
    """Escape a text for Markdown, so that it has no markup and does not end a table's cell."""
    return re.sub(r"([\\`*\[\]<>|])", r"\\\1", re.sub(r"\s*[\r\n]\s*", " ", text))


def faces(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows of predictions as dicts, with `label`, `predicted` and `confidence` as text."""
    shown, classes = rows.astype(object).where(rows.notna(), None), dict(enumerate(CLASSES))
    return shown.assign(
        label=rows.target.map(classes),
        predicted=(rows.p_male > rows.p_female).astype(int).map(classes),
        confidence=rows[["p_female", "p_male"]].max(axis=1).map(percentage),
    ).to_dict("records")
