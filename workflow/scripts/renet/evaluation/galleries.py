"""The faces that a run's galleries and saliency maps show, and the tables of these."""

import pandas as pd

from renet.evaluation.sprites import Grid

GALLERY_SIZE = 24  # faces
EXPLAINED = 4  # correct and wrong predictions each, for the saliency maps


def confidence(predictions: pd.DataFrame) -> pd.Series:
    """The probability of the predicted class, from 0.5 to 1."""
    return predictions[["p_female", "p_male"]].max(axis=1)


def mistakes(predictions: pd.DataFrame, count: int = GALLERY_SIZE) -> pd.DataFrame:
    """The wrong predictions of the highest confidence. Some of them are label errors."""
    return _highest_confidence(predictions[predictions.correct == 0]).head(count)


def hard_cases(predictions: pd.DataFrame, count: int = GALLERY_SIZE) -> pd.DataFrame:
    """The correct predictions of the lowest confidence."""
    correct = predictions[predictions.correct == 1]
    order = confidence(correct).sort_values(kind="stable").index
    return correct.loc[order].head(count)


def to_explain(predictions: pd.DataFrame, count: int = EXPLAINED) -> pd.DataFrame:
    """The highest-confidence correct predictions, `count / 2` of each class, and the mistakes."""
    correct = _highest_confidence(predictions[predictions.correct == 1])
    correct = correct.groupby("target").head(count // 2)
    return pd.concat([correct, mistakes(predictions, count)])


def _highest_confidence(predictions: pd.DataFrame) -> pd.DataFrame:
    order = confidence(predictions).sort_values(ascending=False, kind="stable").index
    return predictions.loc[order]


def tabulate(galleries: dict[str, pd.DataFrame], grid: Grid) -> pd.DataFrame:
    """The table gallery.csv: the predictions of each gallery, `x` and `y` of each tile in it."""
    tables = []
    for name, rows in galleries.items():
        positions = [grid.position(number) for number in range(len(rows))]
        tiles = pd.DataFrame(positions, rows.index, ["x", "y"], dtype=int)
        tiles.insert(0, "gallery", name)
        tables.append(pd.concat([tiles, rows], axis=1))
    return pd.concat(tables)
