"""Predict files of faces with a trained network, and write one row for each face.

Reads: model.pt, test.h5 and validation.h5 with the tables beside them; for a run with folds, the
predictions of each fold in place of validation.h5.
Writes: an inference table (`renet.evaluation.inference_table.INFERENCE`) for each file; and for
test.h5, inference.txt in the format of the course's save_inference, with correct targets.
"""

import logging
from pathlib import Path

from renet.common import script
from renet.common.errors import InputError
from renet.dataset import hdf5
from renet.dataset.tables import SPLIT
from renet.evaluation import inference_table
from renet.evaluation.inference_table import ATTRIBUTES, INFERENCE, OUT_OF_FOLD, SAMPLE
from renet.network import devices, model_file
from renet.network.course_file import write_course_format
from renet.network.inference import logits, softmax


def infer(
    model: Path,
    faces: Path,
    table: Path,
    inference: Path,
    compute: devices.Compute,
    gpu: int,
    course_format: Path | None = None,
    validation_faces: Path | None = None,
    validation_table: Path | None = None,
    inference_validation: Path | None = None,
    folds: list[Path] = (),
) -> None:
    device = devices.choose(devices.granted(compute.device, gpu), compute.threads)
    network = devices.to_device(model_file.load(model), device)
    subsets = [(faces, table, inference)]
    if validation_faces:
        subsets.append((validation_faces, validation_table, inference_validation))
    for face_file, table_file, output in subsets:
        stored = hdf5.read(face_file)
        hdf5.check_digest(stored)
        if stored.shape != network.input_shape:
            fault = f"{face_file} has faces of shape {stored.shape}, but {model} needs"
            raise InputError(f"{fault} {network.input_shape}; write them with that `crop.size`.")
        hdf5.check_table(stored, table_file)
        samples = SPLIT.read(table_file, [*SAMPLE, *ATTRIBUTES])
        values = logits(network, stored.pixels, device, compute.precision, show_progress=True)
        probabilities = softmax(values, model)
        predictions = inference_table.build(samples, probabilities)
        INFERENCE.write(output, predictions)
        if course_format and face_file == faces:
            write_course_format(course_format, probabilities, stored.targets)
        correct = predictions.correct.sum()
        logging.info("%s: %d samples, %d correct", output, len(predictions), correct)
    if folds:
        samples = SPLIT.read(validation_table, [*SAMPLE, *ATTRIBUTES]).assign(subset=OUT_OF_FOLD)
        probabilities = inference_table.out_of_fold(samples, folds)
        INFERENCE.write(inference_validation, inference_table.build(samples, probabilities))


if __name__ == "__main__":
    script.run(infer)
