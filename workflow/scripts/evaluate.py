"""Say how good a run is, from its tables alone: no network is needed.

Reads: inference.csv (test), inference_validation.csv and history.csv of a run, and split.csv.
Writes: metrics.json (`renet.evaluation.metrics.summarise` for test and validation, the calibration,
the check for leakage; described by workflow/schemas/metrics.schema.yaml), slices.csv
(`renet.evaluation.slices.tabulate`), and pictures: learning_curve, confusion_matrix,
ranking_curves, reliability and slices (.svg).
Decides: the temperature, from the validation set. It refuses a split that has a person (with
`split.by: subject`) or the same photo in two subsets; it prints the accuracy on the test set as the
course's script does, and warns of a network that gives one answer to everything.
"""

import argparse
import logging
from pathlib import Path

import pandas as pd

from renet.common import files, logs
from renet.evaluation import inference_table, leakage, metrics, plots, slices

PICTURES = ("learning_curve", "confusion_matrix", "ranking_curves", "reliability", "slices")
NEEDED = (
    "id", "subject", "target", "p_female", "p_male", "predicted", "correct", "age", "year",
    "face_score", "crop_width", "crop_height", "grey", "source",
)  # fmt: skip


def evaluate(
    tables: dict[str, str], output: str, by_slice: str, pictures: dict[str, str], settings: dict
) -> None:
    """Evaluate one run.

    Args:
        tables: paths of `test`, `validation`, `history` and `split`.
        output, by_slice: metrics.json and slices.csv to write.
        pictures: where to write each of `PICTURES`.
        settings: `split_by`, and `size`, the (height, width) that the network takes.
    """
    test, validation = (
        inference_table.read(tables[name], NEEDED) for name in ("test", "validation")
    )
    split = inference_table.read(tables["split"], ("subset", "subject", "digest", "target"))
    kept_apart = leakage.check(split, settings["split_by"], tables["split"])
    male_share = float(split.target[split.subset == leakage.TRAIN].mean())
    figures = {
        "test": metrics.summarise(test, male_share),
        "validation": metrics.summarise(validation, male_share),
        "calibration": metrics.calibrate(validation, test),
        "leakage": kept_apart,
    }
    seen = leakage.seen(test.subject, split)
    by_value = slices.tabulate(test, slices.label(test, settings["size"], seen))
    draw(pictures, figures, test, by_value, pd.read_csv(tables["history"]))
    files.write_text(by_slice, by_value.to_csv(index=False))
    files.write_json(output, figures)
    say(figures["test"])


def draw(
    pictures: dict[str, str],
    figures: dict,
    test: pd.DataFrame,
    by_value: pd.DataFrame,
    history: pd.DataFrame,
) -> None:
    """Draw all pictures."""
    plots.learning_curve(history, pictures["learning_curve"])
    plots.confusion_matrix(figures["test"], pictures["confusion_matrix"])
    plots.ranking_curves(test, pictures["ranking_curves"])
    plots.reliability(test, figures["calibration"]["temperature"], pictures["reliability"])
    plots.forest(by_value, figures["test"]["accuracy"], pictures["slices"])


def say(summary: dict) -> None:
    """Log the figures that matter most."""
    if summary["answers_one_class"]:
        logging.warning("The network gives the same answer to every face of the test set.")
    logging.info(
        "Balanced accuracy %.1f%%, majority baseline %.1f%%, n = %d",
        summary["balanced_accuracy"] * 100,
        summary["majority_baseline"]["accuracy"] * 100,
        summary["n"],
    )
    logging.info("Accuracy = %.1f%%", summary["accuracy"] * 100)


def main() -> None:
    """Evaluate a run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("test", help="inference.csv")
    parser.add_argument("validation", help="inference_validation.csv")
    parser.add_argument("history", help="history.csv")
    parser.add_argument("split", help="split.csv")
    parser.add_argument("-o", "--output", required=True, type=Path, help="folder to write to")
    parser.add_argument("--split-by", choices=["subject", "image"], default="subject")
    parser.add_argument("--size", type=int, nargs=2, default=[128, 128], metavar=("H", "W"),
                        help="what the network takes, in pixels (default: 128 128)")  # fmt: skip
    arguments = parser.parse_args()
    logs.start()
    evaluate(
        {name: getattr(arguments, name) for name in ("test", "validation", "history", "split")},
        arguments.output / "metrics.json",
        arguments.output / "slices.csv",
        {name: arguments.output / f"{name}.svg" for name in PICTURES},
        {"split_by": arguments.split_by, "size": arguments.size},
    )


if __name__ == "__main__":
    if "snakemake" in globals():
        logs.start(snakemake.log[0])
        evaluate(
            dict(snakemake.input.items()),
            snakemake.output.metrics,
            snakemake.output.slice_table,
            {name: snakemake.output[name] for name in PICTURES},
            snakemake.params.settings,
        )
    else:
        main()
