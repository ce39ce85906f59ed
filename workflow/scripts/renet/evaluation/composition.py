"""The composition of the data set: how many faces of how many people, and of which years."""

import pandas as pd


def summarise(split: pd.DataFrame) -> dict:
    """The composition for metrics.json, from split.csv, at least `subset`, `subject` and `year`.

    The years are those that the .mat files give for the photos (`photo_taken`), None without any.
    """
    years = split.year.dropna()
    return {
        "faces": {subset: int(count) for subset, count in split.subset.value_counts().items()},
        "subjects": int(split.subject.nunique()),
        "first_year": None if years.empty else int(years.min()),
        "last_year": None if years.empty else int(years.max()),
        "without_year": int(split.year.isna().sum()),
    }
