"""Train the network on train.h5, and leave it with the history of its epochs.

Reads: train.h5 and validation.h5 in neon's layout, and the run's settings.
Writes: model.pt (the network with its architecture), history.csv (loss and accuracy of every epoch,
on the training set while it was learned and on the validation set after it), throughput.csv (what
the clock said, kept apart so that the other two can be compared byte for byte).
Decides: nothing beyond the settings. A checkpoint beside model.pt, named by a fingerprint of
settings, code and data, lets an interrupted training go on where it was; it goes when all is done.

By hand it takes the options of the course's main_classify.py under their own names.
"""

import argparse
import dataclasses
import logging
from pathlib import Path

import h5py

from renet import checkpoints, files, hdf5, logs, models, training
from renet.architecture import Architecture
from renet.errors import InputError
from renet.hdf5 import FaceFile
from renet.models import ReNet
from renet.progress import Progress
from renet.training import Recipe, Trainer

PRECISION_OF_DATATYPE = {"f32": "float32", "f64": "float64", "bf16": "bfloat16"}


def make_network(train_file: FaceFile, architecture: Architecture, seed: int) -> ReNet:
    """The network for these faces, with its initial weights."""
    model = ReNet(train_file.shape, architecture, train_file.mean)
    models.initialise(model, seed)
    logging.info("The network has %s parameters", f"{models.parameter_count(model):,}")
    logging.debug("%s", model)
    return model


def train(
    train_file: str,
    validation_file: str,
    model_file: str,
    history: str,
    throughput: str,
    settings: dict,
    gpus: int,
    code: str,
) -> None:
    """Train one run of the workflow.

    Args:
        settings: the run's sections `model` and `train`.
        gpus: what Snakemake grants; none leaves the CPU, whatever the settings say.
        code: digest of the code, part of the checkpoint's name.
    """
    recipe = Recipe(**settings["train"] | ({} if gpus else {"device": "cpu"}))
    faces, validation = hdf5.read(train_file), hdf5.read(validation_file)
    model = make_network(faces, Architecture(**settings["model"]), recipe.seed)
    folder = Path(model_file).parent
    # How often a checkpoint is left changes nothing of the training, which may go on from it.
    recipe_settings = settings["train"] | {"checkpoint_minutes": None}
    parts = (settings["model"], recipe_settings, code, faces.digest, validation.digest)
    path = checkpoints.path_for(folder, *parts)
    checkpoint = checkpoints.Checkpoint(path)
    trainer = Trainer(model, recipe, faces, validation, checkpoint)
    if content := checkpoint.load():
        trainer.restore(content)
    trainer.run()
    files.write_text(history, training.table(trainer.history, training.HISTORY_COLUMNS))
    files.write_text(throughput, training.table(trainer.throughput, training.THROUGHPUT_COLUMNS))
    models.save(model_file, trainer.model)
    checkpoints.delete_all(folder)


def train_by_hand(arguments: argparse.Namespace) -> None:
    """Train as the course's script does: from --data_root, to --save_path, and test at the end."""
    recipe = Recipe(
        epochs=arguments.epochs,
        batch_size=arguments.batch_size,
        device={"cpu": "cpu", "gpu": f"cuda:{arguments.device_id}"}[arguments.backend],
        precision=PRECISION_OF_DATATYPE[arguments.datatype],
        seed=arguments.rng_seed,
        validate_every=arguments.eval_freq,
        nesterov=arguments.nesterov,
        threads=arguments.threads,
    )
    faces = hdf5.read(Path(arguments.data_root) / "train.h5")
    held_out = find_held_out(Path(arguments.data_root))
    snapshots = Snapshots(arguments.save_path, arguments.serialize, arguments.history)
    if arguments.model_file:
        content = models.read(arguments.model_file)
        trainer = Trainer(models.build(content), recipe, faces, held_out, None, snapshots.save)
        if "training" not in content:
            raise InputError(
                f"{arguments.model_file} holds no state of a training to go on from; files saved "
                "by --save_path do."
            )
        trainer.restore(content)
    else:
        model = make_network(faces, Architecture(), recipe.seed)
        trainer = Trainer(model, recipe, faces, held_out, None, snapshots.save)
    trainer.run()
    snapshots.finish(trainer)
    if arguments.output_file:
        write_metrics(Path(arguments.output_file), trainer.history)
    print(f"Accuracy = {trainer.validate()[1] * 100:.1f}%")


def find_held_out(data_root: Path) -> FaceFile:
    """validation.h5 where the folder has one, else test.h5, which is all that the course has."""
    validation = data_root / "validation.h5"
    return hdf5.read(validation if validation.exists() else data_root / "test.h5")


@dataclasses.dataclass
class Snapshots:
    """Models saved during the training: --save_path, --serialize and --history.

    Attributes:
        path: file for the newest model; None saves nothing.
        every: epochs between two models; 0 saves the last one only.
        keep: number of models kept; with more than one each has its epoch in its name.
    """

    path: str | None
    every: int
    keep: int

    def __post_init__(self) -> None:
        self._written: list[Path] = []

    def save(self, trainer: Trainer) -> None:
        """Called after each epoch."""
        if self.path and self.every and trainer.epoch % self.every == 0:
            self._write(trainer)

    def finish(self, trainer: Trainer) -> None:
        """Save the trained model under the very name that was asked for."""
        if self.path:
            models.save(self.path, trainer.model, training=trainer.state())

    def _write(self, trainer: Trainer) -> None:
        path = Path(self.path)
        if self.keep > 1:
            path = path.with_name(f"{path.stem}_{trainer.epoch}{path.suffix}")
        models.save(path, trainer.model, training=trainer.state())
        self._written.append(path)
        if len(self._written) > self.keep > 1:
            self._written.pop(0).unlink(missing_ok=True)


def write_metrics(path: Path, history: list[dict]) -> None:
    """Write the history as CSV, or as one HDF5 dataset a column where the name ends so."""
    if path.suffix not in (".h5", ".hdf5"):
        files.write_text(path, training.table(history, training.HISTORY_COLUMNS))
        return
    with files.replacing(path) as temporary, h5py.File(temporary, "w", locking=False) as store:
        for column in training.HISTORY_COLUMNS:
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
    train_by_hand(arguments)


if __name__ == "__main__":
    if "snakemake" in globals():
        logs.start(snakemake.log[0])
        train(
            snakemake.input.train,
            snakemake.input.validation,
            snakemake.output.model,
            snakemake.output.history,
            snakemake.output.throughput,
            settings=snakemake.params.settings,
            gpus=snakemake.resources.gpu,
            code=snakemake.params.code,
        )
    else:
        main()
