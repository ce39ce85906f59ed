"""Metrics of a run on a test set, and the choices on its validation set."""

import pandas as pd

from renet.evaluation import abstention, calibration, conclusions, metrics, slices
from renet.evaluation.inference_table import OUT_OF_FOLD
from renet.metadata import subjects


def evaluate(
    predictions: pd.DataFrame,
    validation: pd.DataFrame,
    split: pd.DataFrame,
    max_error: float,
    metric: str,
) -> tuple[dict, pd.DataFrame, pd.DataFrame]:
    """Return metrics.json without section `leakage`, slices.csv, and the slices of each face.

    Args:
        split: split.csv with the faces of the predictions; training faces have the subset train.
        max_error: highest allowed error rate of the predictions that are not "unsure".
        metric: metric by which slices are compared.
    """
    training = split[split.subset == "train"]
    is_trained_on = predictions.subset == OUT_OF_FOLD  # by the models of other folds
    in_training_set = predictions.subject.isin(training.subject) & ~is_trained_on
    assigned = slices.assign(predictions, in_training_set)
    by_slice = slices.tabulate(predictions, assigned, metric)
    scaling = calibration.temperature_scaling(validation)
    unsure = abstention.summarise(validation, predictions, scaling["temperature"], max_error)
    summary = {
        "data": _composition(split),
        "test": metrics.summarise(predictions),
        "validation": metrics.summarise(validation),
        "groups": conclusions.of_groups(by_slice, metric),
        "calibration": scaling,
        "abstention": unsure,
    }
    return summary, by_slice, assigned


def _composition(split: pd.DataFrame) -> dict:
    """Return section `data` of metrics.json (`summary.Composition`)."""
    years = split.year.dropna()
    return {
        "faces": {subset: int(count) for subset, count in split.subset.value_counts().items()},
        **subjects.counts(split.subject),
        "male_fraction": float(split.target[split.subset == "train"].mean()),
        "first_year": None if years.empty else int(years.min()),
        "last_year": None if years.empty else int(years.max()),
    }
