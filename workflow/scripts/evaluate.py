"""Evaluate a run from its tables: metrics, slices and figures.

Reads: model.pt, inference.csv (test), inference_validation.csv and history.csv of a run; split.csv;
training_hashes.npy of the run of the initial weights; for an external set, its inference.csv and
the table beside its HDF5 file; and the users' tables, for slices by their columns. For a run with
folds, inference_validation.csv has the out-of-fold predictions, which are also evaluated as a set.
Writes: metrics.json (`renet.evaluation.summary`; for an external set, `test` is this set),
slices.csv (`renet.evaluation.tables.SLICES`), the figures of `renet.evaluation.run_figures`,
groups.js (the slices of each test face, as a script of the page), and a file in the folder
`evaluations`, which is no declared output (`renet.records.evaluations`).
Decides: the temperature and the threshold of "unsure", on the validation set; and whether the set
`stated.set` of metrics.json is above its baseline. A split that leaks is an error.
"""

import logging
from pathlib import Path

import pandas as pd

from renet.common import script
from renet.common.history import HISTORY
from renet.config.split import SplitSettings
from renet.dataset.tables import SPLIT
from renet.evaluation import conclusions, leakage, run_metrics, run_plots
from renet.evaluation.inference_table import INFERENCE, OUT_OF_FOLD
from renet.evaluation.slices import add_own
from renet.evaluation.summary import ByMetric, Summary, write
from renet.evaluation.tables import FEWEST_PEOPLE, SLICES, SMALL_SLICE
from renet.pages import page_data
from renet.records import evaluations as records

SPLIT_COLUMNS = ("subset", "source", "subject", "digest", "phash", "photo_digest", "target", "year")


def evaluate(
    run: str,
    test: Path,
    validation: Path,
    split: list[Path],  # split.csv, and last the table of the external set
    model: Path,
    evaluations: Path,
    metrics: Path,
    slice_table: Path,
    figures: list[Path],
    split_settings: SplitSettings,
    trained_on: list[str],
    metric: ByMetric,  # `comparison.metric` of the config
    ranked: int,  # number of runs that are ranked on the out-of-fold set
    slices: dict,  # columns and tables of the slices of each source
    max_error: float,  # highest error rate of the predictions that are not "unsure"
    batch_size: int | None,  # of the training; None for a network fitted without batches
    initial_hashes: Path | None,  # training_hashes.npy of the run of the initial weights
    history: Path | None = None,
    groups: Path | None = None,
) -> None:
    predictions = INFERENCE.read(test)
    if (name := predictions.subset.iloc[0]) != OUT_OF_FOLD:  # predicted by other models
        records.record(evaluations, run, model, name)
    if slices:
        rows = SPLIT.read(split[-1], ("id", "row")).set_index("id").row
        predictions = add_own(predictions, rows, slices)
    tables = [SPLIT.read(path, SPLIT_COLUMNS) for path in split]
    if name != "test":
        tables[0] = tables[0][tables[0].subset != "test"]
    samples = pd.concat(tables, ignore_index=True)
    leaks = leakage.check(samples, split_settings, split[-1], trained_on)
    if initial_hashes:
        # Out-of-fold faces must be new to the initial weights, too.
        allowed = [] if name == OUT_OF_FOLD else trained_on
        known = leakage.count_known(samples, initial_hashes, allowed, metrics.parent)
        leaks["faces_of_initial_weights"] = known
    samples["subset"] = samples.subset.mask(samples.subset.isin(trained_on), "train")
    content, by_slice, assigned = run_metrics.evaluate(
        predictions, INFERENCE.read(validation), samples, max_error, metric
    )
    summary = Summary.model_validate(content | {"leakage": leaks})
    epochs = HISTORY.read(history) if history else None
    if epochs is not None:
        summary = conclusions.of_run(summary, epochs, batch_size, metric, ranked)
    evaluation = run_plots.Evaluation(predictions, summary, epochs)
    for path in figures:
        run_plots.draw(path.stem, evaluation, path)
    SLICES.write(slice_table, by_slice)
    if groups:
        values = {name: column.cat.categories.tolist() for name, column in assigned.items()}
        places = {name: column.cat.codes for name, column in assigned.items()}  # in `values`
        page_data.write_table(groups, "renetGroups", places, values=values)
    write(metrics, summary)
    log_summary(summary, name, metric)


def log_summary(summary: Summary, name: str, metric: ByMetric) -> None:
    """Log the main metrics of the set `name`; the last line is as the course's code prints it."""
    test, has_folds = summary.test, summary.calibration.fitted_on == OUT_OF_FOLD
    if test.constant_prediction:
        logging.warning("The network predicts the same class for every face of the set %s.", name)
    if test.small and name == "test" and not has_folds:
        logging.warning(
            "The test set has %d faces (effective number of people: %.1f); metrics of fewer than "
            "%d faces or %d people are very uncertain. Add photos of further people, or evaluate "
            "by cross-validation, as with `runs: {renet: {folds: 5}}`.",
            *(test.n, test.effective_people, SMALL_SLICE, FEWEST_PEOPLE),
        )
    logging.info(
        "%s %.1f%%, majority baseline %.1f%%, n = %d",
        metric.replace("_", " ").capitalize(),
        getattr(test, metric) * 100,
        getattr(test.majority_baseline, metric) * 100,
        test.n,
    )
    logging.info("Accuracy = %.1f%%", test.accuracy * 100)


if __name__ == "__main__":
    script.run(evaluate)
