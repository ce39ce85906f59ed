"""Slices by the columns of a user's own table of photos that the config names under `slices`."""

from pathlib import Path

import pandas as pd

from renet.common import user_tables
from renet.evaluation.slices import OWN_COLUMN, UNKNOWN
from renet.metadata.own_photos import OPTIONAL, REQUIRED

MOST_VALUES, OTHER = 20, "other"


def add(
    predictions: pd.DataFrame, rows: pd.Series, tables: list[Path], columns: list[str]
) -> pd.DataFrame:
    """An inference table with a column `OWN_COLUMN` + name for each column of the users' tables.

    Args:
        rows: row in the metadata of its source, by the id of the face.
        tables: of each source that `columns` names, in their order.
        columns: source and name of each, `own:skin_type`.

    Returns:
        Text: `UNKNOWN` where a field is empty or the source lacks the column, and `OTHER` for all
        but the `MOST_VALUES` values with the most faces.
    """
    names: dict[str, list[str]] = {}
    for source, _, name in (column.partition(":") for column in columns):
        names.setdefault(source, []).append(name)
    parts = []
    for (source, of_source), table in zip(names.items(), tables, strict=True):
        faces = predictions[predictions.source == source]
        written = user_tables.read(table, [*REQUIRED, *of_source], OPTIONAL)[of_source]
        written = written.iloc[rows[faces.id]].set_axis(faces.index)
        parts.append(written.add_prefix(OWN_COLUMN))
    values = pd.concat(parts).reindex(predictions.index).fillna("")
    return predictions.join(values.apply(_most_frequent))


def _most_frequent(values: pd.Series) -> pd.Series:
    counts = values[values != ""].value_counts().sort_index()
    kept = counts.sort_values(ascending=False, kind="stable").index[:MOST_VALUES]
    return values.where(values.isin([*kept, ""]), OTHER).replace("", UNKNOWN)
