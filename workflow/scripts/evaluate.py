"""Say how good a run is, from its tables alone: no network is needed.

Reads: inference.csv (test), inference_validation.csv and history.csv of a run.
Writes: metrics.json (the figures of `renet.metrics.summarise` for test and validation),
learning_curve.svg and confusion_matrix.svg (test).
Decides: nothing; it prints the accuracy on the test set as the course's script does, and warns of a
network that gives one answer to everything.
"""

import argparse
import logging

import pandas as pd

from renet import files, logs, metrics, plots


def evaluate(
    test: str,
    validation: str,
    history: str,
    output: str,
    learning_curve: str,
    confusion_matrix: str,
) -> None:
    """Evaluate one run."""
    figures = {
        subset: metrics.summarise(pd.read_csv(answers))
        for subset, answers in (("test", test), ("validation", validation))
    }
    plots.learning_curve(pd.read_csv(history), learning_curve)
    plots.confusion_matrix(figures["test"], confusion_matrix)
    files.write_json(output, figures)
    summary = figures["test"]
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
    parser.add_argument("-o", "--output", required=True, metavar="JSON", help="figures to write")
    parser.add_argument("--learning-curve", required=True, metavar="SVG")
    parser.add_argument("--confusion-matrix", required=True, metavar="SVG")
    arguments = parser.parse_args()
    logs.start()
    evaluate(**vars(arguments))


if __name__ == "__main__":
    if "snakemake" in globals():
        logs.start(snakemake.log[0])
        evaluate(
            snakemake.input.test,
            snakemake.input.validation,
            snakemake.input.history,
            snakemake.output.metrics,
            snakemake.output.learning_curve,
            snakemake.output.confusion_matrix,
        )
    else:
        main()
