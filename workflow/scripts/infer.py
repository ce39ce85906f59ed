"""Run a trained network over files of faces and write its predictions, one row for each face.

Reads: model.pt, and an HDF5 file with the table beside it (in the workflow: test and validation; of
a run with folds, in place of the latter the predictions of each fold).
Writes: an inference table for each file (columns: `renet.evaluation.tables.INFERENCE`), and for the
first one also inference.txt, the format of the course's save_inference with correct targets.
Decides: nothing; equal probabilities count for the lower class, as in neon.
"""

import logging
from pathlib import Path

import pandas as pd

from renet.common import script
from renet.common.errors import InputError
from renet.dataset import hdf5
from renet.dataset.tables import SPLIT
from renet.evaluation import inference_table
from renet.evaluation.tables import ATTRIBUTES, INFERENCE, OUT_OF_FOLD, SAMPLE
from renet.network import devices, model_file
from renet.network.inference import logits, softmax


def infer(
    model: Path,
    faces: Path,
    table: Path | None = None,
    *,
    inference: script.Output,
    course_format: Path | None = None,
    compute: devices.Compute = devices.Compute(),
    validation_faces: Path | None = None,
    validation_table: Path | None = None,
    inference_validation: Path | None = None,
    folds: list[Path] = (),
    gpu: script.Granted = None,
) -> None:
    """Write the predictions of a network.

    Args:
        model: model.pt.
        faces: HDF5 file of faces.
        table: CSV table of the faces; by default the one beside the HDF5 file.
        inference: inference table to write.
        course_format: text file to write in the course's format.
        compute: device, precision and threads.
        validation_faces: a second HDF5 file of faces, whose predictions have no text file.
        validation_table: its table.
        inference_validation: its inference table to write.
        folds: tables of the predictions of all folds, which this table is then made from.
    """
    device = devices.choose(devices.granted(compute.device, gpu), compute.threads)
    network = devices.to_device(model_file.load(model), device, compute.precision)
    subsets = [(faces, table or faces.with_suffix(".csv"), inference)]
    if validation_faces:
        subsets.append((validation_faces, validation_table, inference_validation))
    for face_file, table_file, output in subsets:
        stored = hdf5.read(face_file)
        hdf5.check_digest(stored)
        if stored.shape != network.input_shape:
            fault = f"{face_file} has faces of shape {stored.shape}, but {model} needs"
            raise InputError(f"{fault} {network.input_shape}; write the faces again in that size.")
        samples = read_samples(table_file, stored)
        values = logits(network, stored.pixels, device, compute.precision, show_progress=True)
        probabilities = softmax(values)
        predictions = inference_table.build(samples, probabilities)
        INFERENCE.write(output, predictions)
        if course_format and face_file == faces:
            inference_table.write_course_format(course_format, probabilities, stored.targets)
        correct = predictions.correct.sum()
        logging.info("%s: %d samples, %d correct", output, len(predictions), correct)
    if folds:
        samples = SPLIT.read(validation_table, [*SAMPLE, *ATTRIBUTES]).assign(subset=OUT_OF_FOLD)
        probabilities = inference_table.out_of_fold(samples, folds)
        INFERENCE.write(inference_validation, inference_table.build(samples, probabilities))


def read_samples(table: Path, stored: hdf5.FaceFile) -> pd.DataFrame:
    """The table beside an HDF5 file.

    Raises:
        InputError: its targets are not those of the HDF5 file.
    """
    samples = SPLIT.read(table, [*SAMPLE, *ATTRIBUTES])
    if len(samples) != len(stored) or (samples.target.to_numpy() != stored.targets).any():
        raise InputError(
            f"{table} and {stored.path} do not belong together, because their faces differ; "
            "delete both, and run the workflow again."
        )
    return samples


if __name__ == "__main__":
    script.run(infer)
