"""Run a trained network over faces and write one row for each: what it is, what was answered.

Reads: model.pt, and an HDF5 file with the table beside it (validation and test in the workflow).
Writes: the inference table (columns: see `renet.evaluation.inference_table.tabulate`), and for the
test set also inference.txt in the format of the course's save_inference, with the right targets.
Decides: nothing; a tie between the classes counts for the lower one, as in neon.
"""

import argparse
import logging
from typing import get_args

import pandas as pd

from renet.common import files, logs
from renet.common.errors import InputError
from renet.dataset import hdf5
from renet.evaluation import inference_table
from renet.network import devices, inference
from renet.network.model_file import load


def infer(
    model_file: str,
    faces: dict[str, tuple[str, str]],
    seed_format: str | None,
    *,
    device: str = "auto",
    precision: str = "float32",
    threads: int = 2,
) -> None:
    """Write the inference table of each of `faces`, given as {output: (HDF5 file, table)}.

    Args:
        seed_format: where to write the course's text file of the first of them, if anywhere.
    """
    target = devices.choose(devices.Compute(device, precision, threads))
    model = devices.to_device(load(model_file), target, precision)
    for output, (face_file, table) in faces.items():
        stored = hdf5.read(face_file)
        if stored.shape != model.input_shape:
            raise InputError(
                f"{face_file} has faces of shape {stored.shape} and {model_file} was trained on "
                f"{model.input_shape}."
            )
        logits = inference.logits(model, stored.pixels, target, precision, show_progress=True)
        probabilities = inference.softmax(logits)
        answered = inference_table.tabulate(read_samples(table, stored), probabilities)
        with files.replacing(output) as temporary:
            answered.to_csv(temporary, index=False)
        if seed_format:
            inference_table.write_seed_format(seed_format, probabilities, stored.targets)
            seed_format = None
        logging.info("%s: %d samples, %d right", output, len(answered), answered.correct.sum())


def read_samples(table: str, stored: hdf5.FaceFile) -> pd.DataFrame:
    """The table beside an HDF5 file, held against the classes in it."""
    samples = pd.read_csv(table, keep_default_na=False, dtype=inference_table.AS_TEXT)
    if len(samples) != len(stored) or (samples.target.to_numpy() != stored.targets).any():
        raise InputError(
            f"{table} does not describe the faces of {stored.path}: they are not from one run; "
            "delete both to have them written again."
        )
    return samples


def main() -> None:
    """Run a network over one file from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("model", help="model.pt")
    parser.add_argument("faces", help="HDF5 file of faces")
    parser.add_argument("table", help="CSV beside it, one line a face")
    parser.add_argument("-o", "--output", required=True, metavar="CSV", help="table to write")
    parser.add_argument("--seed-format", metavar="TXT", help="also write the course's text file")
    parser.add_argument("--device", choices=get_args(devices.Device), default="auto")
    parser.add_argument("--precision", choices=get_args(devices.Precision), default="float32")
    parser.add_argument("--threads", type=int, default=2, help="threads of PyTorch (default: 2)")
    arguments = parser.parse_args()
    logs.start()
    infer(
        arguments.model,
        {arguments.output: (arguments.faces, arguments.table)},
        arguments.seed_format,
        device=arguments.device,
        precision=arguments.precision,
        threads=arguments.threads,
    )


if __name__ == "__main__":
    if "snakemake" in globals():
        logs.start(snakemake.log[0])
        infer(
            snakemake.input.model,
            {
                snakemake.output.test: (snakemake.input.test, snakemake.input.test_table),
                snakemake.output.validation: (
                    snakemake.input.validation,
                    snakemake.input.validation_table,
                ),
            },
            snakemake.output.seed_format,
            # What Snakemake grants goes before what the settings say.
            **snakemake.params.compute | ({} if snakemake.resources.gpu else {"device": "cpu"}),
        )
    else:
        main()
