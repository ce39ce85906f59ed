"""Evaluate a run from its tables: metrics, slices and figures.

Reads: inference.csv (test), inference_validation.csv and history.csv of a run, and split.csv.
Writes: metrics.json (`renet.evaluation.metrics.summarise` of test and validation set, the
calibration and the check for leakage; schema: workflow/schemas/metrics.schema.yaml), slices.csv
(columns: `renet.evaluation.tables.SLICES`), and the figures of `renet.evaluation.run_figures`.
Decides: the temperature, on the validation set. A split with a person (with `split.by: subject`) or
a photo in two subsets is refused. A network that predicts one class for all faces gives a warning.
"""

import logging
from pathlib import Path
from typing import Literal

from renet.common import files, script
from renet.dataset.tables import SPLIT
from renet.evaluation import calibration, inference_table, leakage, run_plots, slices
from renet.evaluation.metrics import summarise
from renet.evaluation.tables import SLICES
from renet.training.history import HISTORY


def evaluate(
    test: Path,
    validation: Path,
    split: Path,
    history: Path,
    *,
    metrics: script.Output,
    slice_table: Path | None = None,
    figures: list[Path] = (),
    split_by: Literal["subject", "image"] = "subject",
    size: tuple[int, int] = (128, 128),
) -> None:
    """Evaluate a run.

    Args:
        test: inference table of the test set.
        validation: inference table of the validation set.
        split: split.csv.
        history: history.csv.
        metrics: metrics.json to write.
        slice_table: slices.csv to write.
        figures: figures to draw, as <name>.svg.
        split_by: `split.by` of the config.
        size: input size of the network, height and width in pixels.
    """
    predictions, of_validation = map(inference_table.read, (test, validation))
    split_table = SPLIT.read(split, ("subset", "subject", "digest", "target"))
    leaks = leakage.check(split_table, split_by, str(split))
    male_fraction = float(split_table.target[split_table.subset == "train"].mean())
    summary = {
        "test": summarise(predictions, male_fraction),
        "validation": summarise(of_validation, male_fraction),
        "calibration": calibration.temperature_scaling(of_validation, predictions),
        "leakage": leaks,
    }
    in_training_set = leakage.in_training_set(predictions.subject, split_table)
    by_slice = slices.tabulate(predictions, slices.assign(predictions, size, in_training_set))
    evaluation = run_plots.Evaluation(predictions, summary, by_slice, HISTORY.read(history))
    for path in figures:
        run_plots.draw(path.stem, evaluation, path)
    if slice_table:
        SLICES.write(slice_table, by_slice)
    files.write_json(metrics, summary)
    log_summary(summary["test"])


def log_summary(test: dict) -> None:
    """Log the main metrics; the last line is that of the course's script."""
    if test["constant_prediction"]:
        logging.warning("The network predicts the same class for every face of the test set.")
    logging.info(
        "Balanced accuracy %.1f%%, majority baseline %.1f%%, n = %d",
        test["balanced_accuracy"] * 100,
        test["majority_baseline"]["accuracy"] * 100,
        test["n"],
    )
    logging.info("Accuracy = %.1f%%", test["accuracy"] * 100)


if __name__ == "__main__":
    script.run(evaluate)
