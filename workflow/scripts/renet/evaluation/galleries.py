"""Which faces of a run are worth a look."""

import pandas as pd

MISTAKES, HARD_CASES = "mistakes", "hard_cases"
LARGEST = 24  # faces a gallery
EXPLAINED = 4  # right and wrong answers each, of which the saliency is drawn


def confidence(answers: pd.DataFrame) -> pd.Series:
    """The probability of the answer, from a half to one."""
    return answers[["p_female", "p_male"]].max(axis=1)


def mistakes(answers: pd.DataFrame, count: int = LARGEST) -> pd.DataFrame:
    """The wrong answers that the network is surest of; some are wrong labels, not wrong answers."""
    return _by_confidence(answers[answers.correct == 0], ascending=False).head(count)


def hard_cases(answers: pd.DataFrame, count: int = LARGEST) -> pd.DataFrame:
    """The right answers that the network is least sure of."""
    return _by_confidence(answers[answers.correct == 1], ascending=True).head(count)


def to_explain(answers: pd.DataFrame, count: int = EXPLAINED) -> pd.DataFrame:
    """The surest right answers, as many of each class, and the surest wrong ones."""
    right = _by_confidence(answers[answers.correct == 1], ascending=False)
    right = right.groupby("target").head(count // 2)
    return pd.concat([right, mistakes(answers, count)])


def _by_confidence(answers: pd.DataFrame, ascending: bool) -> pd.DataFrame:
    order = confidence(answers).sort_values(ascending=ascending, kind="stable").index
    return answers.loc[order]
