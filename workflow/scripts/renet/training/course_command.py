"""Command line like the course's main_classify.py, with the options of neon's NeonArgparser.

It trains on --data_root, saves the network to --save_path and prints the accuracy at the end.
torchrun can start it in several processes of one machine.
"""

import argparse
import logging
import os
from pathlib import Path

from renet.common import disk, files, logs
from renet.common.errors import InputError
from renet.common.history import HISTORY
from renet.config.train import Recipe
from renet.dataset import hdf5
from renet.network import model_file
from renet.network.course_file import write_course_format
from renet.network.inference import logits, softmax
from renet.training import loop, processes
from renet.training.loop import Trainer
from renet.training.settings import RunSettings

PRECISION_OF_DATATYPE = {"f32": "float32", "bf16": "bfloat16"}
DEVICE_OF_BACKEND = {"cpu": "cpu", "mkl": "cpu", "gpu": "cuda"}


def main() -> None:
    """Train from the command line."""
    arguments = parse_arguments()
    # Rank 0 alone logs more than warnings.
    is_first = os.environ.get("RANK", "0") == "0"
    logs.start(level=logging.INFO if is_first else logging.WARNING)
    os.environ.setdefault("LOCAL_RANK", str(arguments.device_id))  # torchrun has set it
    named = arguments.save_path, arguments.output_file, arguments.inference_file
    outputs = [path for path in named if path]
    with disk.explained(outputs), processes.group(DEVICE_OF_BACKEND[arguments.backend]):
        run_course(arguments, outputs)


def parse_arguments() -> argparse.Namespace:
    """Parse and check the options, which are those of the course's script."""
    parser = argparse.ArgumentParser(
        description="Train the course's network on train.h5. Options as in its main_classify.py.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--no_progress_bar", action="store_true", help="do not show a progress bar")
    add("--data_root", type=Path, default="./results/data", help="folder of train.h5 and test.h5")
    add("-e", "--epochs", type=int, default=10, help="epochs in total, also with --model_file")
    add("-s", "--save_path", type=Path, help="file in which the model is saved")
    add("--serialize", type=int, nargs="?", const=1, default=0, help="save after every N epochs")
    add("--model_file", help="model, saved by --save_path, from which to continue")
    add("-o", "--output_file", type=Path, help="CSV file for the metrics by epoch")
    add("--inference_file", type=Path, help="text file for the probabilities of the test.h5 faces")
    add("-eval", "--eval_freq", type=int, default=1, help="evaluate every N epochs")
    add("-b", "--backend", choices=list(DEVICE_OF_BACKEND), default="cpu", help="mkl: the CPU")
    add("-i", "--device_id", type=int, default=0, help="number of the GPU")
    add("-r", "--rng_seed", type=int, default=1, help="seed of the initial weights")
    add("-d", "--datatype", choices=list(PRECISION_OF_DATATYPE), default="f32", help="precision")
    add("-z", "--batch_size", type=int, default=32, help="number of faces in a batch")
    add("--nesterov", action="store_true", help="use Nesterov momentum, as the course's text does")
    add("--threads", type=int, default=2, help="number of PyTorch threads on a CPU")
    arguments = parser.parse_args()
    for name in ("epochs", "batch_size", "eval_freq", "threads"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name} must be at least 1")
    if not 0 <= arguments.rng_seed < 2**32:
        parser.error("--rng_seed must be from 0 to 4294967295")
    if arguments.serialize and not arguments.save_path:
        parser.error("--serialize needs --save_path, the file in which the model is saved")
    return arguments


def run_course(arguments: argparse.Namespace, outputs: list[Path]) -> None:
    """Train in this process, one of a group; validate on test.h5 if there is no validation.h5."""
    if processes.is_main():
        files.check_distinct(outputs, arguments.data_root.glob("*.h5"))
        for path in outputs:
            files.check_writable(path)  # before the training, which can take hours
    recipe = Recipe.model_validate({
        "device": DEVICE_OF_BACKEND[arguments.backend], "threads": arguments.threads,
        "precision": PRECISION_OF_DATATYPE[arguments.datatype], "seed": arguments.rng_seed,
        "epochs": arguments.epochs, "validate_every": arguments.eval_freq,
        "batch_size": arguments.batch_size, "nesterov": arguments.nesterov,
    })  # fmt: skip
    folder = arguments.data_root
    held_out = "validation.h5" if (folder / "validation.h5").exists() else "test.h5"
    faces = hdf5.read(folder / "train.h5"), hdf5.read(folder / held_out)
    test = hdf5.read(folder / "test.h5") if arguments.inference_file else None
    saved = model_file.read(arguments.model_file) if arguments.model_file else None
    state = saved.get("training", {}) if saved else {}
    if saved and ("steps" not in state or state["weights"]):  # as in a run's checkpoint
        raise InputError(
            f"{arguments.model_file} has no state from which this command can continue; name a "
            "file that --save_path of this version has written."
        )
    settings = RunSettings(train=recipe)
    trainer = loop.build(settings, loop.choose_device(recipe), *faces, saved=saved)

    def after_epoch(trainer: Trainer) -> None:
        if arguments.save_path and not trainer.epoch % (arguments.serialize or 1):
            model_file.save(arguments.save_path, trainer.model, training=trainer.state())

    trainer.run(after_epoch=after_epoch, show_progress=not arguments.no_progress_bar)
    accuracy = trainer.validate()[1]
    if not processes.is_main():
        return
    if arguments.save_path:
        model_file.save(arguments.save_path, trainer.model, training=trainer.state())
    else:
        logging.warning("The trained network is not saved: no --save_path was given.")
    if arguments.output_file:
        HISTORY.write(arguments.output_file, HISTORY.frame(trainer.history))
    if test:
        values = logits(trainer.eval_model, test.pixels, trainer.device, recipe.precision)
        write_course_format(arguments.inference_file, softmax(values), test.targets)
    print(f"Accuracy = {accuracy * 100:.1f}%")
