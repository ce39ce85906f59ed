"""How many wrong labels the audit finds: labels that others found suspect, and flipped labels.

Reads the data folder of a finished workflow, results/data, and predicts every face out of fold, as
the rules audit_fold and audit do. It then prints precision and recall of the ranking for the faces
of a list (one path a line, of labels that others found suspect), and for labels that it flips.

    python benchmarks/audit.py results/data --suspects suspects.txt --flip 0.05 --folds 3
"""

import argparse
import dataclasses
import logging
import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.append(str(Path(__file__).resolve().parent.parent / "workflow" / "scripts"))

from renet.common import logs
from renet.config.recipe import Recipe
from renet.dataset import hdf5, selections
from renet.dataset.hdf5 import FaceFile
from renet.dataset.splits import SUBSETS
from renet.evaluation import label_audit
from renet.network import inference
from renet.training import run
from renet.training.settings import RunSettings


def out_of_fold(
    stored: list[FaceFile], targets: np.ndarray, fold: np.ndarray, recipe: Recipe
) -> np.ndarray:
    """Probabilities (N, 2) of each face by a network that was trained without its fold.

    Args:
        targets: (N,), which take the place of those in the files.
    """
    probabilities = np.empty((len(targets), 2))
    for number in np.unique(fold):
        held_out = fold == number
        training, others = (
            dataclasses.replace(
                selections.select(stored, np.flatnonzero(chosen)), targets=targets[chosen]
            )
            for chosen in (~held_out, held_out)
        )
        trainer = run.build(RunSettings(train=recipe), run.choose_device(recipe), training, others)
        trainer.run()
        logits = inference.logits(trainer.model, others.pixels, trainer.device, recipe.precision)
        probabilities[held_out] = inference.softmax(logits)
    return probabilities


def report(title: str, ranked: pd.DataFrame, wrong: np.ndarray) -> None:
    """Print precision and recall of the first n for several n, and the precision by chance."""
    counts = sorted({len(wrong), 2 * len(wrong), 4 * len(wrong), int(ranked.suspect.sum())})
    counts = [count for count in counts if 0 < count <= len(ranked)]
    hits = np.isin(ranked.id.to_numpy(), wrong).cumsum()
    rows = [(n, hits[n - 1], hits[n - 1] / n, hits[n - 1] / len(wrong)) for n in counts]
    table = pd.DataFrame(rows, columns=["n", "hits", "precision", "recall"])
    print(f"\n{title}: {len(wrong)} of {len(ranked)} labels are wrong or suspect")
    print(table.to_string(index=False, float_format="{:.2f}".format))
    print(f"by chance the precision would be {len(wrong) / len(ranked):.2f}", flush=True)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("data", type=Path, help="results/data of a finished workflow")
    parser.add_argument("--suspects", type=Path, nargs="*", default=[], help="lists of paths")
    parser.add_argument("--flip", type=float, default=0.05, help="fraction of the labels to flip")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of flipped labels")
    arguments = parser.parse_args()
    logs.start(level=logging.WARNING)
    stored = [hdf5.read(arguments.data / f"{subset}.h5") for subset in SUBSETS]
    samples = pd.concat(
        [
            pd.read_csv(arguments.data / f"{subset}.csv", keep_default_na=False)
            for subset in SUBSETS
        ],
        ignore_index=True,
    )
    targets = samples.target.to_numpy()
    fold = label_audit.folds(samples, arguments.folds, 42)
    epochs = arguments.epochs
    recipe = Recipe(epochs=epochs, validate_every=epochs, precision=arguments.precision)
    if arguments.suspects:
        named = [line for path in arguments.suspects for line in path.read_text().split("\n")]
        ranked = label_audit.rank(samples, out_of_fold(stored, targets, fold, recipe))
        wrong = samples.id[samples.path.isin(named)].to_numpy()
        report("labels that others found suspect", ranked, wrong)
    if arguments.flip:
        random = np.random.default_rng(arguments.seed)
        chosen = random.choice(len(samples), round(arguments.flip * len(samples)), replace=False)
        flipped = targets.copy()
        flipped[chosen] = 1 - flipped[chosen]
        ranked = label_audit.rank(
            samples.assign(target=flipped), out_of_fold(stored, flipped, fold, recipe)
        )
        report("flipped labels", ranked, samples.id[chosen].to_numpy())


if __name__ == "__main__":
    main()
