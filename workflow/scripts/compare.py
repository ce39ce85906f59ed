"""Compare all runs on each test set, and with the best one on the validation set.

Reads: the predictions of each run on these sets, and the out-of-fold ones of runs with folds.
Writes: comparison.csv (`renet.evaluation.tables.COMPARISON`).
Decides: which differences are significant (`renet.evaluation.comparison`), and the best run: on the
out-of-fold predictions where all runs have folds; where some have, on the faces of the validation
set alone, so that all runs are compared on the same faces.
"""

import logging
from pathlib import Path
from typing import Literal

import pandas as pd
from sklearn.metrics import log_loss

from renet.common import script
from renet.evaluation import comparison
from renet.evaluation.inference_table import INFERENCE, OUT_OF_FOLD
from renet.evaluation.tables import COMPARISON


def compare(
    inference: list[Path],
    names: list[str],  # the run of each of these files
    table: Path,
    reference: str,
    metric: Literal["accuracy", "balanced_accuracy"] = "balanced_accuracy",
    groups: list[list[str]] = (),  # the runs of each recipe, which differ in their seeds
) -> None:
    """Compare all runs on each test set and on the validation set."""
    read: dict[str, dict[str, pd.DataFrame]] = {}  # by set and run
    for path, run in zip(inference, names, strict=True):
        predictions = INFERENCE.read(path)
        read.setdefault(predictions.subset.iloc[0], {})[run] = predictions
    best = against_best(*validated(read), metric)
    compared = []
    for name, runs in read.items():
        if name == "validation" or (name == OUT_OF_FOLD and len(runs) == 1):
            continue
        added = comparison.side_by_side(name, runs, metric)
        against = reference if reference in runs else next(iter(runs))
        rows = comparison.compare(added, against, metric, groups)
        compared.append(rows.assign(set=name))
        significant = compared[-1].significant.fillna(0).sum()
        logging.info("%s: runs compared: %d, significant: %d", name, len(runs), significant)
    COMPARISON.write(table, [*compared, best])


def validated(sets: dict[str, dict[str, pd.DataFrame]]) -> tuple[str, dict[str, pd.DataFrame]]:
    """The set that chooses the best run, and the inference table of each run on the same faces."""
    with_folds, others = sets.get(OUT_OF_FOLD, {}), sets.get("validation", {})
    if not others:
        return OUT_OF_FOLD, with_folds
    ids = next(iter(others.values())).id
    parts = {run: table[table.id.isin(ids)] for run, table in with_folds.items()}
    tables = others | {run: table.reset_index(drop=True) for run, table in parts.items()}
    return "validation", {run: tables[run] for run in sets["test"]}


def against_best(name: str, runs: dict[str, pd.DataFrame], metric: str) -> pd.DataFrame:
    """The table `COMPARISON` of the set that chooses, from the inference table of each run."""
    added = comparison.side_by_side(name, runs, metric)
    losses = {
        run: log_loss(table.target, table.p_male, labels=[0, 1]) for run, table in runs.items()
    }
    chosen = comparison.best(added.sum(), losses)
    return comparison.against_best(added, chosen, metric).assign(set=name)


if __name__ == "__main__":
    script.run(compare)
