"""Compare all runs on each test set, and with the best one on the validation set.

Reads: the predictions of each run on these sets, and the faces of the test sets.
Writes: comparison.csv (columns: `renet.evaluation.tables.COMPARISON`), the faces of each test set
on which the runs disagree (`DISAGREEMENTS`) with a sheet of the first of them, and the ROC curves
of all runs.
Decides: which differences are significant. On the test and external sets, each recipe of at least
three seeds, and each run without them, is compared with that of the reference, by Holm's procedure
for all claims about one set. On the validation set, each run is compared with the best one.
"""

import logging
from pathlib import Path
from typing import Literal

import pandas as pd

from renet.common import script
from renet.dataset import hdf5
from renet.evaluation import calibration, choice, comparison, comparison_plots
from renet.evaluation.tables import COMPARISON, DISAGREEMENTS, INFERENCE
from renet.pages import galleries

GRID = galleries.Grid(columns=8, side=112)
Metric = Literal["accuracy", "balanced_accuracy", "recall_female", "recall_male"]


def compare(
    inference: list[Path],
    *,
    table: script.Output,
    reference: str,
    metric: Metric = "balanced_accuracy",
    groups: list[list[str]] = (),
    faces: list[Path],
    curves: Path,
    disagreements: Path,
    sheets: list[Path],
) -> None:
    """Compare all runs on each set.

    Args:
        inference: inference.csv and inference_validation.csv of each run, and inference.csv of each
            run and external set, at their places.
        table: comparison.csv to write.
        reference: the run that the others are compared with.
        metric: what is compared.
        groups: runs that differ in their seeds alone, a list for each recipe.
        faces: HDF5 file of each test set, called like the set.
        curves: figure of the ROC curves to write.
        disagreements: disagreements.csv to write.
        sheets: a picture to write for each set, disagreements_<set>.jpg.
    """
    sets = read_sets(inference)
    best = against_best(sets.pop("validation"), choice.metric_of(metric))
    plan = comparison.Plan(reference, metric, groups)
    compared, disputed = [], []
    for name, runs in sets.items():
        predictions = comparison.side_by_side(name, runs)
        compared.append(comparison.compare(predictions, plan).assign(set=name))
        first = next(iter(runs.values()))
        rows = comparison.disagreements(predictions, first)
        places = GRID.placed(rows.head(galleries.GALLERY_SIZE))[["x", "y"]]
        disputed.append(rows.join(places).assign(set=name))
        significant = compared[-1].significant.fillna(0).sum()
        logging.info("%s: runs compared: %d, significant: %d", name, len(runs), significant)
    COMPARISON.write(table, [*compared, best])
    DISAGREEMENTS.write(disagreements, disputed)
    comparison_plots.ranking_curves(sets, curves)
    stored = {path.stem: hdf5.read(path) for path in faces}
    for path in sheets:
        name = path.stem.removeprefix("disagreements_")
        rows = disputed[list(sets).index(name)].dropna(subset="x")
        GRID.write_faces(path, (stored[name].pixels[row] for row in rows.index))


def against_best(runs: dict[str, pd.DataFrame], metric: str) -> pd.DataFrame:
    """The table `COMPARISON` of the validation set, from the inference table of each run."""
    predictions = comparison.side_by_side("validation", runs)
    values = comparison.contributions(predictions, metric).sum()
    found = {
        name: {metric: values[name]}
        | calibration.probability_metrics(table.p_male.to_numpy(), table.target.to_numpy())
        for name, table in runs.items()
    }
    chosen = choice.best(found, metric)
    return comparison.against_best(predictions, chosen, metric).assign(set="validation")


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
