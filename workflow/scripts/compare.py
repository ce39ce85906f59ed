"""Compare all runs on the test set and on each external set.

Reads: inference.csv of each run and set, split.csv, and the faces of each set.
Writes: comparison.csv (columns: `renet.evaluation.tables.COMPARISON`), the same as JSON with the
number of claims about each set, the faces on which the runs disagree (`DISAGREEMENTS`) with a sheet
of the first of them for each set, and the ROC curves of all runs.
Decides: which differences are significant, by Holm's procedure for all claims about one set: each
run against the reference and against the majority class of the training set, and each recipe of at
least three seeds against that of the reference. Nothing is claimed of other pairs.
"""

import logging
from pathlib import Path
from typing import Literal

import pandas as pd

from renet.common import files, script
from renet.common.imdb_wiki import CLASSES
from renet.dataset import hdf5
from renet.dataset.tables import SPLIT
from renet.evaluation import comparison, comparison_plots
from renet.evaluation.tables import COMPARISON, DISAGREEMENTS, INFERENCE
from renet.pages import galleries

GRID = galleries.Grid(columns=8, side=112)
Metric = Literal["accuracy", "balanced_accuracy", "recall_female", "recall_male"]


def compare(
    inference: list[Path],
    *,
    split: Path,
    table: script.Output,
    reference: str,
    metric: Metric = "balanced_accuracy",
    groups: list[list[str]] = (),
    faces: list[Path],
    as_json: Path,
    curves: Path,
    disagreements: Path,
    sheets: list[Path],
) -> None:
    """Compare all runs on each set.

    Args:
        inference: inference.csv of each run, and of each run and external set, at their places.
        split: split.csv, for the majority class of the training set.
        table: comparison.csv to write.
        reference: the run that the others are compared with.
        metric: what is compared.
        groups: runs that differ in their seeds alone, a list for each recipe.
        faces: HDF5 file of each set, called like the set.
        as_json: comparison.json to write.
        curves: figure of the ROC curves to write.
        disagreements: disagreements.csv to write.
        sheets: a picture to write for each set, disagreements_<set>.jpg.
    """
    sets = read_sets(inference)
    plan = comparison.Plan(reference, metric, groups)
    classes = SPLIT.read(split, ("subset", "target"))
    majority = int(classes.target[classes.subset == "train"].mean() >= 0.5)
    compared, disputed = [], []
    for name, runs in sets.items():
        predictions = comparison.side_by_side(name, runs, majority)
        compared.append(comparison.compare(predictions, plan).assign(set=name))
        first = next(iter(runs.values()))
        rows = comparison.disagreements(predictions, first)
        places = GRID.placed(rows.head(galleries.GALLERY_SIZE))[["x", "y"]]
        disputed.append(rows.join(places).assign(set=name))
        significant = compared[-1].shown.fillna(0).sum()
        logging.info("%s: runs compared: %d, significant: %d", name, len(runs), significant)
    COMPARISON.write(table, compared)
    files.write_json(as_json, comparison.summarise(compared, plan, CLASSES[majority]))
    DISAGREEMENTS.write(disagreements, disputed)
    comparison_plots.ranking_curves(sets, curves)
    stored = {path.stem: hdf5.read(path) for path in faces}
    for path in sheets:
        name = path.stem.removeprefix("disagreements_")
        rows = disputed[list(sets).index(name)].dropna(subset="x")
        GRID.write_faces(path, (stored[name].pixels[row] for row in rows.index))


def read_sets(inference: list[Path]) -> dict[str, dict[str, pd.DataFrame]]:
    """The inference tables by set and run; a file's place says of which run it is."""
    sets: dict[str, dict[str, pd.DataFrame]] = {}
    for path in inference:
        table = INFERENCE.read(path)
        is_external = path.absolute().parent.parent.name == "external"
        run = path.absolute().parents[2 if is_external else 0].name
        sets.setdefault(table.subset.iloc[0], {})[run] = table
    return sets


if __name__ == "__main__":
    script.run(compare)
