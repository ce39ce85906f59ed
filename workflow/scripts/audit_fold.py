"""Train without one fold of the people, and answer for these.

Reads: train, validation and test HDF5 files with the tables beside them, and a run's settings.
Writes: one row for each face of the fold: id, p_female, p_male.
Decides: nothing; which person is in which fold follows from the split's seed. The network is that
of the last epoch. An interrupted training goes on from its checkpoint, as that of a run does.
"""

import argparse
import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from renet.common import files, logs
from renet.config.architecture import Architecture
from renet.config.recipe import Recipe
from renet.dataset import hdf5, selections
from renet.dataset.hdf5 import FaceFile
from renet.dataset.splits import SUBSETS
from renet.evaluation import inference_table, label_audit
from renet.network import inference
from renet.training import checkpoints, run
from renet.training.trainer import Trainer


def answer_fold(
    face_files: list[str],
    tables: list[str],
    output: str,
    *,
    settings: dict,
    fold: int,
    folds: int,
    seed: int,
    code: str,
) -> None:
    """Write the out-of-fold answers for fold number `fold` (from 1).

    Args:
        settings: the run's sections `model` and `train`.
        seed: of the division into folds.
        code: digest of the code, part of the checkpoint's name.
    """
    stored = [hdf5.read(path) for path in face_files]
    samples = pd.concat(map(inference_table.read, tables))
    held_out = label_audit.folds(samples, folds, seed) == fold - 1
    training, others = (
        selections.select(stored, np.flatnonzero(chosen)) for chosen in (~held_out, held_out)
    )
    folder = Path(output).with_suffix("")  # of this fold alone: others may be training
    trainer = make_trainer(training, others, settings, folder, code)
    trainer.run()
    logits = inference.logits(
        trainer.model, others.pixels, trainer.device, trainer.recipe.precision, progress=True
    )
    probabilities = pd.DataFrame(inference.softmax(logits), columns=label_audit.PROBABILITIES)
    probabilities.insert(0, "id", samples.id[held_out].to_numpy())
    files.write_text(output, probabilities.to_csv(index=False))
    shutil.rmtree(folder, ignore_errors=True)


def make_trainer(
    training: FaceFile, others: FaceFile, settings: dict, folder: Path, code: str
) -> Trainer:
    """A training that looks at the fold that is held out only to report on it at the end."""
    recipe = Recipe(**settings["train"])
    recipe = dataclasses.replace(recipe, keep="last", validate_every=recipe.epochs, processes=1)
    model = run.make_network(training, Architecture(**settings["model"]), recipe.seed)
    path = checkpoints.path_for(folder, settings, code, training.digest, others.digest)
    trainer = Trainer(model, recipe, training, others, checkpoints.Checkpoint(path))
    if content := trainer.checkpoint.load():
        trainer.restore(content)
    return trainer


def main() -> None:
    """Answer for one fold from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("data", type=Path, help="folder of train.h5, train.csv, validation.h5, …")
    parser.add_argument("settings", type=Path, help="YAML file with the keys model and train")
    parser.add_argument("-o", "--output", required=True, metavar="CSV", help="answers to write")
    parser.add_argument("--fold", type=int, required=True, help="number of the fold, from 1")
    parser.add_argument("--folds", type=int, default=5, help="number of folds (default: 5)")
    parser.add_argument("--seed", type=int, default=42, help="of the folds (default: 42)")
    arguments = parser.parse_args()
    if not 1 <= arguments.fold <= arguments.folds or arguments.folds < 2:
        parser.error("--folds must be at least 2, and --fold one of them")
    logs.start()
    answer_fold(
        [str(arguments.data / f"{subset}.h5") for subset in SUBSETS],
        [str(arguments.data / f"{subset}.csv") for subset in SUBSETS],
        arguments.output,
        settings=yaml.safe_load(arguments.settings.read_text(encoding="utf-8")),
        fold=arguments.fold,
        folds=arguments.folds,
        seed=arguments.seed,
        code="",
    )


if __name__ == "__main__":
    if "snakemake" in globals():
        logs.start(snakemake.log[0])
        granted = {} if snakemake.resources.gpu else {"device": "cpu"}
        settings = snakemake.params.settings
        answer_fold(
            snakemake.input.faces,
            snakemake.input.tables,
            snakemake.output[0],
            settings=settings | {"train": settings["train"] | granted},
            fold=int(snakemake.wildcards.fold),
            folds=int(snakemake.wildcards.folds),
            seed=snakemake.params.seed,
            code=snakemake.params.code,
        )
    else:
        main()
