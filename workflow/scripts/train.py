"""Train the network on train.h5, and leave it with the history of its epochs.

Reads: train.h5 and validation.h5 in neon's layout, and the run's settings.
Writes: model.pt (the network with its architecture), history.csv (loss and accuracy of every epoch,
on the training set while it was learned and on the validation set after it), throughput.csv (what
the clock and the memory said, kept apart so that the other two can be compared byte for byte),
training.json (settings, code, data, machine and packages, for the rule provenance), tensorboard/
(the history for TensorBoard), and with train.save_every models/model_<epoch>.pt.
Decides: nothing beyond the settings. A checkpoint beside model.pt, named by a fingerprint of
settings, code and data, lets an interrupted training go on where it was; it goes when all is done.

Several processes are started here, on one machine or on those of a SLURM job. By hand it takes the
options of the course's main_classify.py under their own names; torchrun can start it in several
processes, on one machine or many.
"""

import argparse
import logging
from pathlib import Path

import h5py

from renet.common import files, logs
from renet.common.errors import InputError
from renet.common.progress import Progress
from renet.config.architecture import Architecture
from renet.config.recipe import Recipe
from renet.dataset import hdf5
from renet.dataset.hdf5 import FaceFile
from renet.network import models
from renet.training import checkpoints, process_group, provenance, run, slurm
from renet.training.process_group import World
from renet.training.run import RunFiles, Snapshots
from renet.training.trainer import HISTORY_COLUMNS, Trainer, to_csv

PRECISION_OF_DATATYPE = {"f32": "float32", "f64": "float64", "bf16": "bfloat16", "tf32": "tf32"}


def train(paths: RunFiles, settings: dict, gpus: int, machines: int, code: str) -> dict:
    """Train one run of the workflow, in as many processes as its settings say.

    Returns the settings that were used.

    Args:
        settings: the run's sections `model` and `train`.
        gpus: what Snakemake grants; none leaves the CPU, whatever the settings say.
        machines: that share the processes.
        code: digest of the code, part of the checkpoint's name.
    """
    recipe = Recipe(**settings["train"])
    if not gpus:
        settings = settings | {"train": settings["train"] | {"device": "cpu"}}
    elif gpus < recipe.processes:
        raise InputError(
            f"train.processes is {recipe.processes} and Snakemake was told of {gpus} GPUs only: "
            f"lower it, or raise --resources gpu={gpus}; gpu=0 computes on the CPU."
        )
    if machines > 1:
        slurm.train(machines, recipe.processes, paths, settings, code)
    else:
        device = settings["train"]["device"]
        process_group.run(recipe.processes, device, run.train, paths, settings, code)
    return settings


def train_by_hand(world: World, arguments: argparse.Namespace) -> None:
    """Train as the course's script does: from --data_root, to --save_path, and test at the end."""
    recipe = Recipe(
        epochs=arguments.epochs,
        batch_size=arguments.batch_size,
        device=device_of(arguments, world),
        precision=PRECISION_OF_DATATYPE[arguments.datatype],
        seed=arguments.rng_seed,
        validate_every=arguments.eval_freq,
        nesterov=arguments.nesterov,
        threads=arguments.threads,
        sync_batchnorm=arguments.sync_batchnorm,
    )
    faces = hdf5.read(Path(arguments.data_root) / "train.h5")
    held_out = find_held_out(Path(arguments.data_root))
    snapshots = Snapshots(arguments.save_path, arguments.serialize, arguments.history)
    content = read_model_file(arguments.model_file) if arguments.model_file else None
    if content:
        model = models.build(content)
    else:
        model = run.make_network(faces, Architecture(), recipe.seed)
    trainer = Trainer(model, recipe, faces, held_out, None, snapshots.save, world)
    if content:
        trainer.restore(content)
    trainer.run()
    accuracy = trainer.validate()[1]
    if world.is_first:
        snapshots.finish(trainer)
        if arguments.output_file:
            write_metrics(Path(arguments.output_file), trainer.history)
        if not arguments.save_path:
            logging.warning("The trained network is not kept: no --save_path was given.")
        print(f"Accuracy = {accuracy * 100:.1f}%")


def device_of(arguments: argparse.Namespace, world: World) -> str:
    """The device that --backend and --device_id name; one GPU each where several train."""
    if arguments.backend == "cpu":
        return "cpu"
    return "cuda" if world.size > 1 else f"cuda:{arguments.device_id}"


def read_model_file(path: str) -> dict:
    """A model with a training's state."""
    content = models.read(path)
    if "training" not in content:
        raise InputError(
            f"{path} holds no state of a training to go on from; files saved by --save_path do."
        )
    return content


def find_held_out(data_root: Path) -> FaceFile:
    """validation.h5 where the folder has one, else test.h5, which is all that the course has."""
    validation = data_root / "validation.h5"
    return hdf5.read(validation if validation.exists() else data_root / "test.h5")


def write_metrics(path: Path, history: list[dict]) -> None:
    """Write the history as CSV, or as one HDF5 dataset a column where the name ends so."""
    if path.suffix not in (".h5", ".hdf5"):
        files.write_text(path, to_csv(history, HISTORY_COLUMNS))
        return
    with files.replacing(path) as temporary, h5py.File(temporary, "w", locking=False) as store:
        for column in HISTORY_COLUMNS:
            values = [float("nan") if row[column] is None else row[column] for row in history]
            store.create_dataset(column, data=values)


def parse_arguments() -> argparse.Namespace:
    """The options of the course's script, as neon's NeonArgparser has them."""
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n", 1)[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("-v", "--verbose", action="count", default=1, help="more -v, more said")
    add("--no_progress_bar", action="store_true", help="suppress the progress bar")
    add("--data_root", default="./results/data", help="folder of train.h5 and test.h5")
    add("-e", "--epochs", type=int, default=10, help="epochs in all, also when going on")
    add("-s", "--save_path", help="file to save the model to")
    add("--serialize", type=int, nargs="?", const=1, default=0, metavar="N",
        help="also save the model every N epochs")  # fmt: skip
    add("--model_file", help="go on from this model, saved by --save_path")
    add("-o", "--output_file", help="metrics of the epochs, as .csv or .h5")
    add("-eval", "--eval_freq", type=int, default=1, help="epochs between two evaluations")
    add("-H", "--history", type=int, default=1, help="number of saved models to keep")
    add("-b", "--backend", choices=["cpu", "gpu"], default="cpu", help="where to compute")
    add("-i", "--device_id", type=int, default=0, help="number of the GPU")
    add("-r", "--rng_seed", type=int, default=1, help="seed of the initial weights")
    add("-d", "--datatype", choices=list(PRECISION_OF_DATATYPE), default="f32", help="precision")
    add("-z", "--batch_size", type=int, default=32, help="batch size")
    add("--nesterov", action="store_true", help="Nesterov's momentum, which neon leaves off")
    add("--sync_batchnorm", action="store_true",
        help="under torchrun, normalise by the statistics of the whole batch")  # fmt: skip
    add("--threads", type=int, default=2, help="threads of torch on a CPU")
    arguments = parser.parse_args()
    for name in ("epochs", "batch_size", "eval_freq", "history", "threads"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name} must be at least 1")
    return arguments


def main() -> None:
    """Train from the command line."""
    arguments = parse_arguments()
    logs.start(level=logging.DEBUG if arguments.verbose > 1 else logging.INFO)
    Progress.off = arguments.no_progress_bar
    with process_group.joined("cpu" if arguments.backend == "cpu" else "cuda") as world:
        train_by_hand(world, arguments)


if __name__ == "__main__":
    if "snakemake" in globals():
        logs.start(snakemake.log[0])
        paths = RunFiles(
            snakemake.input.train,
            snakemake.input.validation,
            snakemake.output.model,
            snakemake.output.history,
            snakemake.output.throughput,
            snakemake.output.events,
        )
        granted, code = snakemake.resources, snakemake.params.code
        machines = slurm.count_of(granted)
        settings = snakemake.params.settings
        settings["train"]["checkpoint_minutes"] = granted.checkpoint_seconds / 60
        used = train(paths, settings, granted.gpu, machines, code)
        faces = {"train": paths.train, "validation": paths.validation}
        origin = provenance.of_training(used, faces, machines, code)
        files.write_json(snakemake.output.training, origin)
        checkpoints.delete_all(Path(paths.model).parent)  # not before nothing can go wrong
    else:
        main()
