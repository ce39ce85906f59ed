"""Numbers, names and rows as the templates show them: all of their filters but the sentences."""

import json
import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

from renet.common.imdb_wiki import CLASSES

UNDEFINED = "–"


def percentage(fraction: float | None, digits: int = 1) -> str:
    """`92.0 %`, with a no-break space."""
    if fraction is None or pd.isna(fraction):
        return UNDEFINED
    return f"{100 * fraction:.{digits}f}\N{NO-BREAK SPACE}%"


def decimal(value: float | None, digits: int = 3) -> str:
    """`0.833`, with a minus sign, but not before zero."""
    return UNDEFINED if pd.isna(value) else f"{value:z.{digits}f}".replace("-", "\N{MINUS SIGN}")


def interval(bounds: Sequence[float] | None) -> str:
    """`83.7 to 98.0 %`; NaN and None are undefined."""
    if bounds is None or pd.isna(bounds[0]):
        return UNDEFINED
    return f"{100 * bounds[0]:.1f} to {percentage(bounds[1])}"


def points(difference: float) -> str:
    """A difference of fractions in percentage points, `−3.6`; NaN is undefined."""
    return decimal(100 * difference, 1)


def points_interval(bounds: list[float]) -> str:
    """An interval of a difference, in percentage points: `−3.6 to 28.3`; NaN is undefined."""
    return UNDEFINED if pd.isna(bounds[0]) else f"{points(bounds[0])} to {points(bounds[1])}"


def p_value(number: float) -> str:
    """`= 0.012`, or `< 0.001`."""
    return "< 0.001" if number < 0.001 else f"= {number:.3f}"


def counted(count: int, singular: str, plural: str) -> str:
    """`1 face`, `1,200 faces`."""
    return f"{count:,} {singular if count == 1 else plural}"


def capitalised(text: str) -> str:
    """A text that begins with a capital letter; the other letters stay as they are."""
    return text[:1].upper() + text[1:]


def listed(parts: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def group_name(row: Any) -> str:
    """Name of a row of slices.csv: `age 20–29 years`, or of a user's column `glasses: no`."""
    column = row.slice.removeprefix("column ")  # `slices.OWN_COLUMN`
    return f"{column}{'' if column == row.slice else ':'} {row.value}"


def setting(value: object) -> str:
    """A value of the config in a short form: `32, 64`, `block 2, 2 units 256; block …`."""
    if isinstance(value, dict):
        return " ".join(f"{key} {setting(part)}" for key, part in value.items())
    if isinstance(value, list) and value:
        return ("; " if isinstance(value[0], dict) else ", ").join(map(setting, value))
    return value if isinstance(value, str) else json.dumps(value).removesuffix(".0")


def markdown_text(text: str) -> str:
    """A text that is no markup in Markdown, nor the end of a table's cell."""
    return re.sub(r"([\\`*\[\]<>|])", r"\\\1", re.sub(r"\s*[\r\n]\s*", " ", text))


def faces(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table of predictions, with `label`, `predicted` and `confidence` as text."""
    shown, classes = rows.astype(object).where(rows.notna(), None), dict(enumerate(CLASSES))
    return shown.assign(
        label=rows.target.map(classes),
        predicted=(rows.p_male > rows.p_female).astype(int).map(classes),
        confidence=rows[["p_female", "p_male"]].max(axis=1).map(percentage),
    ).to_dict("records")
