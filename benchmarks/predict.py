"""Predictions on ready-made crops against infer on the same faces, and the memory of many photos.

    python benchmarks/predict.py results/runs/renet wiki_crop.tar
    python benchmarks/predict.py results/runs/renet wiki_crop.tar --memory FOLDER/imdb_crop.tar

infer has the faces in memory, as from an HDF5 file; predict reads, decodes and resizes them first.
Both predict the faces of the first tar in turns, in one process with an equal number of threads.
The memory is that of predict.py on each tar of --memory, in a process of its own; rehearsal.py
makes tars of any number of photos.
"""

import dataclasses
import logging
import sys
import tempfile
from pathlib import Path

import measuring
import numpy as np

sys.path.insert(0, str(measuring.SCRIPTS))  # before this folder, which has a predict.py, too

from predict import predict

from renet.network import devices, inference
from renet.prediction import photos, pipeline, predictor


def faces_of(tar: Path, found: predictor.Predictor) -> np.ndarray:
    """The faces of all photos, as an HDF5 file has them, (N, 3, height, width) uint8."""
    cuts = (pipeline.cut_faces(photo, found, detect=False)[0] for photo in photos.find([str(tar)]))
    return np.stack([cut.pixels for cut in cuts if cut.pixels is not None])


def print_speeds(run: Path, tar: Path, rounds: int, compute: devices.Compute) -> None:
    """Print the faces a second, and a CPU second, of infer and of predict."""
    found = predictor.load(run)
    device = devices.choose(compute.device, compute.threads)
    network = devices.to_device(found.network, device)
    faces = faces_of(tar, found)
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "predictions.csv")
        seconds = measuring.in_turns(
            {
                "infer": lambda: inference.logits(network, faces, device, compute.precision),
                "predict": lambda: predict(run, [str(tar)], predictions=table, compute=compute),
            },
            rounds,
        )
    print(f"{len(faces):,} faces")
    rates = {name: len(faces) / np.median(found, axis=0) for name, found in seconds.items()}
    rates["ratio"] = np.median(seconds["infer"] / seconds["predict"], axis=0)
    rows = [(name, *(f"{value:,.2f}" for value in found)) for name, found in rates.items()]
    measuring.print_table(["", "faces/s", "faces a CPU second"], rows)


def main() -> None:
    """Measure what the command line asks for."""
    parser = measuring.parser(__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("photos", type=Path, help="tar of crops")
    parser.add_argument("--memory", type=Path, nargs="*", default=[], help="tars of many photos")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    compute = devices.Compute("cpu", arguments.precision, arguments.threads)
    print_speeds(arguments.run, arguments.photos, arguments.rounds, compute)
    for tar in arguments.memory:
        with tempfile.TemporaryDirectory() as folder:
            _, peak = measuring.script_cost(
                "predict", model=arguments.run, photos=[tar], compute=dataclasses.asdict(compute),
                predictions=Path(folder, "many.csv"), html=Path(folder, "many.html"),
            )  # fmt: skip
        print(f"{len(photos.find([str(tar)])):,} photos: peak memory {peak:,.0f} MiB")


if __name__ == "__main__":
    main()
