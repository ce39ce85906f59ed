"""Slices by columns of the tables of photos that the config names under `slices`."""

from pathlib import Path

import pandas as pd

from renet.common.imdb_wiki import TABLE
from renet.evaluation.slices import OWN_COLUMN, UNKNOWN
from renet.metadata import own_photos

MOST_VALUES, OTHER = 20, "other"


def add(predictions: pd.DataFrame, rows: pd.Series, slices: dict[str, dict]) -> pd.DataFrame:
    """An inference table with a column `OWN_COLUMN` + name for each column of the users' tables.

    A field is `UNKNOWN` if it is empty, and `OTHER` if it is none of the most frequent values.

    Args:
        rows: row in the metadata of its source, by the id of the face.
        slices: of each source, as from `renet.config.sources.sliced`.
    """
    parts = []
    for source, given in slices.items():
        faces = predictions[predictions.source == source]
        files = list(map(Path, given["tables"]))
        labels = own_photos.Labels(**given["labels"])
        written = own_photos.written(files, labels, faces.path, given["slices"])
        if files and given["database"] == TABLE:  # a photo can have several rows
            found = written.iloc[rows[faces.id]]
        else:
            paths = written.path.map(own_photos.plain)
            found = written.set_index(paths)[~paths.duplicated().to_numpy()].reindex(faces.path)
        parts.append(found[given["slices"]].set_axis(faces.index).add_prefix(OWN_COLUMN))
    values = pd.concat(parts).reindex(predictions.index).fillna("")
    return predictions.join(values.apply(_most_frequent))


def _most_frequent(values: pd.Series) -> pd.Series:
    counts = values[values != ""].value_counts().sort_index()
    kept = counts.nlargest(MOST_VALUES).index  # the first ones of equal counts
    return values.where(values.isin([*kept, ""]), OTHER).replace("", UNKNOWN)
