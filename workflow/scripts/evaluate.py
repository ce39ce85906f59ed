"""Evaluate a run from its tables: metrics, slices and figures.

Reads: inference.csv (test), inference_validation.csv and history.csv of a run, and split.csv; for
an external test set its inference.csv and the table beside its HDF5 file instead; the users' tables
of photos whose further columns are slices. The out-of-fold predictions of a run with folds stand in
inference_validation.csv, and are evaluated as a set of their own, too.
Writes: metrics.json (`renet.evaluation.metrics.summarise` of test and validation set, the
calibration, the threshold of "unsure", the check for leakage and the composition of the data;
schema: workflow/schemas/metrics.schema.yaml), slices.csv (columns:
`renet.evaluation.tables.SLICES`), the figures of `renet.rules.run_figures`, and a file in
the folder `evaluations`, which is not declared as an output (`renet.records.evaluations`).
For an external set, `test` in metrics.json means this set, and the subsets that are checked for
leakage are training, validation and this set.
Decides: the temperature and the threshold of "unsure", on the validation set. A split that leaks is
refused (`renet.evaluation.leakage`). A network that predicts one class for all faces gives a
warning.
"""

import logging
from pathlib import Path
from typing import Literal

import pandas as pd

from renet.common import files, script
from renet.dataset.tables import SPLIT
from renet.evaluation import leakage, own_slices, run_metrics, run_plots
from renet.evaluation.tables import INFERENCE, OUT_OF_FOLD, SLICES, is_small
from renet.records import evaluations as records
from renet.training.history import HISTORY

SPLIT_COLUMNS = (
    "subset", "source", "path", "subject", "digest", "phash", "target", "year",
)  # fmt: skip


def evaluate(
    run: str,
    test: Path,
    validation: Path,
    split: Path,
    history: Path | None = None,
    *,
    external: Path | None = None,
    model: Path,
    evaluations: Path,
    metrics: Path,
    slice_table: Path,
    figures: list[Path] = (),
    split_by: Literal["subject", "image"] = "subject",
    near_duplicates: bool = True,
    allow_leaks: bool = False,
    own_tables: list[Path] = (),  # of the sources in `slices`
    initial_hashes: Path | None = None,  # training_hashes.npy of the run of the initial weights
    slices: dict = {},  # noqa: B006 - the columns of each source
    max_error: float = 0.02,  # of the predictions that are not "unsure"
    trained_on: list[str] = ("train",),
) -> None:
    """Evaluate a run: write its metrics, slices and figures."""
    predictions = INFERENCE.read(test)
    split_table = SPLIT.read(split, SPLIT_COLUMNS)
    if (name := predictions.subset.iloc[0]) != "test":
        split_table = split_table[split_table.subset != "test"]
    if external:
        faces = SPLIT.read(external, SPLIT_COLUMNS)
        split_table = pd.concat([split_table, faces], ignore_index=True)
    if name != OUT_OF_FOLD:  # which the models of the folds have predicted
        records.record(evaluations, run, model, name)
    if slices:
        rows = SPLIT.read(external or split, ("id", "row")).set_index("id").row
        predictions = own_slices.add(predictions, rows, own_tables, slices)
    file = None if allow_leaks else str(external or split)
    leaks = leakage.check(split_table, split_by, file, near=near_duplicates, trained_on=trained_on)
    subset = split_table.subset.mask(split_table.subset.isin(trained_on), "train")
    summary, by_slice = run_metrics.evaluate(
        predictions, INFERENCE.read(validation), split_table.assign(subset=subset), max_error
    )
    summary["leakage"] = leaks
    if initial_hashes:
        leaks["faces_of_initial_weights"] = known = leakage.count_known(split_table, initial_hashes)
        if sum(known.values()) > sum(known.get(subset, 0) for subset in trained_on):
            counts = ", ".join(f"{count:,} of {subset}" for subset, count in known.items())
            fault = "%s: the initial weights were trained on faces of these subsets: %s."
            logging.warning(fault, metrics.parent, counts)
    epochs = HISTORY.read(history) if history else None
    shown = by_slice[~is_small(by_slice.n, by_slice.effective_people)]
    evaluation = run_plots.Evaluation(predictions, summary, shown, epochs)
    for path in figures:
        run_plots.draw(path.stem, evaluation, path)
    SLICES.write(slice_table, by_slice)
    files.write_json(metrics, summary)
    if summary["test"]["constant_prediction"]:
        logging.warning(
            "%s: the network predicts the same class for every face of the set %s; report.html in "
            "the folder of the run says what may help.",
            metrics.parent, predictions.subset.iloc[0],
        )  # fmt: skip
    log_summary(summary["test"])


def log_summary(test: dict) -> None:
    """Log the main metrics; the last line is that of the course's script."""
    logging.info(
        "Balanced accuracy %.1f%%, majority baseline %.1f%%, n = %d",
        test["balanced_accuracy"] * 100,
        test["majority_baseline"]["accuracy"] * 100,
        test["n"],
    )
    logging.info("Accuracy = %.1f%%", test["accuracy"] * 100)


if __name__ == "__main__":
    script.run(evaluate)
