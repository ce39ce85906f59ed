"""List the metric of each run on each set, and compare the runs.

Reads: the predictions of each run on the test sets and on the validation set (out-of-fold
predictions for a run with folds); and the metrics of each run on its sets.
Writes: runs.csv and comparison.csv (`RUNS` and `COMPARISON` in `renet.evaluation.tables`).
Decides: which metrics are significantly above the baseline, which differences are significant, and
the best run. If all runs have folds, the best run is chosen on the out-of-fold predictions.
Otherwise, it is chosen on the validation set, so that all runs are compared on the same faces.
"""

import logging
from pathlib import Path
from typing import Literal

import pandas as pd

from renet.common import script
from renet.evaluation import comparison, run_table, summary
from renet.evaluation.inference_table import INFERENCE, OUT_OF_FOLD
from renet.evaluation.tables import COMPARISON, RUNS


def compare(
    inference: list[Path],
    names: list[str],  # run of each file in `inference`
    metrics: list[Path],  # metrics.json of each run
    external: list[Path],  # metrics.json of each run on each external set
    runs: Path,
    table: Path,
    reference: str,
    metric: Literal["accuracy", "balanced_accuracy"],
    groups: list[list[str]],  # groups of runs that differ only in their seeds
) -> None:
    read: dict[str, dict[str, pd.DataFrame]] = {}  # by set and run
    for path, run in zip(inference, names, strict=True):
        predictions = INFERENCE.read(path)
        read.setdefault(predictions.subset.iloc[0], {})[run] = predictions
    ranking_set, same_faces = validated(read)
    added = comparison.side_by_side(ranking_set, same_faces, metric)
    stated, choosing = [], {}
    for (run, faces), path in zip(same_faces.items(), metrics, strict=True):
        own = summary.read(path)
        elsewhere = {  # in external/<set>/ of the run's folder
            file.parent.name: summary.read(file).test
            for file in external
            if file.parents[2] == path.parent
        }
        sets = run_table.summaries(own, elsewhere, ranking_set, faces)
        stated.append(run_table.of_run(run, sets, own.stated.set, metric, len(read["test"])))
        choosing[run] = sets[ranking_set]
    ranked = run_table.rank(choosing, metric)
    compared = []
    for name, of_set in read.items():
        if name == "validation" or (name == OUT_OF_FOLD and len(of_set) == 1):
            continue
        of_faces = comparison.side_by_side(name, of_set, metric)
        against = reference if reference in of_set else next(iter(of_set))
        rows = comparison.compare(of_faces, against, metric, groups)
        compared.append(rows.assign(set=name))
        significant = compared[-1].significant.sum()
        logging.info("%s: runs compared: %d, significant: %d", name, len(of_set), significant)
    best = comparison.against_best(added, ranked[0], metric)
    COMPARISON.write(table, [*compared, best.assign(set=ranking_set)])
    of_runs = pd.concat(stated)
    places = {run: place for place, run in enumerate(ranked, 1)}
    of_runs["rank"] = of_runs.run.map(places).where(of_runs.set == ranking_set)
    RUNS.write(runs, [of_runs, run_table.of_seeds(of_runs, groups)])


def validated(sets: dict[str, dict[str, pd.DataFrame]]) -> tuple[str, dict[str, pd.DataFrame]]:
    """Return the set that chooses the best run, and the runs' predictions of the same faces."""
    with_folds, others = sets.get(OUT_OF_FOLD, {}), sets.get("validation", {})
    if not others:
        return OUT_OF_FOLD, with_folds
    ids = next(iter(others.values())).id
    parts = {run: table[table.id.isin(ids)] for run, table in with_folds.items()}
    tables = others | {run: table.reset_index(drop=True) for run, table in parts.items()}
    return "validation", {run: tables[run] for run in sets["test"]}


if __name__ == "__main__":
    script.run(compare)
