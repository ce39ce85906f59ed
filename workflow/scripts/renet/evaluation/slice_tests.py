"""Families of tests of the slices: accuracy against the rest of the set, and gap of the genders."""

import numpy as np
import pandas as pd


def corrected(p_values: pd.Series, groups: pd.Series) -> pd.Series:
    """Holm's p-values of a family, by the index of the tests.

    Args:
        p_values: of each slice; NaN if it is not tested.
        groups: what each slice tests; of slices that test the same, only the first is a test.
    """
    tested = p_values.dropna().index
    tests = tested[~groups[tested].duplicated()]
    return pd.Series(holm(p_values[tests].to_numpy()), tests)


def holm(p_values: np.ndarray) -> np.ndarray:
    """The adjusted p-values of Holm's procedure (Scandinavian Journal of Statistics 6, 1979)."""
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(len(p_values))
    divisors = np.arange(len(p_values), 0, -1)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(divisors * p_values[order]))
    return adjusted
