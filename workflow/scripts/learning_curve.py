"""Compute the accuracy by the number of training faces.

Reads: the predictions of each training on a fraction of the training set,
<run>/learning_curve/<fraction>.csv, and the tables of the training and the validation set.
Writes: learning_curve.csv (`renet.evaluation.tables.LEARNING_CURVE`) and its figure.
"""

import logging
from pathlib import Path
from typing import Literal

import pandas as pd

from renet.common import script
from renet.dataset import near_duplicates as near
from renet.dataset import splits
from renet.dataset.tables import SPLIT
from renet.evaluation import inference_table
from renet.evaluation.learning_curve import draw, measured
from renet.evaluation.tables import LEARNING_CURVE


def learning_curve(
    predictions: list[Path],
    points: list[list[str]],  # run and fraction of each file in `predictions`
    train: Path,
    validation: Path,
    table: Path,
    figure: Path,
    by: Literal["subject", "image"],  # whether a fraction has whole people or whole photos
    seed: int,  # of the split, so that larger fractions have all faces of smaller fractions
    near_duplicates: bool,  # whether near-duplicates stay together, too
) -> None:
    faces, samples = SPLIT.read(train), SPLIT.read(validation)
    if near_duplicates:
        faces["copies"] = near.groups([*faces.phash, *samples.phash])[: len(faces)]
    correct, counts = {}, {}
    for path, (run, fraction) in zip(predictions, points, strict=True):
        probabilities = inference_table.out_of_fold(samples, [path])
        correct[run, float(fraction)] = inference_table.build(samples, probabilities).correct
        part = faces[splits.nested(faces, float(fraction), seed, by)]
        counts[float(fraction)] = {"faces": len(part), "subjects": part.subject.nunique()}
    of_runs, of_fractions = pd.DataFrame(correct), pd.DataFrame(counts).T
    tables = [
        measured(of_runs[run].sort_index(axis=1), samples.subject, of_fractions).assign(run=run)
        for run in of_runs.columns.unique(0)
    ]
    for row in pd.concat(tables).itertuples():
        logging.info("%s: %.1f %% with %d faces", row.run, 100 * row.accuracy, row.faces)
    LEARNING_CURVE.write(table, tables)
    draw(LEARNING_CURVE.read(table), figure)


if __name__ == "__main__":
    script.run(learning_curve)
